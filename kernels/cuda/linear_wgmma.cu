// Module "linear_wgmma": matrix products of 16-bit weights by wgmma; sm_90a.
#include "engine_cuda.h"
#include "engine_cuda_linear.h"
#include "device/device.h"
#include "device/hopper.h"
#include "ops/linear_any.h"
#include "ops/wgmma_tiles.h"
#include "ops/linear_wgmma.h"

#define EKC_WGMMA_KERNEL(size, rows, cluster, blocks, T)                                       \
  KERNEL(ekc_linear_wgmma##size##_##T, EkcLinearWgmma, EKC_LINEAR_WGMMA_THREADS, blocks) {     \
    linear_wgmma<T, rows, cluster>(p, PARAMETER_ADDRESS(ekc_linear_wgmma##size##_##T));        \
  }
EKC_WGMMA_SIZES(f16)
EKC_WGMMA_SIZES(bf16)
