// Module "linear_w8a8_wgmma": products of 8-bit inputs and 8-bit weights by wgmma; sm_90a.
#include "ops/linear_w8a8_module.h"
#include "device/hopper.h"
#include "ops/wgmma_tiles.h"
#include "ops/linear_w8a8_wgmma.h"

#define EKC_WGMMA_KERNEL(name, Product, rows, cluster, blocks)               \
  KERNEL(name, EkcW8A8Wgmma, EKC_LINEAR_WGMMA_THREADS, blocks) {             \
    linear_w8a8_wgmma<Product, rows, cluster>(p, PARAMETER_ADDRESS(name));   \
  }
#define EKC_WGMMA_KERNELS(format, Product)                                      \
  EKC_WGMMA_KERNEL(ekc_linear_w8a8_wgmma8_##format, Product, 8, 1, 2)           \
  EKC_WGMMA_KERNEL(ekc_linear_w8a8_wgmma16_##format, Product, 16, 1, 2)         \
  EKC_WGMMA_KERNEL(ekc_linear_w8a8_wgmma32_##format, Product, 32, 1, 2)         \
  EKC_WGMMA_KERNEL(ekc_linear_w8a8_wgmma64_##format, Product, 64, 1, 1)         \
  EKC_WGMMA_KERNEL(ekc_linear_w8a8_wgmma128_##format, Product, 128, 1, 1)       \
  EKC_WGMMA_KERNEL(ekc_linear_w8a8_wgmma_pair128_##format, Product, 128, 2, 1)
EKC_WGMMA_KERNELS(i8, WgmmaIntegers)
EKC_WGMMA_KERNELS(e4m3, WgmmaFloats)
