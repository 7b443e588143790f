#include <string.h>

#include "context.h"

namespace engine {
namespace {

int64_t element_size(int32_t dtype) { return dtype == EK_F32 ? 4 : 2; }

int64_t padded_dim(int32_t head_dim) { return (head_dim + 15) / 16 * 16; }

bool valid_kv(const ek_kv* kv) {
  return kv != nullptr && kv->data != nullptr && (reinterpret_cast<uintptr_t>(kv->data) & 63) == 0 &&
         kv->num_blocks > 0 && ek_kv_block_bytes(kv->block_size, kv->num_kv_heads, kv->head_dim, kv->dtype) > 0;
}

KvJob kv_job(const ek_context* context, const ek_kv* kv) {
  KvJob job;
  job.data = static_cast<char*>(kv->data);
  job.block_bytes = ek_kv_block_bytes(kv->block_size, kv->num_kv_heads, kv->head_dim, kv->dtype);
  job.padded_dim = static_cast<int32_t>(padded_dim(kv->head_dim));
  job.tile_bytes = 16 * job.padded_dim * element_size(kv->dtype);
  job.block_size = kv->block_size;
  job.kv_heads = kv->num_kv_heads;
  job.head_dim = kv->head_dim;
  job.dtype = kv->dtype;
  job.dot = kv->dtype == EK_BF16 && context->table->isa >= EK_ISA_AVX512_BF16;
  return job;
}

// How a step's attention is cut into items: `heads` query heads of a KV head by `tokens` query tokens.
struct Cut {
  int32_t heads, head_cuts, tokens;

  explicit Cut(int32_t group) {
    heads = group < kMaxAttentionRows ? group : kMaxAttentionRows;
    head_cuts = (group + heads - 1) / heads;
    tokens = kMaxAttentionRows / heads;
  }

  int64_t token_cuts(int32_t queries) const { return (queries + tokens - 1) / tokens; }
};

bool valid_batch(const ek_attention_batch* b, const ek_kv* kv, int64_t rows) {
  if (b == nullptr || b->num_requests < 0 || b->max_blocks < 0) return false;
  if (b->num_requests == 0) return rows == 0;
  if (b->cu_seqlens_q == nullptr || b->context_lens == nullptr || b->block_tables == nullptr) return false;
  if (b->cu_seqlens_q[0] != 0 || b->cu_seqlens_q[b->num_requests] > rows) return false;
  for (int32_t i = 0; i < b->num_requests; i++) {
    const int64_t queries = static_cast<int64_t>(b->cu_seqlens_q[i + 1]) - b->cu_seqlens_q[i];
    const int64_t context = b->context_lens[i];
    if (queries < 0 || context < queries) return false;
    if (queries == 0) continue;
    const int64_t blocks = (context + kv->block_size - 1) / kv->block_size;
    if (blocks > b->max_blocks) return false;
    const int32_t* table = b->block_tables + static_cast<int64_t>(i) * b->max_blocks;
    for (int64_t j = 0; j < blocks; j++) {
      if (table[j] < 0 || table[j] >= kv->num_blocks) return false;
    }
  }
  return true;
}

void attend_request(ek_context* context, const AttentionJob& job, int32_t request) {
  const Cut cut(job.group);
  const int32_t queries = job.cu_seqlens[request + 1] - job.cu_seqlens[request];
  const int64_t cuts = cut.token_cuts(queries);
  const IsaTable* table = context->table;
  parallel(context->pool, cuts * job.kv.kv_heads * cut.head_cuts, [&](int64_t i, int thread) {
    AttentionItem item;
    item.request = request;
    item.kv_head = static_cast<int32_t>(i % job.kv.kv_heads);
    const int64_t rest = i / job.kv.kv_heads;
    item.head = static_cast<int32_t>(rest % cut.head_cuts) * cut.heads;
    item.heads = job.group - item.head < cut.heads ? job.group - item.head : cut.heads;
    // Late tokens see the most and go first, so that no thread ends with a long item alone.
    item.token = static_cast<int32_t>(cuts - 1 - rest / cut.head_cuts) * cut.tokens;
    item.tokens = queries - item.token < cut.tokens ? queries - item.token : cut.tokens;
    table->attention(job, item, thread_scratch(context, thread));
  });
}

// Requests of one token each, the usual step: all of them at once.
void attend_single_tokens(ek_context* context, const AttentionJob& job, int32_t first, int32_t last) {
  const Cut cut(job.group);
  const int64_t per_request = static_cast<int64_t>(job.kv.kv_heads) * cut.head_cuts;
  const IsaTable* table = context->table;
  parallel(context->pool, (last - first) * per_request, [&](int64_t i, int thread) {
    AttentionItem item;
    item.request = first + static_cast<int32_t>(i / per_request);
    item.kv_head = static_cast<int32_t>(i % job.kv.kv_heads);
    item.head = static_cast<int32_t>(i % per_request / job.kv.kv_heads) * cut.heads;
    item.heads = job.group - item.head < cut.heads ? job.group - item.head : cut.heads;
    item.token = 0;
    item.tokens = 1;
    table->attention(job, item, thread_scratch(context, thread));
  });
}

}  // namespace
}  // namespace engine

using namespace engine;

extern "C" int64_t ek_kv_block_bytes(int32_t block_size, int32_t num_kv_heads, int32_t head_dim, int32_t dtype) {
  if (block_size <= 0 || block_size % 16 != 0 || num_kv_heads <= 0 || head_dim <= 0 || head_dim > kMaxHeadDim ||
      dtype < EK_F32 || dtype > EK_BF16) {
    return EK_INVALID_ARGUMENT;
  }
  return 2LL * block_size * num_kv_heads * padded_dim(head_dim) * element_size(dtype);
}

extern "C" int32_t ek_kv_write(
    ek_context* context, const ek_kv* kv, const ek_matrix* key, const ek_matrix* value, const int32_t* slots) {
  if (context == nullptr || !valid_kv(kv) || !same_shape(key, value) || slots == nullptr ||
      key->columns != static_cast<int64_t>(kv->num_kv_heads) * kv->head_dim) {
    return EK_INVALID_ARGUMENT;
  }
  for (int64_t r = 0; r < key->rows; r++) {
    if (slots[r] >= kv->num_blocks * kv->block_size) return EK_INVALID_ARGUMENT;
  }
  const KvWriteJob job{kv_job(context, kv), key->data, value->data, slots, key->row_stride, value->row_stride};
  const IsaTable* table = context->table;
  // One thread writes all tokens of a head: neighbours share cache lines.
  const auto head = [&](int64_t h, int) {
    for (int64_t r = 0; r < key->rows; r++) table->kv_write(job, r, h);
  };
  if (key->rows * key->columns < (8 << 10)) {
    for (int64_t h = 0; h < kv->num_kv_heads; h++) head(h, 0);
  } else {
    parallel(context->pool, kv->num_kv_heads, head);
  }
  return EK_OK;
}

extern "C" int32_t ek_kv_copy_blocks(
    ek_context* context, const ek_kv* kv, const int32_t* pairs, int32_t count) {
  if (context == nullptr || !valid_kv(kv) || count < 0 || (count > 0 && pairs == nullptr)) {
    return EK_INVALID_ARGUMENT;
  }
  for (int32_t i = 0; i < 2 * count; i++) {
    if (pairs[i] < 0 || pairs[i] >= kv->num_blocks) return EK_INVALID_ARGUMENT;
  }
  const KvJob job = kv_job(context, kv);
  for (int32_t i = 0; i < count; i++) {
    if (pairs[2 * i] == pairs[2 * i + 1]) continue;
    memcpy(job.data + pairs[2 * i + 1] * job.block_bytes, job.data + pairs[2 * i] * job.block_bytes,
           static_cast<size_t>(job.block_bytes));
  }
  return EK_OK;
}

extern "C" int32_t ek_attention(
    ek_context* context, const ek_matrix* output, const ek_matrix* query, const ek_kv* kv,
    const ek_attention_settings* settings, const ek_attention_batch* batch) {
  if (context == nullptr || !valid_kv(kv) || !same_shape(output, query) || settings == nullptr ||
      settings->num_heads <= 0 || settings->num_heads % kv->num_kv_heads != 0 || settings->sliding_window < 0 ||
      settings->soft_cap < 0 || query->columns != static_cast<int64_t>(settings->num_heads) * kv->head_dim ||
      !valid_batch(batch, kv, query->rows)) {
    return EK_INVALID_ARGUMENT;
  }
  const AttentionJob job{kv_job(context, kv), query->data, output->data, query->row_stride, output->row_stride,
                         batch->cu_seqlens_q, batch->context_lens, batch->block_tables,
                         settings->alibi_slopes, batch->max_blocks,
                         settings->num_heads / kv->num_kv_heads, settings->sliding_window,
                         settings->bidirectional, settings->scale, settings->soft_cap};
  // A bias by distance that grows ahead of a token is no encoder's.
  if (settings->bidirectional && settings->alibi_slopes != nullptr) return EK_INVALID_ARGUMENT;
  const int32_t* cu = batch->cu_seqlens_q;
  for (int32_t i = 0; i < batch->num_requests;) {
    int32_t end = i;
    while (end < batch->num_requests && cu[end + 1] - cu[end] == 1) end++;
    if (end > i) {
      attend_single_tokens(context, job, i, end);
      i = end;
    } else {
      attend_request(context, job, i++);
    }
  }
  return EK_OK;
}
