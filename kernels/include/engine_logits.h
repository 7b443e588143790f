/* Loops over a whole row of logits, for the sampler. No context, no threads of their own; every function may be
 * called from any thread. The instruction set is the best of the machine. */
#ifndef ENGINE_LOGITS_H
#define ENGINE_LOGITS_H

#include "engine_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A row is cut in blocks of this many logits; the last may be shorter. */
#define EK_LOGITS_BLOCK 64

/* block_max[ceil(n / 64)]: the largest logit of each block. 1 if all logits are finite or -infinity, 0 if one is NaN
 * or +infinity; block_max is then not to be used. */
EK_API int32_t ek_logits_scan(const float* row, int64_t n, float* block_max);

/* The sum of exp((x - max) * scale), at most 2 ulp off each; 0 where the exponent is below -87.
 * block_sums[ceil(n / 64)] gets each block's part. block_max is what ek_logits_scan found; max is the largest of it
 * and above -infinity. */
EK_API double ek_logits_sum_exp(
    const float* row, int64_t n, const float* block_max, float max, float scale, double* block_sums);

/* weights[i] = exp((values[i] - max) * scale), as above; weights may be values. */
EK_API void ek_logits_weights(const float* values, int64_t n, float max, float scale, float* weights);

#ifdef __cplusplus
}
#endif

#endif
