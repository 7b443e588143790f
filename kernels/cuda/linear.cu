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

// The number of tiles of x changes no bit of a result.
template <class T>
DEV void linear_skinny_any(const EkcLinear& p) {
  if (p.rows <= 8) linear_skinny<T, 1>(p, PlainSource<T>(p));
  else linear_skinny<T, 2>(p, PlainSource<T>(p));
}
KERNEL(ekc_linear_skinny_f16, EkcLinear, 256, 1) { linear_skinny_any<f16>(p); }
KERNEL(ekc_linear_skinny_bf16, EkcLinear, 256, 1) { linear_skinny_any<bf16>(p); }
