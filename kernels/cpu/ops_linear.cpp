#include "context.h"
#include "pack_direct.h"

namespace engine {
namespace {

// Packing fewer activations than this on one thread is over before another wakes.
constexpr int64_t kSerialPack = 32 << 10;

// Rows of a tile of packed activations at most.
constexpr int64_t kMostTileRows = 8;

// With so many rows, what one thread takes at a time is a share of the whole that others would wait for.
constexpr int64_t kHalvingRows = 24;

int64_t round_up(int64_t k, int64_t step) { return (k + step - 1) / step * step; }

bool quantized(int32_t format) { return format == EK_FORMAT_Q8 || format == EK_FORMAT_Q4; }

// Runs of 32 k that a packed row has.
int64_t chunks_of(int64_t k, int32_t format) {
  if (is_codes(format)) return round_up(k, codes_format(format).super) / 32;
  return round_up(k, quantized(format) ? 64 : 32) / 32;
}

int64_t panel_bytes(const ek_linear_weight& w) {
  const int64_t chunks = chunks_of(w.k, w.format);
  if (is_codes(w.format)) {
    const CodesFormat f = codes_format(w.format);
    return chunks * 32 / f.super * f.super_bytes;
  }
  switch (w.format) {
    case EK_FORMAT_F32: return chunks * 32 * 64;
    case EK_FORMAT_Q8: return chunks / 2 * (64 + 2 * 512);
    case EK_FORMAT_Q4: return chunks / 2 * (64 + 2 * 256);
    default: return chunks * 32 * 32;
  }
}

// How activations meet a weight: inputs that a checkpoint rounds fit products of one kind without another rounding.
int32_t activation_of(const ek_linear_weight& w) {
  if (!is_codes(w.format)) return w.activation;
  switch (w.inputs.kind) {
    case EK_INPUTS_OWN: return w.activation;
    case EK_INPUTS_I8_TENSOR: return w.inputs.zero == 0 ? EK_ACTIVATION_8 : EK_ACTIVATION_15;
    case EK_INPUTS_I8_TOKEN: return is_float_codes(codes_format(w.format)) ? EK_ACTIVATION_FLOAT : EK_ACTIVATION_8;
    case EK_INPUTS_I8_TOKEN_ZERO: return EK_ACTIVATION_15;
    default: return takes_float_codes(codes_format(w.format), w.inputs) ? EK_ACTIVATION_8 : EK_ACTIVATION_FLOAT;
  }
}

// Bytes of one packed row of activations.
int64_t activation_bytes(const ek_context* context, const ek_linear_weight& w) {
  const int64_t chunks = chunks_of(w.k, w.format);
  if (is_codes(w.format)) {
    const CodesFormat f = codes_format(w.format);
    const int32_t activation = activation_of(w);
    return product_table(context, f, activation, w.inputs)->row_bytes(f, activation, chunks);
  }
  if (w.format == EK_FORMAT_BF16_DP) return chunks * 64;
  if (!quantized(w.format) || w.activation == EK_ACTIVATION_FLOAT) return chunks * 128;
  return chunks * (w.activation == EK_ACTIVATION_15 ? 72 : 40);
}

bool known_format(int32_t format) {
  return (format >= EK_FORMAT_F32 && format <= EK_FORMAT_Q4) || known_codes(format);
}

bool valid_weight(const ek_linear_weight* w) {
  return w != nullptr && w->data != nullptr && (reinterpret_cast<uintptr_t>(w->data) & 63) == 0 && w->n > 0 &&
         w->k > 0 && w->n < (1LL << 32) && w->k < (1LL << 24) && known_format(w->format) &&
         w->activation >= EK_ACTIVATION_8 && w->activation <= EK_ACTIVATION_FLOAT &&
         w->inputs.kind >= EK_INPUTS_OWN && w->inputs.kind <= EK_INPUTS_E2M1_16 &&
         (w->inputs.kind == EK_INPUTS_OWN || w->inputs.scale > 0) && w->inputs.zero >= -128 && w->inputs.zero <= 127;
}

bool runs_here(const ek_context* context, int32_t format) {
  return format != EK_FORMAT_BF16_DP || context->isa >= EK_ISA_AVX512_BF16;
}

bool valid_part(const ek_linear_part& part, int64_t k) {
  if (part.data == nullptr || part.n <= 0) return false;
  if (part.dtype == EK_BLOCK_Q8_0 || part.dtype == EK_BLOCK_Q4_0) {
    const int64_t block = part.dtype == EK_BLOCK_Q8_0 ? 34 : 18;
    return part.transposed == 0 && k % 32 == 0 && part.row_stride >= k / 32 * block;
  }
  return part.dtype >= EK_F32 && part.dtype <= EK_BF16 && part.row_stride >= (part.transposed ? part.n : k);
}

struct GemmRun {
  ek_context* context;
  decltype(IsaTable::gemm) gemm;
  GemmJob job;
  int64_t panels;
  int64_t group;   // panels a thread takes at a time,
  int64_t whole;   // but half as many behind so many groups, so that threads end together
  Shares shares;
  int64_t start(int64_t item) const {
    const int64_t p = item <= whole ? item * group : whole * group + (item - whole) * (group / 2);
    return p < panels ? p : panels;
  }
};

// Takes the next group before it works on the current one, so that its panels can be fetched meanwhile.
void gemm_thread(void* argument, int thread) {
  auto& run = *static_cast<GemmRun*>(argument);
  int64_t item = run.shares.take(thread);
  while (item >= 0) {
    const int64_t following = run.shares.take(thread);
    const char* ahead = nullptr;
    int64_t bytes = 0;
    if (following >= 0) {
      const int64_t p = run.start(following);
      ahead = run.job.w + p * run.job.panel_bytes;
      bytes = (run.start(following + 1) - p) * run.job.panel_bytes;
    }
    run.gemm(run.job, run.start(item), run.start(item + 1), ahead, bytes, thread_scratch(run.context, thread));
    item = following;
  }
}

void multiply_block(
    ek_context* context, GemmJob job, const float* x, int64_t x_stride, int64_t row_bytes, const ek_linear_weight& w) {
  const int32_t* order = w.order;
  PackActivationsJob pack{x, context->shared, job.rows, job.k, job.chunks, x_stride, row_bytes, job.format,
                          job.activation, job.codes, order,
                          is_codes(job.format) ? w.inputs : ek_input_rounding{}, nullptr};
  const IsaTable* table = context->table;
  const bool tiled = context->int_tiles != nullptr && quantized(job.format);
  const auto pack_activations =
      job.codes != nullptr ? product_table(context, *job.codes, job.activation, w.inputs)->pack_activations
      : tiled              ? context->int_tiles->pack_activations
                           : table->pack_activations;
  const bool floats = row_bytes == job.chunks * 128;
  if (job.rows == 1 && floats && job.k == job.chunks * 32 && pack.inputs.kind == EK_INPUTS_OWN && order == nullptr) {
    job.a = x;
  } else {
    job.a = context->shared;
    PackActivationsJob count = pack;
    count.x = nullptr;
    const int64_t tiles = pack_activations(count, 0);
    const bool shared = context->pool.threads() > 1 && kMostTileRows * row_bytes <= kThreadScratch;
    const auto tile = [&](int64_t t, int thread) {
      PackActivationsJob own = pack;
      if (shared) own.staging = thread_scratch(context, thread);
      pack_activations(own, t);
    };
    if (job.rows * job.k < kSerialPack) {
      for (int64_t t = 0; t < tiles; t++) tile(t, 0);
    } else {
      parallel(context->pool, tiles, tile);
    }
  }
  const auto gemm = job.codes != nullptr ? product_table(context, *job.codes, job.activation, w.inputs)->gemm
                    : tiled              ? context->int_tiles->gemm
                                         : table->gemm;
  const int64_t group = job.codes != nullptr ? 4 : table->gemm_group(job);
  const int64_t panels = (job.n + 15) / 16, groups = (panels + group - 1) / group;
  const bool narrow = job.codes != nullptr || quantized(job.format);  // tiles of two panels at most
  const bool halves = narrow && job.rows >= kHalvingRows && group % 2 == 0 && groups > context->pool.threads();
  const int64_t whole = halves ? groups - context->pool.threads() : groups;
  const int64_t items = whole + (halves ? (panels - whole * group + group / 2 - 1) / (group / 2) : 0);
  GemmRun run{context, gemm, job, panels, group, whole, Shares(context->pool.threads(), items)};
  if (items == 1) {
    gemm_thread(&run, 0);
  } else {
    context->pool.run(gemm_thread, &run);
  }
}

}  // namespace
}  // namespace engine

using namespace engine;

extern "C" int64_t ek_linear_bytes(int64_t n, int64_t k, int32_t format) {
  if (n <= 0 || k <= 0 || n >= (1LL << 32) || k >= (1LL << 24) || !known_format(format)) {
    return EK_INVALID_ARGUMENT;
  }
  const ek_linear_weight w{nullptr, n, k, format, 0, nullptr, {}};
  return (n + 15) / 16 * panel_bytes(w);
}

extern "C" int32_t ek_linear_pack(
    ek_context* context, const ek_linear_weight* w, const ek_linear_part* parts, int32_t num_parts) {
  if (context == nullptr || !valid_weight(w) || is_codes(w->format) || parts == nullptr || num_parts <= 0) {
    return EK_INVALID_ARGUMENT;
  }
  int64_t n = 0;
  for (int32_t i = 0; i < num_parts; i++) {
    const ek_linear_part& part = parts[i];
    if (!valid_part(part, w->k)) return EK_INVALID_ARGUMENT;
    n += part.n;
  }
  if (n != w->n) return EK_INVALID_ARGUMENT;
  PackWeightJob job{
      parts, static_cast<char*>(const_cast<void*>(w->data)), w->n, w->k, num_parts, w->format};
  const auto pack = packs_directly(job) ? pack_directly : context->table->pack_weight;
  parallel(context->pool, (w->n + 15) / 16, [&](int64_t panel, int) { pack(job, panel); });
  return EK_OK;
}

extern "C" int32_t ek_linear(
    ek_context* context, const ek_matrix* y, const ek_matrix* x, const ek_linear_weight* w, const float* bias,
    int32_t accumulate) {
  if (context == nullptr || !valid(y) || !valid(x) || !valid_weight(w) || y->rows != x->rows ||
      x->columns != w->k || y->columns != w->n) {
    return EK_INVALID_ARGUMENT;
  }
  if (!runs_here(context, w->format)) return EK_UNSUPPORTED;
  const int64_t row_bytes = activation_bytes(context, *w);
  const int64_t chunks = chunks_of(w->k, w->format);
  const bool widened = quantized(w->format) || is_codes(w->format);
  if (row_bytes > kSharedScratch || (widened && chunks * 32 * 64 > kThreadScratch)) return EK_UNSUPPORTED;
  const CodesFormat codes = is_codes(w->format) ? codes_format(w->format) : CodesFormat{};
  const int64_t most = kSharedScratch / 2 / row_bytes > 0 ? kSharedScratch / 2 / row_bytes : 1;
  const int64_t blocks = (x->rows + most - 1) / most;
  for (int64_t b = 0; b < blocks; b++) {
    const int64_t first = x->rows * b / blocks, last = x->rows * (b + 1) / blocks;
    GemmJob job{static_cast<const char*>(w->data), nullptr, y->data + first * y->row_stride, bias, last - first,
                w->n, w->k, chunks, panel_bytes(*w), y->row_stride, w->format, activation_of(*w), accumulate,
                is_codes(w->format) ? &codes : nullptr};
    multiply_block(context, job, x->data + first * x->row_stride, x->row_stride, row_bytes, *w);
  }
  return EK_OK;
}

static int32_t embed_rows(ek_context* context, EmbedJob job, int64_t rows, int64_t vocab) {
  for (int64_t i = 0; i < rows; i++) {
    if (job.ids[i] < 0 || job.ids[i] >= vocab) return EK_INVALID_ARGUMENT;
  }
  const auto embed = job.packed != 0 && is_codes(job.type) ? codes_table(context)->embed : context->table->embed;
  const int64_t block = 8;
  const int64_t blocks = (rows + block - 1) / block;
  parallel(context->pool, blocks, [&](int64_t b, int) {
    for (int64_t r = b * block; r < rows && r < (b + 1) * block; r++) embed(job, r);
  });
  return EK_OK;
}

extern "C" int32_t ek_embed(
    ek_context* context, const ek_matrix* y, const void* table, int32_t dtype, int64_t vocab, const int32_t* ids,
    float scale) {
  if (context == nullptr || !valid(y) || table == nullptr || ids == nullptr || dtype < EK_F32 || dtype > EK_BF16) {
    return EK_INVALID_ARGUMENT;
  }
  return embed_rows(
      context, {table, y->data, ids, y->columns, y->row_stride, 0, scale, dtype, 0, nullptr}, y->rows, vocab);
}

extern "C" int32_t ek_embed_packed(
    ek_context* context, const ek_matrix* y, const ek_linear_weight* w, const int32_t* ids, float scale) {
  if (context == nullptr || !valid(y) || !valid_weight(w) || ids == nullptr || y->columns != w->k) {
    return EK_INVALID_ARGUMENT;
  }
  return embed_rows(
      context, {w->data, y->data, ids, w->k, y->row_stride, panel_bytes(*w), scale, w->format, 1, w->order}, y->rows,
      w->n);
}
