#include <cmath>

#include "engine_cuda_attention.h"
#include "plain.h"

namespace fake {

// Byte of element `column` of row r of a tile.
static int64_t tile_byte(int r, int column, int element, int row_bytes) {
  int b = column * element;
  int chunk = ((b >> 4) & 7) ^ (r & 7);
  return (int64_t)(r >> 3) * 8 * row_bytes + (b >> 7) * 1024 + (r & 7) * 128 + chunk * 16 + (b & 15);
}

static int size_of(int type) { return type == EKC_F32 ? 4 : type == EKC_E4M3 ? 1 : 2; }

static uint64_t element_at(
    uint64_t pool, int64_t page, int row, int head, int heads, int column, int head_dim, int type) {
  int row_bytes = EKC_KV_ROW_BYTES(head_dim, size_of(type));
  int64_t tile = (page * heads + head) * EKC_PAGE_TOKENS * row_bytes;
  return pool + (uint64_t)(tile + tile_byte(row, column, size_of(type), row_bytes));
}

void plain_write_kv(const char* arguments, const Op&, int type) {
  EkcWriteKv a;
  memcpy(&a, arguments, sizeof a);
  for (int t = 0; t < a.rows; t++) {
    int slot = ((const int*)a.slots)[t];
    if (slot < 0) continue;
    for (int h = 0; h < a.num_kv_heads; h++) {
      for (int d = 0; d < a.head_dim; d++) {
        int64_t at = (int64_t)h * a.head_dim + d;
        int64_t page = slot / EKC_PAGE_TOKENS;
        int row = slot % EKC_PAGE_TOKENS;
        put_element(element_at(a.keys, page, row, h, a.num_kv_heads, d, a.head_dim, a.kv_type), 0, a.kv_type,
            get(a.key, t * a.key_stride + at, type) / a.key_scale);
        put_element(element_at(a.values, page, row, h, a.num_kv_heads, d, a.head_dim, a.kv_type), 0, a.kv_type,
            get(a.value, t * a.value_stride + at, type) / a.value_scale);
      }
    }
  }
}

void plain_copy_blocks(const char* arguments, const Op& op, int) {
  EkcCopyBlocks a;
  memcpy(&a, arguments, sizeof a);
  for (unsigned i = 0; i < op.grid[0]; i++) {
    for (unsigned p = 0; p < op.grid[1]; p++) {
      uint64_t pool = ((const uint64_t*)a.pools)[p], bytes = ((const uint64_t*)a.block_bytes)[p];
      const int* pair = (const int*)a.copies + 2 * i;
      memcpy((void*)(pool + (uint64_t)pair[1] * bytes), (const void*)(pool + (uint64_t)pair[0] * bytes), bytes);
    }
  }
}

// One query head of one row over keys [start, position].
static void attend(const EkcAttention& a, int s, int row, int head, int position, int type) {
  int kv_head = head / (a.num_heads / a.num_kv_heads), dim = a.head_dim;
  int start = a.sliding_window > 0 && position >= a.sliding_window ? position - a.sliding_window + 1 : 0;
  const int* table = (const int*)a.block_tables + (int64_t)s * a.max_blocks;
  float slope = a.alibi_slopes ? ((const float*)a.alibi_slopes)[head] : 0.f;
  std::vector<float> scores((size_t)(position - start + 1)), sums((size_t)dim, 0.f);
  float most = -INFINITY, total = 0;
  auto page_of = [&](int p) {
    return (int64_t)table[p / a.block_size] * (a.block_size / EKC_PAGE_TOKENS) + p % a.block_size / EKC_PAGE_TOKENS;
  };
  auto element = [&](uint64_t pool, int p, int d) {
    int row = p % EKC_PAGE_TOKENS;
    return get_element(
        element_at(pool, page_of(p), row, kv_head, a.num_kv_heads, d, dim, a.kv_type), 0, a.kv_type);
  };
  for (int p = start; p <= position; p++) {
    float dot = 0;
    for (int d = 0; d < dim; d++) {
      dot += get(a.query, row * a.query_stride + (int64_t)head * dim + d, type) *
             element(a.keys, p, d);
    }
    float score = dot * a.key_scale * a.scale;
    if (a.soft_cap > 0) score = a.soft_cap * tanhf(score / a.soft_cap);
    score += slope * (float)(p - position);
    scores[(size_t)(p - start)] = score;
    most = score > most ? score : most;
  }
  for (int p = start; p <= position; p++) {
    float weight = expf(scores[(size_t)(p - start)] - most);
    total += weight;
    for (int d = 0; d < dim; d++) {
      sums[(size_t)d] += weight * element(a.values, p, d);
    }
  }
  for (int d = 0; d < dim; d++) {
    put(a.output, row * a.output_stride + (int64_t)head * dim + d, type, sums[(size_t)d] / total * a.value_scale);
  }
}

void plain_attention(const char* arguments, const Op& op, int type) {
  EkcAttention a;
  memcpy(&a, arguments, sizeof a);
  bool tiled = op.function->name.find("_tiled_") != std::string::npos ||
      op.function->name.find("_wgmma_") != std::string::npos;
  bool split = op.function->name.find("_split_") != std::string::npos;
  const int *starts = (const int*)a.cu_seqlens_q, *lengths = (const int*)a.context_lens;
  for (int s = 0; s < a.num_sequences; s++) {
    int queries = starts[s + 1] - starts[s];
    bool is_short = queries * (a.num_heads / a.num_kv_heads) <= 16;
    if (tiled && is_short) continue;
    if (split) {
      const int* chunks = (const int*)a.chunk_starts;
      int found = chunks[s + 1] - chunks[s], needed = (lengths[s] + EKC_ATTENTION_CHUNK - 1) / EKC_ATTENTION_CHUNK;
      if (found == 0) continue;
      if (!is_short || found != needed) {
        lose(LAUNCH_FAILED, op.function->name + ": chunk_starts do not fit the batch");
        return;
      }
    }
    for (int row = starts[s]; row < starts[s + 1]; row++) {
      for (int h = 0; h < a.num_heads; h++) attend(a, s, row, h, lengths[s] - (starts[s + 1] - row), type);
    }
  }
}

}  // namespace fake
