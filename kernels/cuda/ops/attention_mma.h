// The kernels of one attention module; a module per head size, because a model needs one and code is large.
#pragma once

#include "engine_cuda.h"
#include "engine_cuda_attention.h"
#include "device/device.h"
#include "ops/kv.h"
#include "ops/attention_any.h"
#include "ops/attention_tile.h"
#include "ops/attention_tiled.h"
#include "ops/attention_split.h"
#include "ops/attention_bulk.h"

#define EKC_ATTENTION_KERNELS_OF(T, name, D)                                                              \
  KERNEL(ekc_attention_tiled_##name##_d##D, EkcAttention, 128, 1) { attention_tiled<T, D, false>(p); }    \
  KERNEL(ekc_attention_split_##name##_d##D, EkcAttention, 128, 1) { attention_split<T, D, false>(p); }    \
  KERNEL(ekc_attention_combine_##name##_d##D, EkcAttention, 256, 4) { attention_combine<T, D>(p); }
#define EKC_ATTENTION_KERNELS(D)              \
  EKC_ATTENTION_KERNELS_OF(f16, f16, D)       \
  EKC_ATTENTION_KERNELS_OF(bf16, bf16, D)

// The same over an 8-bit cache.
#define EKC_ATTENTION8_KERNELS_OF(T, name, D)                                                                 \
  KERNEL(ekc_attention_tiled_e4m3_##name##_d##D, EkcAttention, 128, 1) { attention_tiled<T, D, true>(p); }    \
  KERNEL(ekc_attention_split_e4m3_##name##_d##D, EkcAttention, 128, 1) { attention_split<T, D, true>(p); }
#define EKC_ATTENTION8_KERNELS(D)             \
  EKC_ATTENTION8_KERNELS_OF(f16, f16, D)      \
  EKC_ATTENTION8_KERNELS_OF(bf16, bf16, D)

// Of both, the split form with bulk copies, and what comes after it; sm_90.
#define EKC_ATTENTION_BULK_KERNELS_OF(T, name, D)                                   \
  KERNEL(ekc_attention_combine_##name##_d##D, EkcAttention, 256, 4) {               \
    attention_combine<T, D>(p);                                                     \
  }                                                                                 \
  KERNEL(ekc_attention_split_bulk_##name##_d##D, EkcAttention, 128, 1) {            \
    attention_split_bulk<T, D, false>(p);                                           \
  }                                                                                 \
  KERNEL(ekc_attention_split_bulk_e4m3_##name##_d##D, EkcAttention, 128, 1) {       \
    attention_split_bulk<T, D, true>(p);                                            \
  }
#define EKC_ATTENTION_BULK_KERNELS(D)             \
  EKC_ATTENTION_BULK_KERNELS_OF(f16, f16, D)      \
  EKC_ATTENTION_BULK_KERNELS_OF(bf16, bf16, D)
