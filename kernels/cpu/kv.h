// Writing the paged cache. Included inside the namespace of one ISA level.
#pragma once

// The K tile of 16 tokens that holds token `offset` of a block; its V tile follows it.
INLINE char* kv_tile(const KvJob& kv, int64_t block, int64_t head, int64_t offset) {
  const int64_t tiles = kv.block_size / 16;
  return kv.data + block * kv.block_bytes + (head * tiles + offset / 16) * 2 * kv.tile_bytes;
}

// K [d/PAIR][16][PAIR], V [16/PAIR][d][PAIR]; dimensions past head_dim are zero.
template <class T, int PAIR>
static void write_token(
    const KvJob& kv, const float* key, const float* value, char* tile, int64_t token) {
  T narrow[16];
  T* k = reinterpret_cast<T*>(tile) + token * PAIR;
  T* v = reinterpret_cast<T*>(tile + kv.tile_bytes) + token / PAIR * kv.padded_dim * PAIR + token % PAIR;
  for (int64_t d = 0; d < kv.padded_dim; d += 16) {
    const int64_t left = kv.head_dim - d;
    const vf x = left >= 16 ? vload(key + d) : vload_n(key + d, left);
    vstore(narrow, x);
    for (int64_t i = 0; i < 16; i++) k[((d + i) / PAIR * 16) * PAIR + (d + i) % PAIR] = narrow[i];
    const vf y = left >= 16 ? vload(value + d) : vload_n(value + d, left);
    vstore(narrow, y);
    for (int64_t i = 0; i < 16; i++) v[(d + i) * PAIR] = narrow[i];
  }
}

static void kv_write(const KvWriteJob& job, int64_t row, int64_t head) {
  const KvJob& kv = job.kv;
  const int64_t slot = job.slots[row];
  if (slot < 0) return;
  const int64_t block = slot / kv.block_size, offset = slot % kv.block_size;
  const float* key = job.key + row * job.key_stride + head * kv.head_dim;
  const float* value = job.value + row * job.value_stride + head * kv.head_dim;
  char* tile = kv_tile(kv, block, head, offset);
  if (kv.dtype == EK_F32) {
    write_token<float, 1>(kv, key, value, tile, offset % 16);
  } else if (kv.dtype == EK_F16) {
    write_token<f16_t, 1>(kv, key, value, tile, offset % 16);
  } else if (kv.dot) {
    write_token<bf16_t, 2>(kv, key, value, tile, offset % 16);
  } else {
    write_token<bf16_t, 1>(kv, key, value, tile, offset % 16);
  }
}
