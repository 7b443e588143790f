// Module "attention_wgmma": attention of many queries by wgmma, for heads of up to 64 and 128 columns; sm_90a.
#include "engine_cuda.h"
#include "engine_cuda_attention.h"
#include "device/device.h"
#include "device/hopper_rows.h"
#include "ops/kv.h"
#include "ops/attention_any.h"
#include "ops/attention_tile.h"
#include "ops/attention_wgmma.h"

#define EKC_ATTENTION_WGMMA_KERNEL(T, D) \
  KERNEL(ekc_attention_wgmma_##T##_d##D, EkcAttention, EKC_ATTENTION_WGMMA_THREADS, 1) { attention_wgmma<T, D>(p); }
EKC_ATTENTION_WGMMA_KERNEL(f16, 64)
EKC_ATTENTION_WGMMA_KERNEL(bf16, 64)
EKC_ATTENTION_WGMMA_KERNEL(f16, 128)
EKC_ATTENTION_WGMMA_KERNEL(bf16, 128)
