// Module "linear_w8a8_wgmma": products of 8-bit inputs and 8-bit weights by wgmma; sm_90a.
#include "ops/linear_w8a8_module.h"
#include "device/hopper.h"
#include "ops/wgmma_tiles.h"
#include "ops/linear_w8a8_wgmma.h"

#define EKC_WGMMA_KERNEL(size, rows, cluster, blocks, format, Product)                                      \
  KERNEL(ekc_linear_w8a8_wgmma##size##_##format, EkcW8A8Wgmma, EKC_LINEAR_WGMMA_THREADS, blocks) {          \
    linear_w8a8_wgmma<Product, rows, cluster>(p, PARAMETER_ADDRESS(ekc_linear_w8a8_wgmma##size##_##format)); \
  }
EKC_WGMMA_SIZES(i8, WgmmaIntegers)
EKC_WGMMA_SIZES(e4m3, WgmmaFloats)
