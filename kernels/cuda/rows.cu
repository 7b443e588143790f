// Module "rows": operations on rows of activations.
#include "engine_cuda.h"
#include "engine_cuda_linear.h"
#include "device/device.h"
#include "ops/elementwise.h"
#include "ops/embed.h"
#include "ops/gather_rows.h"
#include "ops/norm.h"
#include "ops/rope.h"
#include "ops/round_inputs.h"

#define EKC_FOR_TYPE(T, name)                                                       \
  KERNEL(ekc_embed_##name, EkcEmbed, 256, 4) { embed<T>(p); }                       \
  KERNEL(ekc_rms_norm_##name, EkcRmsNorm, 256, 4) { rms_norm<T>(p); }               \
  KERNEL(ekc_add_rms_norm_##name, EkcRmsNorm, 256, 4) { add_rms_norm<T>(p); }       \
  KERNEL(ekc_layer_norm_##name, EkcLayerNorm, 256, 4) { layer_norm<T>(p); }         \
  KERNEL(ekc_map_##name, EkcMap, 256, 4) { map<T>(p); }                             \
  KERNEL(ekc_add_scaled_##name, EkcCombine, 256, 4) { add_scaled<T>(p); }           \
  KERNEL(ekc_activate_multiply_##name, EkcCombine, 256, 4) { activate_multiply<T>(p); } \
  KERNEL(ekc_rope_##name, EkcRope, 64, 8) { rope<T>(p); }                           \
  KERNEL(ekc_permute_columns_##name, EkcPermuteColumns, 256, 4) { permute_columns<T>(p); } \
  KERNEL(ekc_round_inputs_##name, EkcRoundInputs, 256, 4) { round_inputs<T>(p); }   \
  KERNEL(ekc_round_values_##name, EkcRoundInputs, 256, 4) { round_values<T>(p); }

EKC_FOR_TYPE(float, f32)
EKC_FOR_TYPE(f16, f16)
EKC_FOR_TYPE(bf16, bf16)

KERNEL(ekc_gather_rows, EkcGatherRows, 256, 4) { gather_rows(p); }
