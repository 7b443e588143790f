/* Choosing tokens on the device: arguments and launch geometry. */
#ifndef ENGINE_CUDA_SAMPLE_H
#define ENGINE_CUDA_SAMPLE_H

#include "engine_cuda.h"

/* How a row's token is chosen: what is left by min_p, top_k and top_p in this order, drawn by weight
 * exp((logit - max) * scale). Equal logits at top_k's edge all stay; of those at top_p's edge the lowest ids do. */
typedef struct EkcSampleRow {
  uint64_t uniform;       /* 0 to 2^53 - 1: the draw, as a share of what is left taken in ascending order of ids */
  uint64_t top_p;         /* times 2^53; 2^53 keeps all */
  double min_offset;      /* at most 0: logits below max + min_offset go; above 0: none */
  float scale;            /* 1 / temperature; 0: the first of the largest */
  int32_t top_k;          /* 0: all */
  int32_t columns;        /* ids from here on are never chosen; 0: leave this row alone */
  int32_t reserved;
} EkcSampleRow;
EKC_ASSERT_SIZE(EkcSampleRow, 40);

/* What stands for a token that could not be chosen: a logit is NaN or +infinity; every logit is -infinity. */
#define EKC_SAMPLE_CORRUPT (-1)
#define EKC_SAMPLE_NONE (-2)

/* ekc_sample: grid {rows, 1, 1}, block EKC_SAMPLE_THREADS, shared EKC_SAMPLE_SHARED. */
typedef struct EkcSample {
  uint64_t ids;              /* int32 [rows] */
  uint64_t logits;           /* f32 [rows, length] */
  uint64_t rows_parameters;  /* EkcSampleRow [rows] */
  int64_t logits_stride;
  int32_t length;            /* all of them are looked at for NaN */
  int32_t reserved;
} EkcSample;
EKC_ASSERT_SIZE(EkcSample, 40);

#define EKC_SAMPLE_THREADS 512
#define EKC_SAMPLE_SHARED (256 * 8 + (EKC_SAMPLE_THREADS / 32 + 2) * 8)

#endif
