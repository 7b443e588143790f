// The context: pool, ISA level, scratch.
#pragma once

#include "amx_table.h"
#include "jobs.h"
#include "pool.h"

struct ek_context {
  engine::Pool pool;
  const engine::IsaTable* table;
  engine::IsaTable tiles;  // what table points to where products are by tiles
  const engine::IntTiles* int_tiles; // or null
  int32_t isa;             // the level; table->isa is what everything but products has
  char* shared;            // packed activations
  char* per_thread;        // kThreadScratch each
  int64_t mapped_bytes;
  int32_t first_cpu;
  bool pinned;
  bool has_vbmi;           // AVX512_VBMI, which no level stands for
};

namespace engine {

static constexpr int64_t kSharedScratch = 16 << 20;

inline const CodesTable* codes_table(const ek_context* context) {
#if defined(__x86_64__)
  if (context->table->isa >= EK_ISA_AVX512_VNNI) return &kAvx512VnniCodes;
  if (context->table->isa >= EK_ISA_AVX2) return &kAvx2Codes;
#else
  (void)context;
#endif
  return &kBaselineCodes;
}

// Who multiplies weights of a form.
inline const CodesTable* product_table(
    const ek_context* context, const CodesFormat& f, int32_t activation, const ek_input_rounding& inputs) {
#if defined(__x86_64__)
  const bool wide_inputs = activation == EK_ACTIVATION_FLOAT || inputs.kind >= EK_INPUTS_E4M3_TENSOR;
  if ((is_float_codes(f) || (f.codes == EK_CODES_E2M1 && wide_inputs)) && context->table->isa >= EK_ISA_AVX2) {
    if (context->table->isa < EK_ISA_AVX512) return &kAvx2FloatCodes;
    return context->table->isa < EK_ISA_AVX512_BF16 || !context->has_vbmi ? &kAvx512FloatCodes : &kBf16FloatCodes;
  }
  if (context->int_tiles != nullptr && !is_grid_codes(f) && !is_float_codes(f)) return &context->int_tiles->codes;
  if (is_grid_codes(f) && context->table->isa >= EK_ISA_AVX2) {
    return context->table->isa >= EK_ISA_AVX512_VNNI ? &kAvx512VnniGridCodes : &kAvx2GridCodes;
  }
#else
  (void)f;
  (void)activation;
  (void)inputs;
#endif
  return codes_table(context);
}

inline char* thread_scratch(const ek_context* context, int thread) {
  return context->per_thread + thread * kThreadScratch;
}

inline bool valid(const ek_matrix* m) {
  return m != nullptr && m->rows >= 0 && m->columns >= 0 && (m->rows <= 1 || m->row_stride >= m->columns) &&
         (m->data != nullptr || m->rows == 0 || m->columns == 0);
}

inline bool same_shape(const ek_matrix* a, const ek_matrix* b) {
  return valid(a) && valid(b) && a->rows == b->rows && a->columns == b->columns;
}

}  // namespace engine
