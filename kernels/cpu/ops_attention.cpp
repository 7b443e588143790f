#include <string.h>

#include <atomic>

#include "context.h"

namespace engine {
namespace {

int64_t element_size(int32_t dtype) {
  switch (dtype) {
    case EK_F32: return 4;
    case EK_F16:
    case EK_BF16: return 2;
    case EK_I8:
    case EK_F8_E4M3: return 1;
    default: return 0;
  }
}

int64_t padded_dim(int32_t head_dim) { return (head_dim + 15) / 16 * 16; }

// K or V of 16 tokens of one head, with their scales.
int64_t tile_bytes(int32_t head_dim, int32_t dtype) {
  return 16 * padded_dim(head_dim) * element_size(dtype) + (dtype == EK_I8 ? 64 : 0);
}

bool usable_scale(float s) { return s > 0 && s <= 3.0e38f; }

bool valid_kv(const ek_kv* kv) {
  return kv != nullptr && kv->data != nullptr && (reinterpret_cast<uintptr_t>(kv->data) & 63) == 0 &&
         kv->num_blocks > 0 && ek_kv_block_bytes(kv->block_size, kv->num_kv_heads, kv->head_dim, kv->dtype) > 0 &&
         (kv->dtype != EK_F8_E4M3 || (usable_scale(kv->key_scale) && usable_scale(kv->value_scale)));
}

KvJob kv_job(const ek_context* context, const ek_kv* kv) {
  KvJob job;
  job.data = static_cast<char*>(kv->data);
  job.block_bytes = ek_kv_block_bytes(kv->block_size, kv->num_kv_heads, kv->head_dim, kv->dtype);
  job.padded_dim = static_cast<int32_t>(padded_dim(kv->head_dim));
  job.tile_bytes = tile_bytes(kv->head_dim, kv->dtype);
  job.block_size = kv->block_size;
  job.kv_heads = kv->num_kv_heads;
  job.head_dim = kv->head_dim;
  job.dtype = kv->dtype;
  const bool rounds = kv->dtype == EK_BF16 || (element_size(kv->dtype) == 1 && kv->rounds_queries != 0);
  job.dot = rounds && context->isa >= EK_ISA_AVX512_BF16;
  const bool layer_scale = kv->dtype == EK_F8_E4M3;
  job.key_scale = layer_scale ? kv->key_scale : 1;
  job.value_scale = layer_scale ? kv->value_scale : 1;
  job.key_unit = layer_scale ? kv->key_scale * kE4m3Unit : 1;
  job.value_unit = layer_scale ? kv->value_scale * kE4m3Unit : 1;
  return job;
}

// How a step's attention is cut into items: `heads` query heads of a KV head by `tokens` query tokens.
struct Cut {
  int32_t heads, head_cuts, tokens;

  Cut(int32_t group, int32_t rows) {
    heads = group < rows ? group : rows;
    head_cuts = (group + heads - 1) / heads;
    tokens = rows / heads;
  }

  int64_t token_cuts(int64_t queries) const { return (queries + tokens - 1) / tokens; }
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

// The parts of 1024 tokens that the queries of a request see.
struct Parts {
  int64_t first, count;

  Parts(const AttentionJob& job, int32_t request) {
    const int64_t context = job.context_lens[request];
    const int64_t queries = job.cu_seqlens[request + 1] - job.cu_seqlens[request];
    const int64_t oldest = context - queries + (job.bidirectional ? 0 : 1);
    const int64_t low = job.window > 0 && oldest > job.window ? oldest - job.window : 0;
    first = low / kKvPart * kKvPart;
    count = (context - first + kKvPart - 1) / kKvPart;
  }
};

// The items of a step: for each request query tokens x query heads x KV heads and, where that gives the threads too
// little, the parts of its context. A request that is cut in parts has all its tokens in one item.
struct AttentionPlan {
  ek_context* context;
  AttentionJob job;
  Cut cut;
  int32_t requests;
  bool split;
  int64_t* starts;                // [requests + 1]: the first item of each
  std::atomic<int32_t>* arrived;  // [units] parts that are done
  float* partials;

  // Query tokens and heads of one KV head: what one item has without parts.
  int64_t units(int32_t request) const {
    const int64_t queries = job.cu_seqlens[request + 1] - job.cu_seqlens[request];
    return cut.token_cuts(queries) * job.kv.kv_heads * cut.head_cuts;
  }

  int64_t per_part() const { return static_cast<int64_t>(job.kv.kv_heads) * cut.head_cuts; }

  int64_t parts(int32_t request) const {
    const int32_t queries = job.cu_seqlens[request + 1] - job.cu_seqlens[request];
    return split && queries > 0 && queries <= cut.tokens ? Parts(job, request).count : 1;
  }

  int64_t partial_stride() const {
    return partial_floats(static_cast<int64_t>(cut.tokens) * cut.heads, job.kv.padded_dim);
  }

  void prepare();
  void run_item(int64_t item, int thread);
  void run_unit(int32_t request, int64_t unit, int64_t part, int64_t num_parts, int64_t slot, int thread);
};

// Items in flight that keep every thread busy to the end.
constexpr int64_t kItemsPerThread = 4;

void AttentionPlan::prepare() {
  int64_t items = 0;
  for (int32_t i = 0; i < requests; i++) items += units(i);
  split = items < kItemsPerThread * context->pool.threads();
  starts = reinterpret_cast<int64_t*>(context->shared);
  for (int pass = 0; pass < 2; pass++) {
    starts[0] = 0;
    for (int32_t i = 0; i < requests; i++) starts[i + 1] = starts[i] + units(i) * parts(i);
    if (!split) return;
    // Few requests, so this fits unless heads are wide and contexts very long.
    const int64_t used = (requests + 1) * 8LL + items * 4;
    const int64_t from = (used + 63) / 64 * 64;
    if (from + starts[requests] * partial_stride() * 4 <= kSharedScratch) {
      arrived = reinterpret_cast<std::atomic<int32_t>*>(starts + requests + 1);
      for (int64_t u = 0; u < items; u++) arrived[u].store(0, std::memory_order_relaxed);
      partials = reinterpret_cast<float*>(context->shared + from);
      return;
    }
    split = false;
  }
}

void AttentionPlan::run_item(int64_t index, int thread) {
  int32_t low = 0, high = requests;
  while (high - low > 1) {
    const int32_t middle = low + (high - low) / 2;
    (starts[middle] <= index ? low : high) = middle;
  }
  const int64_t num_parts = parts(low), rest = index - starts[low], num_units = units(low);
  const int64_t unit = rest % num_units, part = rest / num_units;
  run_unit(low, unit, part, num_parts, starts[low] + unit * num_parts, thread);
}

void AttentionPlan::run_unit(
    int32_t request, int64_t unit, int64_t part, int64_t num_parts, int64_t slot, int thread) {
  const IsaTable* table = context->table;
  const int32_t queries = job.cu_seqlens[request + 1] - job.cu_seqlens[request];
  AttentionItem item;
  item.request = request;
  item.kv_head = static_cast<int32_t>(unit % job.kv.kv_heads);
  const int64_t rest = unit / job.kv.kv_heads;
  item.head = static_cast<int32_t>(rest % cut.head_cuts) * cut.heads;
  item.heads = job.group - item.head < cut.heads ? job.group - item.head : cut.heads;
  // Late tokens see the most and go first, so that no thread ends with a long item alone.
  item.token = static_cast<int32_t>(cut.token_cuts(queries) - 1 - rest / cut.head_cuts) * cut.tokens;
  item.tokens = queries - item.token < cut.tokens ? queries - item.token : cut.tokens;
  item.part = 0;
  item.partial = nullptr;
  char* scratch = thread_scratch(context, thread);
  if (num_parts == 1) return table->attention(job, item, scratch);
  const int64_t stride = partial_floats(static_cast<int64_t>(item.tokens) * item.heads, job.kv.padded_dim);
  float* all = partials + slot * partial_stride();
  item.part = Parts(job, request).first + part * kKvPart;
  item.partial = all + part * stride;
  table->attention(job, item, scratch);
  // Whoever is last combines; the order of the parts is fixed.
  int64_t before = 0;
  for (int32_t i = 0; i < request; i++) before += units(i);
  if (arrived[before + unit].fetch_add(1, std::memory_order_acq_rel) == num_parts - 1) {
    table->attention_merge(job, item, all, num_parts, scratch);
  }
}

}  // namespace
}  // namespace engine

using namespace engine;

extern "C" int64_t ek_kv_block_bytes(int32_t block_size, int32_t num_kv_heads, int32_t head_dim, int32_t dtype) {
  if (block_size <= 0 || block_size % 16 != 0 || num_kv_heads <= 0 || head_dim <= 0 || head_dim > kMaxHeadDim ||
      element_size(dtype) == 0) {
    return EK_INVALID_ARGUMENT;
  }
  return 2LL * (block_size / 16) * num_kv_heads * tile_bytes(head_dim, dtype);
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
  // A bias by distance that grows ahead of a token is no encoder's.
  if (settings->bidirectional && settings->alibi_slopes != nullptr) return EK_INVALID_ARGUMENT;
  const KvJob stored = kv_job(context, kv);
  const int32_t group = settings->num_heads / kv->num_kv_heads;
  AttentionPlan plan{context,
                     {stored, query->data, output->data, query->row_stride, output->row_stride,
                      batch->cu_seqlens_q, batch->context_lens, batch->block_tables, settings->alibi_slopes,
                      batch->max_blocks, group, settings->sliding_window, settings->bidirectional,
                      settings->scale * stored.key_unit, settings->soft_cap},
                     Cut(group, context->table->attention_rows), batch->num_requests, false, nullptr, nullptr, nullptr};
  if ((plan.requests + 1) * 8LL > kSharedScratch) return EK_UNSUPPORTED;
  plan.prepare();
  parallel(context->pool, plan.starts[plan.requests],
           [&](int64_t item, int thread) { plan.run_item(item, thread); });
  return EK_OK;
}
