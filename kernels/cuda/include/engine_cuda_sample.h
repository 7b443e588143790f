/* Choosing tokens on the device: arguments and launch geometry. */
#ifndef ENGINE_CUDA_SAMPLE_H
#define ENGINE_CUDA_SAMPLE_H

#include "engine_cuda.h"

/* ekc_argmax_T, T in {f32, f16, bf16}: ids[r] = the lowest index of the largest logit; NaN never wins.
 * grid {rows, 1, 1}, block 256, shared EKC_ARGMAX_SHARED. */
typedef struct EkcArgmax {
  uint64_t ids;           /* int32 [rows] */
  uint64_t logits;        /* T [rows, columns] */
  int64_t logits_stride;
  int32_t rows;
  int32_t columns;
} EkcArgmax;
EKC_ASSERT_SIZE(EkcArgmax, 32);

#define EKC_ARGMAX_SHARED 128

#endif
