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
  int32_t is_edited;      /* not 0: of the row in `edited` */
} EkcSampleRow;
EKC_ASSERT_SIZE(EkcSampleRow, 40);

/* What stands for a token that could not be chosen: a logit is NaN or +infinity; every logit is -infinity. */
#define EKC_SAMPLE_CORRUPT (-1)
#define EKC_SAMPLE_NONE (-2)

/* ekc_sample: grid {rows, 1, 1}, block EKC_SAMPLE_THREADS, shared EKC_SAMPLE_SHARED. */
typedef struct EkcSample {
  uint64_t ids;              /* int32 [rows] */
  uint64_t logits;           /* f32 [rows, length] */
  uint64_t edited;           /* f32 [rows, length], dense; 0 if no row is edited */
  uint64_t rows_parameters;  /* EkcSampleRow [rows] */
  int64_t logits_stride;
  int32_t length;            /* all of them are looked at for NaN */
  int32_t reserved;
} EkcSample;
EKC_ASSERT_SIZE(EkcSample, 48);

/* What a request changes of a row before its token is chosen. Lists lie in `lists`, at places counted in 32-bit words;
 * ids are below `columns`. Only what is not allowed or masked becomes -infinity: finite logits stay finite. */
typedef struct EkcEditRow {
  int32_t row;
  int32_t columns;
  int32_t allowed;        /* uint32 [(columns + 31) / 32]: bits that are on stay; -1: all stay */
  int32_t masked;         /* int32 [masked_count] ids */
  int32_t masked_count;
  int32_t changed;        /* EkcEditEntry [changed_count], distinct ids */
  int32_t changed_count;
  int32_t pending;        /* place in `tokens` of one more token of the output; -1: none */
  int32_t only;           /* if it is not excluded, all others are; -1: none */
  float repetition;       /* divides positive logits of counted ids and multiplies the others */
  float frequency;        /* times the count, goes off */
  float presence;         /* goes off where the count is not 0 */
} EkcEditRow;
EKC_ASSERT_SIZE(EkcEditRow, 48);

typedef struct EkcEditEntry {
  int32_t id;
  float addend;           /* comes before penalties */
  int32_t count;          /* in the output; 0: only in the prompt; -1: in neither */
} EkcEditEntry;
EKC_ASSERT_SIZE(EkcEditEntry, 12);

/* ekc_edit_logits: grid {rows, 1, 1}, block EKC_SAMPLE_THREADS, shared EKC_SAMPLE_SHARED. A row with NaN or +infinity
 * has a NaN afterwards. */
typedef struct EkcEditLogits {
  uint64_t edited;           /* f32 [.., length], dense */
  uint64_t logits;           /* f32 [.., length] */
  uint64_t rows_parameters;  /* EkcEditRow [rows] */
  uint64_t lists;            /* what places count from */
  uint64_t tokens;           /* int32, for pending ones */
  int64_t logits_stride;
  int32_t length;
  int32_t reserved;
} EkcEditLogits;
EKC_ASSERT_SIZE(EkcEditLogits, 56);

/* Whose log probabilities are wanted. */
typedef struct EkcLogprobRow {
  int32_t row;
  int32_t columns;        /* ids from here on have no rank and are not among the best */
  int32_t top;            /* the best so many; at most `columns` */
  int32_t token;          /* -1: the one in `ids` */
  int32_t is_edited;      /* not 0: logits and ranks are of `edited`; maximum and total never are */
  int32_t place;          /* of its record */
} EkcLogprobRow;
EKC_ASSERT_SIZE(EkcLogprobRow, 24);

/* Behind it the best: { int32 id; float logit } [top], in ascending order of ids. */
typedef struct EkcLogprobRecord {
  uint64_t total;         /* of exp(logit - max) over the whole row, in units of 2^-44 */
  float max;
  float logit;            /* the token's */
  int32_t token;          /* -1: there is none, or a logit is NaN or +infinity; nothing else is there then */
  int32_t rank;           /* logits of at least the token's */
} EkcLogprobRecord;
EKC_ASSERT_SIZE(EkcLogprobRecord, 24);

/* ekc_logprobs: grid {rows, 1, 1}, block EKC_SAMPLE_THREADS, shared EKC_SAMPLE_SHARED. */
typedef struct EkcLogprobs {
  uint64_t records;          /* record_bytes each, a multiple of 8 */
  uint64_t logits;           /* f32 [.., length] */
  uint64_t edited;           /* as in EkcSample */
  uint64_t ids;              /* int32 [..] */
  uint64_t rows_parameters;  /* EkcLogprobRow [rows] */
  int64_t logits_stride;
  int32_t length;
  int32_t record_bytes;
} EkcLogprobs;
EKC_ASSERT_SIZE(EkcLogprobs, 56);

#define EKC_SAMPLE_THREADS 512
#define EKC_SAMPLE_SHARED (256 * 8 + (EKC_SAMPLE_THREADS / 32 + 2) * 8)

#endif
