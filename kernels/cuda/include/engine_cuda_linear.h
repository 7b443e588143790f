/* Matrix products: arguments and launch geometry. */
#ifndef ENGINE_CUDA_LINEAR_H
#define ENGINE_CUDA_LINEAR_H

#include "engine_cuda.h"

/* y = x W^T (* row_scales) (+ bias) (+ y if accumulate).
 *
 * K is summed in slices of EKC_LINEAR_SLICE: ascending k in a slice, ascending slices, then the row's scale, the bias,
 * and the old y. That order is the same in every kernel below of one weight type, whatever the number of rows.
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
  uint64_t row_scales;     /* f32 [rows], or 0 for ones */
} EkcLinear;
EKC_ASSERT_SIZE(EkcLinear, 88);

#define EKC_LINEAR_SLICE 512
#define EKC_LINEAR_ANY_SHARED ((32 + 8) * 33 * 4)
/* Four stages of 64 rows of x and 128 rows of weight, 32 columns of 16 bits each. */
#define EKC_LINEAR_TILED_SHARED (4 * (64 + 128) * 64)

#define EKC_LINEAR_SKINNY_MAX_K 16384
/* Sums of units, and eight warps' rings of four stages of 16 weight and 16 activation rows of 64 columns. */
#define EKC_LINEAR_SKINNY_SUMS 32768
#define EKC_LINEAR_SKINNY_SHARED (8 * 4 * 32 * 128 + EKC_LINEAR_SKINNY_SUMS)

/* What cuTensorMapEncodeTiled writes: rows of 16-bit elements, read in boxes of 64 columns, swizzle of 128 bytes. */
typedef struct EkcTensorMap {
  uint64_t opaque[16];
} __attribute__((aligned(128))) EkcTensorMap;

/* ekc_linear_wgmmaR_T, T in {f16, bf16}, R in {8, 16, 32, 64, 128}: sm_90a; the conditions of ekc_linear_tiled_T. R
 * rows of x and 128 columns of y are a tile; any R does for any number of rows, and every R gives the same bits. They
 * are those of ekc_linear_tiled_T if wgmma rounds as mma does.
 * grid {any number of CTAs, 1, 1}, block EKC_LINEAR_WGMMA_THREADS, shared EKC_LINEAR_WGMMA_SHARED(R).
 * ekc_linear_wgmma_pair128_T: R is 128; grid of an even number of CTAs in clusters of 2, which share weights: boxes of
 * weight_map are 64 rows, splits is 1, group_rows counts pairs. The same bits.
 * With splits > 1 that many CTAs share a tile, each some slices of K; the last to end adds them up in order. */
typedef struct EkcLinearWgmma {
  EkcTensorMap weight_map; /* [n][k], boxes of 128 rows */
  EkcTensorMap x_map;      /* [rows][k], boxes of R rows */
  EkcLinear linear;        /* x and weight are not read */
  uint64_t partials;       /* f32 [tiles][slices of K][R][128] if splits > 1 */
  uint64_t counters;       /* int32 [tiles] if splits > 1: zero before, zero after */
  int32_t splits;          /* 1 to the number of slices of K */
  int32_t group_rows;      /* tiles of rows whose products with all of W come before the next tiles' */
} EkcLinearWgmma;
EKC_ASSERT_SIZE(EkcLinearWgmma, 384);

#define EKC_LINEAR_WGMMA_THREADS 384
#define EKC_LINEAR_WGMMA_STAGES(R) ((R) <= 8 ? 6 : (R) <= 16 ? 5 : (R) <= 32 ? 4 : (R) <= 64 ? 8 : 6)
/* Stages of 128 rows of weight and R of x, 128 bytes each; eight warps' sums on their way out, up to 32 rows of 20 f32;
 * two mbarriers of each stage, and a word. Two CTAs fit in an SM with R up to 32. */
#define EKC_LINEAR_WGMMA_SHARED(R) \
  (EKC_LINEAR_WGMMA_STAGES(R) * (128 + (R)) * 128 + 8 * ((R) < 32 ? (R) : 32) * 80 + 256)

/* The same with the scales of rows, of each stage. */
#define EKC_W8A8_WGMMA_SHARED(R) (EKC_LINEAR_WGMMA_SHARED(R) + EKC_LINEAR_WGMMA_STAGES(R) * (R) * 4)

/* Weights of 4 and 8 bits, and how they become numbers:
 *   w = T((value(q) - zero) * scale + minimum), every step rounded to f32 and the result to T.
 * value(q) by the F in a kernel's name: i4 and i8 the code itself, 0..15 or 0..255; t4 table[code], f32; e4m3 the
 * float of that code.
 *
 * Codes lie in blocks of 16 rows and 64 columns, of 512 or 1,024 bytes, blocks of the same rows one after another: a
 * warp's fragments of mma.m16n8k16, so that a lane finds its own 16 bytes at 16 times its number and needs no others.
 * With r = row % 16, c = column % 64 and lane = r % 8 * 4 + c / 2 % 4 the code is in the block's byte
 *   4 bits: 16 lane + 4 (c / 16) + 2 (c % 2) + c / 8 % 2, in the low half if r < 8
 *   8 bits: 512 (c / 32) + 16 lane + 8 (c / 16 % 2) + 4 (r / 8) + 2 (c / 8 % 2) + c % 2
 * There are whole blocks; codes past the last column stand for finite weights, those past the last row for anything. A
 * row's share of its blocks is `stride` bytes, 32 or 64 per block.
 *
 * Column k of a row is of group k >> group_shift; what a row has per group lies groups_stride apart from row to row,
 * less than 2^32 groups in all. */
typedef struct EkcCodes {
  uint64_t scales;         /* scale_type [n][scales_stride]: one per group, or with `subs` one per 256 columns */
  uint64_t mins;           /* as scales; 0: no minimum. i4 and i8 only. */
  uint64_t subs;           /* sub_type [n][groups_stride]: scale = scales * subs; 0: all 1 */
  uint64_t sub_mins;       /* uint8 [n][groups_stride]: minimum = -(mins * sub_mins); 0: minimum = mins. With subs. */
  uint64_t zeros;          /* uint8 [n][groups_stride]; 0: `zero` everywhere. i4 and i8 only; of i4 0..63 */
  uint64_t table;          /* f32 [16]; t4 only */
  int32_t group_shift;     /* 4 to 30: groups of 16 columns and more */
  int32_t groups_stride;
  int32_t scales_stride;   /* groups_stride without `subs` */
  int32_t scale_type;      /* EKC_F32, EKC_F16 or EKC_BF16 */
  int32_t sub_type;        /* EKC_I8 or EKC_E4M3 */
  int32_t zero;            /* 0..255, of i4 0..63 */
} EkcCodes;
EKC_ASSERT_SIZE(EkcCodes, 72);

/* y = x W^T as above, bit for bit what the kernels above give for the same weight stored as T.
 *
 * ekc_linear_F_any_T: geometry and shared memory of ekc_linear_any_T, T in {f32, f16, bf16}.
 * ekc_linear_F_tiled_T, ekc_linear_F_skinny_T, T in {f16, bf16}: those of ekc_linear_tiled_T and ekc_linear_skinny_T,
 *   but shared EKC_CODES_TILED_SHARED and EKC_CODES_SKINNY_SHARED(bits); the grid of skinny is best twice the SMs where
 *   two such CTAs fit in one.
 * weight is 16-byte aligned, weight_stride a row's share of its blocks in BYTES. */
typedef struct EkcQuantizedLinear {
  EkcLinear linear;        /* weight_type is EKC_I4, EKC_I8, EKC_T4 or EKC_E4M3, as in the kernel's name */
  EkcCodes codes;
} EkcQuantizedLinear;
EKC_ASSERT_SIZE(EkcQuantizedLinear, 160);

/* Three stages of 128 rows of weight of 8 bits and 64 rows of x, 64 columns each; a table. */
#define EKC_CODES_TILED_SHARED (3 * (128 * 64 + 64 * 128) + 64)
/* Eight warps' rings of eight stages of 16 rows of weight and 8 of x, 64 columns each; sums of units; a table. Two CTAs
 * of 4-bit weights fit in an SM of 9.0. */
#define EKC_CODES_SKINNY_SUMS 16384
#define EKC_CODES_SKINNY_SHARED(bits) (8 * 8 * (128 * (bits) + 8 * 128) + EKC_CODES_SKINNY_SUMS + 64)

/* ekc_embed_F_T, T in {f32, f16, bf16}: ekc_embed_T with a table of codes; table_stride as weight_stride, table_type as
 * above.
 * grid {rows, 1, 1}, block 256, shared 0. */
typedef struct EkcQuantizedEmbed {
  EkcEmbed embed;
  EkcCodes codes;
} EkcQuantizedEmbed;
EKC_ASSERT_SIZE(EkcQuantizedEmbed, 136);

/* Inputs rounded as a checkpoint says, row by row; values of Engine.Quantization.InputRounding:
 *   I8       q = clamp(round(x / scale) + zero, -128, 127), x counts as (q - zero) * scale
 *   E4M3     q = e4m3(x / scale), saturating, x counts as q * scale
 *   NVFP4    of 16 columns: f = e4m3(scale * largest / 6), 1/8 for 0; x counts as e2m1(x / (f / scale)) * f / scale
 * TENSOR and NVFP4 take scale and zero as given; TOKEN: largest magnitude of a row / 127 or / 448 (at least
 * 1 / (448 * 512)); TOKEN_ZERO: (most - least) / 255, zero round(-128 - least / scale), 0 being between them; GROUP:
 * largest of 128 columns, at least 1e-10, / 448. Rounding is to the nearest, ties to even. A row (or group) with an
 * infinity or a NaN has NaN as its scale. */
enum {
  EKC_INPUT_I8_TENSOR = 1,
  EKC_INPUT_I8_TOKEN = 2,
  EKC_INPUT_I8_TOKEN_ZERO = 3,
  EKC_INPUT_E4M3_TENSOR = 4,
  EKC_INPUT_E4M3_TOKEN = 5,
  EKC_INPUT_E4M3_GROUP = 6,
  EKC_INPUT_NVFP4 = 7,
};
#define EKC_INPUT_GROUP 128

/* ekc_round_inputs_T, T in {f16, bf16, f32}: codes of 8 bits, not of NVFP4.
 * ekc_round_values_T: y is T [rows, k] and x counts as y * scale of the row, y being exact in T; of GROUP y is what x
 *   counts as, rounded to T, and scales are 1. `zeros` is not written.
 * grid {rows, 1, 1}, block 256, shared EKC_ROUND_SHARED. */
typedef struct EkcRoundInputs {
  uint64_t y;              /* int8 or e4m3 [rows, k], zeros from k to y_stride */
  uint64_t scales;         /* f32 [rows]; codes of GROUP: see scales_pitch */
  uint64_t zeros;          /* int32 [rows], I8 only */
  uint64_t x;              /* T [rows, k] */
  int64_t y_stride;        /* codes: bytes, a multiple of 16 */
  int64_t x_stride;
  int32_t rows;
  int32_t k;
  int32_t kind;            /* EKC_INPUT_* */
  int32_t zero;
  float scale;
  int32_t scales_pitch;    /* scales of codes of GROUP are [ceil(k / 128)][scales_pitch]; 0: [rows][ceil(k / 128)] */
  uint64_t sums;           /* int32 [rows]: sums of a row's codes, or 0; I8 only, k <= EKC_W8A8_MAX_K */
} EkcRoundInputs;
EKC_ASSERT_SIZE(EkcRoundInputs, 80);
#define EKC_ROUND_SHARED 96

/* y = x W^T with x and W of 8 bits, multiplied as such.
 *
 * ekc_linear_w8a8_i8_F: x of int8, weights of EKC_I8 with the zero 128 and a scale per row (group_shift 30): sums are
 *   whole numbers, so their order counts for nothing. k <= EKC_W8A8_MAX_K.
 * ekc_linear_w8a8_e4m3_F: both of e4m3, weights with a scale per row or for groups of 128 columns and more. Products of
 *   128 columns are summed by the tensor core, which may keep no more than 14 bits of such a sum, and the sums of 128
 *   columns are multiplied by their scales and added in f32: ascending in slices of 1,024, slices in ascending order.
 *   Codes are widened to f16, in which they are exact. sm_80.
 * ekc_linear_w8a8_e4m3_mma_F: the same in the order of sums, with the tensor core's own e4m3. sm_89.
 * F: tiled, geometry and shared memory of ekc_linear_tiled_T; or skinny, those of ekc_linear_skinny_T, rows <= 16 and
 *   k <= EKC_W8A8_MAX_K, which gives the same bits. */
#define EKC_W8A8_MAX_K 32768
typedef struct EkcW8A8 {
  EkcLinear linear;        /* x, weight: codes, 16-byte aligned; x_stride, weight_stride in BYTES, multiples of 16;
                              x is 0 from k to x_stride; y_type EKC_F32, EKC_F16 or EKC_BF16; row_scales: those of x */
  EkcCodes codes;
  uint64_t x_scales;       /* f32 [rows][x_groups], per 128 columns, or 0: row_scales alone. e4m3 only. */
  uint64_t x_zeros;        /* int32 [rows], or 0 for zeros. int8 only. */
  uint64_t weight_sums;    /* int32 [n]: sums of code - 128. With x_zeros. */
  int32_t x_groups;
  int32_t reserved;
} EkcW8A8;
EKC_ASSERT_SIZE(EkcW8A8, 192);

/* ekc_linear_w8a8_wgmmaR_F and ekc_linear_w8a8_wgmma_pair128_F, F in {i8, e4m3}: sm_90a; tiles, pairs, splits and
 * geometry of ekc_linear_wgmmaR_T, shared EKC_W8A8_WGMMA_SHARED(R). Sums of e4m3 are in the order of
 * ekc_linear_w8a8_e4m3_F; whether the tensor core rounds those of 128 columns as mma does is not known. */
typedef struct EkcW8A8Wgmma {
  EkcTensorMap weight_map; /* bytes [n][k], boxes of 128 rows x 128 columns; of a pair 64 rows */
  EkcTensorMap x_map;      /* bytes [rows][k], boxes of R rows x 128 columns */
  EkcW8A8 product;         /* x and weight are not read; x_scales is [x_groups][x_pitch], 16-byte aligned */
  uint64_t x_sums;         /* int32 [rows]: sums of x; int8 only */
  uint64_t partials;       /* f32 or int32, as of EkcLinearWgmma */
  uint64_t counters;
  int32_t splits;          /* 1 to ceil(k / 1,024) */
  int32_t group_rows;
  int32_t x_pitch;         /* a multiple of 2 R and at least rows: tiles read scales of all of their rows */
  int32_t reserved;
  uint64_t reserved2[3];
} EkcW8A8Wgmma;
EKC_ASSERT_SIZE(EkcW8A8Wgmma, 512);

/* ekc_permute_columns_T, T in {f16, bf16, f32}: y[r][i] = x[r][order[i]].
 * grid {rows, ceil(columns / EKC_MAP_COLUMNS), 1}, block 256, shared 0. */
typedef struct EkcPermuteColumns {
  uint64_t y;              /* T [rows, columns] */
  uint64_t x;              /* T [rows, columns] */
  uint64_t order;          /* int32 [columns] */
  int64_t y_stride;
  int64_t x_stride;
  int32_t rows;
  int32_t columns;
} EkcPermuteColumns;
EKC_ASSERT_SIZE(EkcPermuteColumns, 48);

#endif
