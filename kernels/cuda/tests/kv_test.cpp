// The paged cache: where a token's bytes lie, saturation, copies of blocks.
#include "harness.h"

// The layout as engine_cuda.h has it, written again from the words.
static int64_t offset_of(int row, int byte, int row_bytes) {
  const int atom_row = row / 8, atom_column = byte / 128, chunk = byte % 128 / 16;
  return (int64_t)atom_row * 8 * row_bytes + atom_column * 1024 + row % 8 * 128 + (chunk ^ (row % 8)) * 16 + byte % 16;
}

static void test_write(int type, int kv_type, int head_dim) {
  const std::string name = std::string("write_kv ") + type_name(type) + " to " + std::to_string(kv_type);
  for_seeds(name + " head " + std::to_string(head_dim), [&](uint32_t seed) {
    Random random(seed);
    const int heads = 2, rows = 5, pages = 6, eb = type_bytes(kv_type);
    const int row_bytes = EKC_KV_ROW_BYTES(head_dim, eb);
    Memory keys((int64_t)pages * heads * 16 * row_bytes), values(keys.bytes());
    keys.fill(0);
    values.fill(0);
    Tensor key(type, rows, heads * head_dim, heads * head_dim + 8), value(type, rows, heads * head_dim);
    key.randomize(random, 200);
    value.randomize(random);
    Ints slots({0, 95, -1, 40, 41});
    const float key_scale = kv_type == EKC_E4M3 ? 0.5f : 1.f;
    EkcWriteKv p = {keys.address(), values.address(), key.address(), value.address(), slots.address(), key.stride,
                    value.stride, rows, heads, head_dim, kv_type, key_scale, 1.f};
    launch(std::string("ekc_write_kv_") + type_name(type), {(uint32_t)rows, heads, 1}, 128, 0, &p, seed);
    std::vector<uint8_t> want_keys(keys.bytes()), want_values(keys.bytes());
    for (int r = 0; r < rows; r++) {
      if (slots[r] < 0) continue;
      for (int i = 0; i < heads * head_dim; i++) {
        const int64_t tile = ((int64_t)slots[r] / 16 * heads + i / head_dim) * 16 * row_bytes;
        const int64_t at = tile + offset_of(slots[r] % 16, i % head_dim * eb, row_bytes);
        encode(&want_keys[at], 0, kv_type, (float)key.at(r, i) / key_scale);
        encode(&want_values[at], 0, kv_type, (float)value.at(r, i));
      }
    }
    expect_same_bytes(keys.data(), want_keys.data(), keys.bytes(), "keys");
    expect_same_bytes(values.data(), want_values.data(), values.bytes(), "values");
  });
}

// One launch, and the three that it stands for.
static void test_kv_rope(int type, int kv_type, int head_dim, int rotary, int interleaved) {
  const std::string name = std::string("kv_rope ") + type_name(type) + " to " + std::to_string(kv_type);
  for_seeds(name + " head " + std::to_string(head_dim), [&](uint32_t seed) {
    Random random(seed);
    const uint32_t heads = 3, kv_heads = 2, rows = 4, pages = 5;
    const int row_bytes = EKC_KV_ROW_BYTES(head_dim, type_bytes(kv_type));
    const int width = (int)(heads + 2 * kv_heads) * head_dim;
    Memory keys((int64_t)pages * kv_heads * 16 * row_bytes), values(keys.bytes());
    Memory want_keys(keys.bytes()), want_values(keys.bytes());
    for (Memory* m : {&keys, &values, &want_keys, &want_values}) m->fill(0);
    // As a fused projection leaves them, with a row that goes nowhere.
    Tensor qkv(type, rows, width, width + 8), want(type, rows, width, width + 8);
    qkv.randomize(random);
    memcpy(want.data(), qkv.data(), (size_t)qkv.bytes());
    Tensor query_table(EKC_F32, 9, rotary), key_table(EKC_F32, 9, rotary);
    query_table.randomize(random);
    key_table.randomize(random);
    Ints slots({3, 79, -1, 40}), positions({8, 0, 5, 2});
    const uint64_t bytes = (uint64_t)type_bytes(type);
    const uint64_t k = heads * head_dim * bytes, v = k + kv_heads * head_dim * bytes;
    auto parts = [&](const Tensor& x, const Memory& to_keys, const Memory& to_values) {
      return EkcWriteKv{to_keys.address(), to_values.address(), x.address() + k, x.address() + v, slots.address(),
                        x.stride, x.stride, (int)rows, (int)kv_heads, head_dim, kv_type,
                        kv_type == EKC_E4M3 ? 0.5f : 1.f, 1.f};
    };
    const std::string suffix = std::string("_") + type_name(type);
    EkcRope turn = {want.address(), positions.address(), query_table.address(), want.stride, (int)rows, (int)heads,
                    head_dim, rotary, interleaved, 0};
    launch("ekc_rope" + suffix, {rows, heads, 1}, 64, 0, &turn, seed);
    turn.x = want.address() + k;
    turn.cos_sin = key_table.address();
    turn.num_heads = kv_heads;
    launch("ekc_rope" + suffix, {rows, kv_heads, 1}, 64, 0, &turn, seed);
    EkcWriteKv write = parts(want, want_keys, want_values);
    launch("ekc_write_kv" + suffix, {rows, kv_heads, 1}, 128, 0, &write, seed);

    EkcKvRope p = {parts(qkv, keys, values), qkv.address(), positions.address(), query_table.address(),
                   key_table.address(), qkv.stride, (int)heads, rotary, interleaved, 0};
    launch("ekc_kv_rope" + suffix, {rows, heads + kv_heads, 1}, 64, 0, &p, seed);
    expect_same_bytes(keys.data(), want_keys.data(), keys.bytes(), "keys");
    expect_same_bytes(values.data(), want_values.data(), values.bytes(), "values");
    for (uint32_t r = 0; r < rows; r++) {
      const int64_t row = r * qkv.stride * (int64_t)bytes;
      expect_same_bytes(qkv.data() + row, want.data() + row, (int64_t)k, "query");
    }
  });
}

static void test_copy() {
  for_seeds("copy_blocks", [&](uint32_t seed) {
    Random random(seed);
    const uint64_t block_bytes[2] = {4096 + 16, 512};
    Memory first(5 * block_bytes[0]), second(5 * block_bytes[1]), pools(16), sizes(16);
    Memory* all[2] = {&first, &second};
    Ints copies({0, 3, 4, 1});
    std::vector<std::vector<uint8_t>> want;
    for (int i = 0; i < 2; i++) {
      for (int64_t b = 0; b < all[i]->bytes(); b++) all[i]->data()[b] = (uint8_t)random.bits();
      ((uint64_t*)pools.data())[i] = all[i]->address();
      ((uint64_t*)sizes.data())[i] = block_bytes[i];
      want.emplace_back(all[i]->data(), all[i]->data() + all[i]->bytes());
      for (int c = 0; c < 2; c++) {
        memcpy(&want[i][copies[2 * c + 1] * block_bytes[i]], all[i]->data() + copies[2 * c] * block_bytes[i],
               block_bytes[i]);
      }
    }
    EkcCopyBlocks p = {pools.address(), sizes.address(), copies.address()};
    launch("ekc_copy_blocks", {2, 2, 1}, 256, 0, &p, seed);
    for (int i = 0; i < 2; i++) expect_same_bytes(all[i]->data(), want[i].data(), all[i]->bytes(), "pool");
  });
}

void test_kv() {
  for (int kv_type : {EKC_F32, EKC_F16, EKC_BF16, EKC_E4M3}) {
    test_write(EKC_F32, kv_type, 128);
    test_write(EKC_BF16, kv_type, 80);
  }
  test_write(EKC_F16, EKC_F16, 256);
  test_write(EKC_F16, EKC_F16, 20);
  test_kv_rope(EKC_F32, EKC_F32, 64, 64, 0);
  test_kv_rope(EKC_BF16, EKC_BF16, 128, 128, 0);
  test_kv_rope(EKC_BF16, EKC_E4M3, 256, 192, 0);
  test_kv_rope(EKC_F16, EKC_F16, 20, 10, 1);
  test_copy();
}
