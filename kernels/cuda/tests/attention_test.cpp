// Attention over a shuffled paged cache against softmax in double.
#include "harness.h"

#include <algorithm>

#include "engine_cuda_attention.h"

struct AttentionCase {
  int heads, kv_heads, head_dim, kv_type, window;
  float soft_cap;
  bool alibi;
  int block_size;
  std::vector<int> queries, contexts;  // per sequence
};

struct AttentionData {
  const AttentionCase& c;
  int rows, max_blocks, num_blocks;
  Tensor query, output, slopes;
  Memory keys, values;
  std::vector<std::vector<float>> key_rows, value_rows;  // [sequence][position * kv_heads * head_dim]
  std::vector<int> starts, tables;
  Ints cu_seqlens, contexts, block_tables;

  static std::vector<int> prefix(const std::vector<int>& counts) {
    std::vector<int> sums = {0};
    for (int n : counts) sums.push_back(sums.back() + n);
    return sums;
  }
  static int blocks_of(const AttentionCase& c) {
    return (*std::max_element(c.contexts.begin(), c.contexts.end()) + c.block_size - 1) / c.block_size;
  }
  static std::vector<int> make_tables(const AttentionCase& c, int max_blocks, Random& random) {
    std::vector<int> ids((size_t)max_blocks * c.contexts.size());
    for (size_t i = 0; i < ids.size(); i++) ids[i] = (int)i;
    for (size_t i = ids.size() - 1; i > 0; i--) std::swap(ids[i], ids[random.below((int)i + 1)]);
    return ids;
  }
  int64_t pool_bytes() const {
    return (int64_t)num_blocks * c.block_size * c.kv_heads * EKC_KV_ROW_BYTES(c.head_dim, type_bytes(c.kv_type));
  }

  AttentionData(int type, const AttentionCase& c, Random& random)
      : c(c), rows(prefix(c.queries).back()), max_blocks(blocks_of(c)),
        num_blocks(max_blocks * (int)c.contexts.size()),
        query(type, rows, c.heads * c.head_dim, (c.heads * c.head_dim + 15) / 8 * 8),
        output(type, rows, c.heads * c.head_dim, c.heads * c.head_dim + 8),
        slopes(EKC_F32, 1, c.heads), keys(pool_bytes()), values(pool_bytes()),
        starts(prefix(c.queries)), tables(make_tables(c, max_blocks, random)),
        cu_seqlens(starts), contexts(c.contexts), block_tables(tables) {
    query.randomize(random);
    slopes.randomize(random, 0.1f);
    keys.fill(0);
    values.fill(0);
    for (size_t s = 0; s < c.contexts.size(); s++) fill_sequence((int)s, random);
  }

  // Writes as write_kv does, by the formula of engine_cuda.h.
  void fill_sequence(int s, Random& random) {
    const int eb = type_bytes(c.kv_type), row_bytes = EKC_KV_ROW_BYTES(c.head_dim, eb);
    key_rows.emplace_back();
    value_rows.emplace_back();
    for (int position = 0; position < c.contexts[s]; position++) {
      const int slot = tables[s * max_blocks + position / c.block_size] * c.block_size + position % c.block_size;
      const int r = slot % 16;
      for (int i = 0; i < c.kv_heads * c.head_dim; i++) {
        const int b = i % c.head_dim * eb;
        const int64_t at = ((int64_t)slot / 16 * c.kv_heads + i / c.head_dim) * 16 * row_bytes +
            (r >> 3) * 8 * row_bytes + (b >> 7) * 1024 + (r & 7) * 128 + (((b >> 4) & 7) ^ (r & 7)) * 16 + (b & 15);
        encode(keys.data() + at, 0, c.kv_type, random.normal());
        encode(values.data() + at, 0, c.kv_type, random.normal());
        key_rows[s].push_back(decode(keys.data() + at, 0, c.kv_type));
        value_rows[s].push_back(decode(values.data() + at, 0, c.kv_type));
      }
    }
  }

  EkcAttention arguments() const {
    EkcAttention p = {};
    p.output = output.address(), p.query = query.address(), p.keys = keys.address(), p.values = values.address();
    p.cu_seqlens_q = cu_seqlens.address(), p.context_lens = contexts.address();
    p.block_tables = block_tables.address(), p.alibi_slopes = c.alibi ? slopes.address() : 0;
    p.output_stride = output.stride, p.query_stride = query.stride;
    p.num_sequences = (int)c.contexts.size(), p.max_blocks = max_blocks, p.block_size = c.block_size;
    p.num_heads = c.heads, p.num_kv_heads = c.kv_heads, p.head_dim = c.head_dim, p.sliding_window = c.window;
    p.kv_type = c.kv_type, p.soft_cap = c.soft_cap;
    p.scale = 1.f / sqrtf((float)c.head_dim);
    p.key_scale = c.kv_type == EKC_E4M3 ? 1.25f : 1.f;
    p.value_scale = c.kv_type == EKC_E4M3 ? 0.75f : 1.f;
    return p;
  }

  std::vector<double> reference() const {
    const EkcAttention p = arguments();
    std::vector<double> want;
    for (size_t s = 0; s < c.contexts.size(); s++) {
      for (int row = starts[s]; row < starts[s + 1]; row++) {
        for (int head = 0; head < c.heads; head++) attend(p, (int)s, row, head, want);
      }
    }
    return want;
  }

  void attend(const EkcAttention& p, int s, int row, int head, std::vector<double>& want) const {
    const int position = c.contexts[s] - (starts[s + 1] - row), width = c.kv_heads * c.head_dim;
    const int first = c.window > 0 ? std::max(0, position - c.window + 1) : 0;
    const int offset = head / (c.heads / c.kv_heads) * c.head_dim;
    std::vector<double> scores;
    for (int key = first; key <= position; key++) {
      double dot = 0;
      for (int d = 0; d < c.head_dim; d++) {
        dot += query.at(row, head * c.head_dim + d) * key_rows[s][(size_t)key * width + offset + d];
      }
      dot *= (double)p.key_scale * p.scale;
      if (c.soft_cap > 0) dot = c.soft_cap * tanh(dot / c.soft_cap);
      scores.push_back(dot + (c.alibi ? slopes.at(0, head) * (key - position) : 0));
    }
    const double maximum = *std::max_element(scores.begin(), scores.end());
    double total = 0;
    std::vector<double> sums(c.head_dim);
    for (size_t i = 0; i < scores.size(); i++) {
      const double weight = exp(scores[i] - maximum);
      total += weight;
      for (int d = 0; d < c.head_dim; d++) sums[d] += weight * value_rows[s][(first + i) * width + offset + d];
    }
    for (double sum : sums) want.push_back(sum / total * p.value_scale);
  }
};

static void test_any(int type, const AttentionCase& c) {
  const std::string name = std::string("attention_any ") + type_name(type) + " head " + std::to_string(c.head_dim);
  for_seeds(name, [&](uint32_t seed) {
    Random random(seed);
    AttentionData data(type, c, random);
    const EkcAttention p = data.arguments();
    launch(std::string("ekc_attention_any_") + type_name(type), {(uint32_t)data.rows, (uint32_t)c.heads, 1}, 128,
           EKC_ATTENTION_ANY_SHARED, &p, seed);
    expect_near(data.output, data.reference(), 2 * epsilon_of(type) + 2e-6, 0.5);
  });
}

// The tensor-core forms as a step would launch them; `split_blocks` must not matter. wide: wgmma in place of tiles.
static void run_mma(
    int type, AttentionData& data, uint32_t split_blocks, uint32_t seed, bool bulk = false, bool wide = false) {
  const AttentionCase& c = data.c;
  const bool narrow = c.kv_type == EKC_E4M3;
  const int D = narrow && c.head_dim > 128 ? 256 : (c.head_dim + 63) / 64 * 64, group = c.heads / c.kv_heads;
  std::vector<int> starts = {0};
  int most = 0;
  for (size_t s = 0; s < c.contexts.size(); s++) {
    const bool split = c.queries[s] * group <= 16;
    const int chunks = (c.contexts[s] + EKC_ATTENTION_CHUNK - 1) / EKC_ATTENTION_CHUNK;
    starts.push_back(starts.back() + (split ? chunks : 0));
    most = std::max(most, c.queries[s] * group);
  }
  Ints chunk_starts(starts);
  Memory partials((int64_t)std::max(starts.back(), 1) * c.kv_heads * 16 * (D + 2) * 4);
  EkcAttention p = data.arguments();
  p.chunk_starts = chunk_starts.address();
  p.partials = partials.address();
  const std::string suffix = std::string(type_name(type)) + "_d" + std::to_string(D);
  const Grid tiled = {(uint32_t)(most + 63) / 64, (uint32_t)c.kv_heads, (uint32_t)c.contexts.size()};
  const std::string cache = narrow ? "e4m3_" : "";
  const int tiled_shared = narrow ? EKC_ATTENTION_TILED8_SHARED(D) : EKC_ATTENTION_TILED_SHARED(D);
  const int split_shared = narrow ? EKC_ATTENTION_SPLIT8_SHARED(D) : EKC_ATTENTION_SPLIT_SHARED(D);
  if (wide) {
    const Grid grid = {(uint32_t)(most + 127) / 128, tiled.y, tiled.z};
    const uint32_t shared = D == 64 ? EKC_ATTENTION_WGMMA_SHARED(64) : EKC_ATTENTION_WGMMA_SHARED(128);
    launch("ekc_attention_wgmma_" + suffix, grid, EKC_ATTENTION_WGMMA_THREADS, shared, &p, seed);
  } else {
    launch("ekc_attention_tiled_" + cache + suffix, tiled, 128, tiled_shared, &p, seed);
  }
  const std::string form = bulk ? "ekc_attention_split_bulk_" : "ekc_attention_split_";
  const int extra = bulk ? EKC_ATTENTION_BULK_SHARED : 0;
  launch(form + cache + suffix, {split_blocks, 1, 1}, 128, split_shared + extra, &p, seed);
  launch("ekc_attention_combine_" + suffix, {(uint32_t)data.rows, (uint32_t)c.heads, 1}, D, 0, &p, seed);
}

static void test_mma(int type, const AttentionCase& c) {
  const std::string name = std::string("attention_mma ") + type_name(type) + " head " + std::to_string(c.head_dim);
  for_seeds(name, [&](uint32_t seed) {
    Random random(seed);
    AttentionData data(type, c, random);
    run_mma(type, data, seed, seed);
    expect_near(data.output, data.reference(), 3 * epsilon_of(type), 1.0);
  });
}

// The last tokens of a prompt give the same bits as part of the prompt, alone, and in any company.
static void test_mma_bits(int type, AttentionCase c) {
  for_seeds("attention_mma, a row in other company", [&](uint32_t seed) {
    Random random(seed);
    AttentionData many(type, c, random);
    run_mma(type, many, 2, seed);
    AttentionCase one = c;
    one.queries = {1, 1};
    Random again(seed);
    AttentionData alone(type, one, again);
    const int64_t bytes = (int64_t)c.heads * c.head_dim * 2;
    for (int s = 0; s < 2; s++) {
      const int from = many.starts[s + 1] - 1;
      memcpy(alone.query.data() + s * alone.query.stride * 2, many.query.data() + from * many.query.stride * 2, bytes);
    }
    // The cache of the other batch: same pools, same tables.
    memcpy(alone.keys.data(), many.keys.data(), many.keys.bytes());
    memcpy(alone.values.data(), many.values.data(), many.values.bytes());
    memcpy(alone.slopes.data(), many.slopes.data(), many.slopes.bytes());
    memcpy(alone.block_tables.data(), many.block_tables.data(), many.block_tables.bytes());
    run_mma(type, alone, 3, seed + 1);
    for (int s = 0; s < 2; s++) {
      const uint8_t* row = many.output.data() + (many.starts[s + 1] - 1) * many.output.stride * 2;
      expect_same_bytes(alone.output.data() + s * alone.output.stride * 2, row, bytes, "bits");
    }
  });
}

// Bulk copies change no bit.
static void test_bulk(int type, const AttentionCase& c) {
  for_seeds(std::string("attention_split_bulk ") + type_name(type), [&](uint32_t seed) {
    Random random(seed);
    AttentionData data(type, c, random);
    run_mma(type, data, 2, seed);
    const std::vector<uint8_t> want(data.output.data(), data.output.data() + data.output.bytes());
    data.output.fill(0xff);
    run_mma(type, data, 1, seed, true);
    expect_same_bytes(data.output.data(), want.data(), data.output.bytes(), "bits");
  });
}

static void test_wide(int type, const AttentionCase& c) {
  const std::string name = std::string("attention_wgmma ") + type_name(type) + " head " + std::to_string(c.head_dim);
  for_seeds(name, [&](uint32_t seed) {
    Random random(seed);
    AttentionData data(type, c, random);
    run_mma(type, data, 1, seed, false, true);
    expect_near(data.output, data.reference(), 3 * epsilon_of(type), 1.0);
  });
}

// Modules attention_wgmma and attention_d64: what the mutation tests run.
void test_attention_wgmma_d64() {
  test_wide(EKC_BF16, {4, 1, 64, EKC_BF16, 0, 0, false, 16, {1, 40, 4}, {1, 340, 17}});
  test_wide(EKC_F16, {2, 2, 40, EKC_F16, 130, 0, true, 32, {150}, {600}});
}

void test_attention_wgmma() {
  test_attention_wgmma_d64();
  for (int type : {EKC_F16, EKC_BF16}) {
    test_wide(type, {2, 1, 128, type, 0, 0, false, 32, {70, 1, 9}, {513, 33, 9}});
    test_wide(type, {3, 1, 100, type, 290, 0, false, 16, {50}, {600}});
    test_wide(type, {6, 2, 80, type, 50, 20.f, false, 16, {2, 37}, {330, 129}});
  }
  test_wide(EKC_BF16, {1, 1, 64, EKC_BF16, 0, 0, false, 16, {17, 130}, {17, 261}});
}

// Whether wgmma rounds as mma does is for a GPU to say. On the emulated machine both sum in double: what this checks
// there is that steps, chunks and what happens between products are the same.
void test_attention_wgmma_like_mma() {
  for (int type : {EKC_F16, EKC_BF16}) {
    for (const AttentionCase& c : {
             AttentionCase{4, 2, 128, type, 0, 0, false, 16, {40, 70}, {40, 600}},
             AttentionCase{2, 2, 64, type, 290, 25.f, true, 16, {20, 140}, {600, 299}}}) {
      for_seeds(std::string("attention_wgmma beside attention_tiled ") + type_name(type), [&](uint32_t seed) {
        Random random(seed);
        AttentionData data(type, c, random);
        run_mma(type, data, 1, seed);
        const std::vector<uint8_t> want(data.output.data(), data.output.data() + data.output.bytes());
        data.output.fill(0xff);
        run_mma(type, data, 1, seed, false, true);
        expect_same_bytes(data.output.data(), want.data(), data.output.bytes(), "bits");
      });
    }
  }
}

// Modules attention_d64 and attention_bulk_d64: what the mutation tests run.
void test_attention_bulk_d64() {
  test_bulk(EKC_BF16, {4, 1, 64, EKC_BF16, 0, 0, false, 16, {1, 1, 4, 1}, {1, 340, 600, 17}});
}

void test_attention_any() {
  for (int type : {EKC_F32, EKC_F16, EKC_BF16}) {
    test_any(type, {4, 2, 20, type, 0, 0, false, 16, {1, 3}, {1, 40}});
    test_any(type, {3, 1, 64, EKC_E4M3, 0, 30.f, false, 32, {1, 2}, {145, 17}});
    test_any(type, {2, 2, 80, EKC_F16, 33, 0, true, 16, {5, 1}, {49, 129}});
  }
  test_any(EKC_BF16, {2, 1, 264, EKC_BF16, 0, 0, false, 16, {2}, {33}});
}

// Module attention_d64 alone: what the mutation tests run.
void test_attention_d64() {
  test_mma(EKC_BF16, {4, 1, 64, EKC_BF16, 0, 0, false, 16, {1, 20, 4, 1}, {1, 20, 300, 17}});
  test_mma(EKC_F16, {2, 2, 40, EKC_F16, 300, 0, true, 32, {1, 70}, {513, 200}});
}

void test_attention_d128() {
  for (int type : {EKC_F16, EKC_BF16}) {
    test_mma(type, {2, 2, 128, type, 0, 0, false, 32, {1, 1, 40}, {513, 33, 290}});
  }
}

void test_attention8_d64() {
  test_mma(EKC_F16, {4, 1, 64, EKC_E4M3, 0, 0, false, 16, {1, 20, 4, 1}, {1, 20, 300, 17}});
}

void test_attention() {
  test_attention_d64();
  test_attention8_d64();
  test_attention_bulk_d64();
  test_bulk(EKC_F16, {2, 2, 100, EKC_F16, 300, 0, true, 16, {1, 2}, {600, 33}});
  test_bulk(EKC_BF16, {4, 2, 128, EKC_E4M3, 0, 20.f, false, 32, {1, 2}, {290, 33}});
  test_bulk(EKC_BF16, {1, 1, 256, EKC_BF16, 0, 0, false, 16, {1}, {77}});
  test_attention_d128();
  for (int type : {EKC_F16, EKC_BF16}) {
    test_mma(type, {6, 2, 80, type, 50, 20.f, false, 16, {2, 37}, {330, 129}});
    test_mma(type, {2, 1, 256, type, 0, 0, true, 16, {1, 33}, {40, 65}});
    test_mma_bits(type, {4, 2, 128, type, 0, 0, false, 16, {30, 70}, {30, 600}});
    test_mma_bits(type, {2, 2, 64, type, 290, 25.f, true, 16, {20, 40}, {600, 299}});
  }
  test_mma(EKC_BF16, {2, 2, 128, EKC_E4M3, 0, 0, false, 32, {1, 1, 40}, {513, 33, 290}});
  test_mma(EKC_BF16, {2, 1, 160, EKC_E4M3, 40, 20.f, true, 16, {1, 33}, {40, 65}});
  test_mma_bits(EKC_BF16, {2, 2, 64, EKC_E4M3, 290, 25.f, true, 16, {20, 40}, {600, 299}});
  test_mma(EKC_BF16, {3, 1, 20, EKC_BF16, 0, 0, false, 16, {1, 9}, {31, 9}});
  test_mma(EKC_BF16, {1, 1, 192, EKC_BF16, 0, 0, false, 16, {1, 17}, {64, 17}});
}
