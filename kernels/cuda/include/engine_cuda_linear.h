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

/* The same with W of 4 or 8 bits: a weight is T((q - zero) * scale), rounded to T, and the product is that of
 * linear_tiled and linear_skinny with such a weight, bit for bit. F in {i4, i8, e4m3}, T in {f16, bf16}.
 *
 * ekc_linear_F_tiled_T: geometry and shared memory of ekc_linear_tiled_T.
 * ekc_linear_F_skinny_T: geometry, limits and shared memory of ekc_linear_skinny_T.
 * linear.weight: rows of weight_stride BYTES, a multiple of 16. i8: signed bytes; e4m3: bytes; i4: column 2i in the low
 * and 2i + 1 in the high half of byte i, 0..15, with a zero point of 8 unless `zeros` says otherwise. x as before.
 * Column k of row n has scale [n / scale_rows][k / group] (blocks of 128 x 128: scale_rows 128, group 128; per tensor:
 * scale_rows n, group k). */
typedef struct EkcQuantizedLinear {
  EkcLinear linear;        /* weight_type is EKC_I4, EKC_I8 or EKC_E4M3, as in the kernel's name */
  uint64_t scales;         /* f32 [ceil(n / scale_rows)][scales_stride] */
  uint64_t zeros;          /* uint8, in the shape of scales, or 0; i4 only */
  int32_t group;           /* columns of one scale, a multiple of 16 or at least k */
  int32_t scale_rows;      /* rows of one scale */
  int32_t scales_stride;
  int32_t reserved;
} EkcQuantizedLinear;
EKC_ASSERT_SIZE(EkcQuantizedLinear, 112);

#endif
