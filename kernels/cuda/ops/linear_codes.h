// y = x W^T with W of 4 or 8 bits. A weight is made a T on its way to the tensor cores, so a result has the bits of the
// product with the same weight stored as T.
#pragma once

template <class T, int TYPE>
DEV void linear_codes_any(const EkcQuantizedLinear& p) {
  linear_any<T>(p.linear, AnyCode<T, TYPE>(p.codes, p.linear.weight, p.linear.weight_stride));
}

#define EKC_CODES_FOR_ANY_TYPE(T, name, TYPE, format)                                              \
  KERNEL(ekc_embed_##format##_##name, EkcQuantizedEmbed, 256, 4) { embed_codes<T, TYPE>(p); }      \
  KERNEL(ekc_linear_##format##_any_##name, EkcQuantizedLinear, 256, 4) { linear_codes_any<T, TYPE>(p); }

#define EKC_CODES_FOR_TYPE(T, name, TYPE, format)                                                            \
  EKC_CODES_FOR_ANY_TYPE(T, name, TYPE, format)                                                              \
  KERNEL(ekc_linear_##format##_tiled_##name, EkcQuantizedLinear, 256, 2) { linear_codes_tiled<T, TYPE>(p); } \
  EARLY_KERNEL(ekc_linear_##format##_skinny_##name, EkcQuantizedLinear, 256, 2) {                            \
    linear_codes_skinny<T, TYPE>(p);                                                                         \
  }

#define EKC_CODES(TYPE, format)                       \
  EKC_CODES_FOR_ANY_TYPE(float, f32, TYPE, format)    \
  EKC_CODES_FOR_TYPE(f16, f16, TYPE, format)          \
  EKC_CODES_FOR_TYPE(bf16, bf16, TYPE, format)
