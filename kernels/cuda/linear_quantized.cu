// Module "linear_quantized": matrix products with weights of 4 and 8 bits.
#include "engine_cuda.h"
#include "engine_cuda_linear.h"
#include "device/device.h"
#include "ops/linear_any.h"
#include "ops/linear_tiled.h"
#include "ops/linear_skinny.h"
#include "ops/linear_quantized.h"

template <class T, int TYPE>
DEV void linear_quantized_skinny(const EkcQuantizedLinear& p) {
  const QuantizedSource<T, TYPE> source(p);
  if (p.linear.rows <= 8) linear_skinny<T, 1>(p.linear, source);
  else linear_skinny<T, 2>(p.linear, source);
}

#define EKC_FOR_FORMAT(T, name, TYPE, format)                                      \
  KERNEL(ekc_linear_##format##_tiled_##name, EkcQuantizedLinear, 256, 2) {         \
    linear_quantized_tiled<T, TYPE>(p);                                            \
  }                                                                                \
  KERNEL(ekc_linear_##format##_skinny_##name, EkcQuantizedLinear, 256, 1) {        \
    linear_quantized_skinny<T, TYPE>(p);                                           \
  }

EKC_FOR_FORMAT(f16, f16, EKC_I4, i4)
EKC_FOR_FORMAT(f16, f16, EKC_I8, i8)
EKC_FOR_FORMAT(f16, f16, EKC_E4M3, e4m3)
EKC_FOR_FORMAT(bf16, bf16, EKC_I4, i4)
EKC_FOR_FORMAT(bf16, bf16, EKC_I8, i8)
EKC_FOR_FORMAT(bf16, bf16, EKC_E4M3, e4m3)
