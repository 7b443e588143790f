// Module "linear_wgmma": matrix products of 16-bit weights by wgmma; sm_90a.
#include "engine_cuda.h"
#include "engine_cuda_linear.h"
#include "device/device.h"
#include "device/hopper.h"
#include "ops/linear_any.h"
#include "ops/wgmma_tiles.h"
#include "ops/linear_wgmma.h"

#define EKC_WGMMA_KERNEL(name, T, rows, cluster, blocks)               \
  KERNEL(name, EkcLinearWgmma, EKC_LINEAR_WGMMA_THREADS, blocks) {     \
    linear_wgmma<T, rows, cluster>(p, PARAMETER_ADDRESS(name));        \
  }
#define EKC_WGMMA_KERNELS(T)                                  \
  EKC_WGMMA_KERNEL(ekc_linear_wgmma8_##T, T, 8, 1, 2)         \
  EKC_WGMMA_KERNEL(ekc_linear_wgmma16_##T, T, 16, 1, 2)       \
  EKC_WGMMA_KERNEL(ekc_linear_wgmma32_##T, T, 32, 1, 2)       \
  EKC_WGMMA_KERNEL(ekc_linear_wgmma64_##T, T, 64, 1, 1)       \
  EKC_WGMMA_KERNEL(ekc_linear_wgmma128_##T, T, 128, 1, 1)     \
  EKC_WGMMA_KERNEL(ekc_linear_wgmma_pair128_##T, T, 128, 2, 1)
EKC_WGMMA_KERNELS(f16)
EKC_WGMMA_KERNELS(bf16)
