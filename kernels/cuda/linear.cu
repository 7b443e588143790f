// Module "linear": matrix products with weights of 16 and 32 bits.
#include "engine_cuda.h"
#include "engine_cuda_linear.h"
#include "device/device.h"
#include "ops/linear_any.h"
#include "ops/linear_tiled.h"
#include "ops/linear_skinny.h"

KERNEL(ekc_linear_any_f32, EkcLinear, 256, 4) { linear_any<float>(p, AnyWeight(p)); }
KERNEL(ekc_linear_any_f16, EkcLinear, 256, 4) { linear_any<f16>(p, AnyWeight(p)); }
KERNEL(ekc_linear_any_bf16, EkcLinear, 256, 4) { linear_any<bf16>(p, AnyWeight(p)); }
KERNEL(ekc_linear_tiled_f16, EkcLinear, 256, 2) { linear_tiled<f16>(p); }
KERNEL(ekc_linear_tiled_bf16, EkcLinear, 256, 2) { linear_tiled<bf16>(p); }

EARLY_KERNEL(ekc_linear_skinny_f16, EkcLinear, 256, 1) { linear_skinny(p, PlainSource<f16>(p), PlainSums<f16>(p)); }
EARLY_KERNEL(ekc_linear_skinny_bf16, EkcLinear, 256, 1) {
  linear_skinny(p, PlainSource<bf16>(p), PlainSums<bf16>(p));
}
