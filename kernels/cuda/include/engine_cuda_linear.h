/* Matrix products: arguments and launch geometry. */
#ifndef ENGINE_CUDA_LINEAR_H
#define ENGINE_CUDA_LINEAR_H

#include "engine_cuda.h"

/* y = x W^T (+ bias) (+ y if accumulate).
 *
 * K is summed in slices of EKC_LINEAR_SLICE: products of a slice in ascending k, slices in ascending order, then bias,
 * then the old y. That order is the same in every kernel below of one weight type, whatever the number of rows.
 *
 * ekc_linear_any_T: any shape and alignment. grid {ceil(n / 32), ceil(rows / 8), 1}, block 256,
 *   shared EKC_LINEAR_ANY_SHARED. weight_type is EKC_F32, EKC_F16 or EKC_BF16.
 * ekc_linear_tiled_T, T in {f16, bf16}: tensor cores; weight_type is T, x and weight 16-byte aligned, x_stride,
 *   weight_stride and k multiples of 8. grid {ceil(rows / 64), ceil(n / 128), 1}, block 256,
 *   shared EKC_LINEAR_TILED_SHARED.
 * ekc_linear_skinny_T, the same conditions, rows <= 16 and k <= EKC_LINEAR_SKINNY_MAX_K: the weight is read once.
 *   grid {any number of CTAs (as many as the GPU has SMs), 1, 1}, block 256, shared EKC_LINEAR_SKINNY_SHARED. Gives the
 *   bits that ekc_linear_tiled_T gives.
 * The choice between _any and the others must not depend on rows.
 */
typedef struct EkcLinear {
  uint64_t y;              /* y_type [rows, n] */
  uint64_t x;              /* T [rows, k] */
  uint64_t weight;         /* weight_type [n, k], row pitch weight_stride */
  uint64_t bias;           /* f32 [n], or 0 */
  int64_t y_stride;
  int64_t x_stride;
  int64_t weight_stride;
  int32_t rows;
  int32_t n;
  int32_t k;
  int32_t weight_type;
  int32_t y_type;          /* T or EKC_F32 */
  int32_t accumulate;
} EkcLinear;
EKC_ASSERT_SIZE(EkcLinear, 80);

#define EKC_LINEAR_SLICE 512
#define EKC_LINEAR_ANY_SHARED ((32 + 8) * 33 * 4)
/* Four stages of 64 rows of x and 128 rows of weight, 32 columns of 16 bits each. */
#define EKC_LINEAR_TILED_SHARED (4 * (64 + 128) * 64)

#define EKC_LINEAR_SKINNY_MAX_K 16384
/* Sums of units, and eight warps' rings of four stages of 16 weight and 16 activation rows of 64 columns. */
#define EKC_LINEAR_SKINNY_SUMS 32768
#define EKC_LINEAR_SKINNY_SHARED (8 * 4 * 32 * 128 + EKC_LINEAR_SKINNY_SUMS)

#endif
