// Module "attention_mma": attention on tensor cores for 16-bit caches.
#include "engine_cuda.h"
#include "engine_cuda_attention.h"
#include "device/device.h"
#include "ops/kv.h"
#include "ops/attention_any.h"
#include "ops/attention_tile.h"
#include "ops/attention_tiled.h"
#include "ops/attention_split.h"

#define EKC_FOR_HEAD(T, name, D)                                                                             \
  KERNEL(ekc_attention_tiled_##name##_d##D, EkcAttention, 128, 1) { attention_tiled<T, D>(p); }              \
  KERNEL(ekc_attention_split_##name##_d##D, EkcAttention, 128, 1) { attention_split<T, D>(p); }              \
  KERNEL(ekc_attention_combine_##name##_d##D, EkcAttention, 256, 4) { attention_combine<T, D>(p); }

EKC_FOR_HEAD(f16, f16, 64)
EKC_FOR_HEAD(f16, f16, 128)
EKC_FOR_HEAD(f16, f16, 192)
EKC_FOR_HEAD(f16, f16, 256)
EKC_FOR_HEAD(bf16, bf16, 64)
EKC_FOR_HEAD(bf16, bf16, 128)
EKC_FOR_HEAD(bf16, bf16, 192)
EKC_FOR_HEAD(bf16, bf16, 256)
