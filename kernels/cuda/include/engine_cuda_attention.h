/* Attention over the paged cache: arguments and launch geometry. See engine_cuda.h for the layout of a page. */
#ifndef ENGINE_CUDA_ATTENTION_H
#define ENGINE_CUDA_ATTENTION_H

#include "engine_cuda.h"

/* All attention kernels take this structure. A query at position p sees keys [max(0, p - sliding_window + 1), p].
 * The last query of sequence s is at position context_lens[s] - 1.
 *
 * ekc_attention_any_T: any head_dim up to EKC_ANY_HEAD_DIM, any kv_type, any number of heads.
 *   grid {rows, num_heads, 1}, block 128, shared EKC_ATTENTION_ANY_SHARED.
 *
 * ekc_attention_tiled_T_dD and ekc_attention_split_T_dD, T in {f16, bf16}, D in {64, 128, 192, 256}: tensor cores;
 * head_dim is even, D is head_dim rounded up to 64 (up to 64, 128, 192, 256), and kv_type is T. Both give the same bits
 * for the same row.
 * With G = num_heads / num_kv_heads, a sequence of q queries belongs to the split form if q * G <= 16, else to the
 * tiled form; each form skips the other's sequences, so that a mixed batch launches both and a uniform one the one it
 * needs.
 *   tiled: grid {ceil(max_q * G / 64), num_kv_heads, num_sequences}, block 128, shared EKC_ATTENTION_TILED_SHARED(D).
 *   split: grid {any number of CTAs, 1, 1}, block 128, shared EKC_ATTENTION_SPLIT_SHARED(D); work is the line of
 *     (sequence, chunk of EKC_ATTENTION_CHUNK keys, kv head) that chunk_starts describes, so the grid may be fixed.
 *     chunk_starts[s + 1] - chunk_starts[s] = ceil(context_lens[s] / EKC_ATTENTION_CHUNK), or 0 for a sequence of the
 *     tiled form. A sequence of one chunk is finished; others leave partial results in `partials`, and
 *   ekc_attention_combine_T_dD, grid {rows, num_heads, 1}, block D (never more than 256), shared 0, must follow if any
 *     sequence of the split form has more than one chunk; rows of other sequences it leaves alone.
 *
 * ekc_attention_tiled_e4m3_T_dD and ekc_attention_split_e4m3_T_dD, D in {64, 128, 256}: the same over an EKC_E4M3
 * cache; D is 256 for a head_dim over 128. Shared EKC_ATTENTION_TILED8_SHARED(D) and EKC_ATTENTION_SPLIT8_SHARED(D);
 * ekc_attention_combine_T_dD follows as above.
 *
 * ekc_attention_split_bulk_T_dD and ekc_attention_split_bulk_e4m3_T_dD, D in {64, 128, 256}: sm_90 and later; as split,
 * with bulk copies, in EKC_ATTENTION_BULK_SHARED more. The same bits.
 *
 * ekc_attention_wgmma_T_dD, D in {64, 128}: sm_90a; in place of the tiled form, by wgmma. The same steps; whether the
 * bits are the same is for a GPU to say.
 *   grid {ceil(max_q * G / 128), num_kv_heads, num_sequences}, block EKC_ATTENTION_WGMMA_THREADS, shared
 *   EKC_ATTENTION_WGMMA_SHARED(D).
 */
typedef struct EkcAttention {
  uint64_t output;         /* T [rows, num_heads * head_dim] */
  uint64_t query;          /* T [rows, num_heads * head_dim], 16-byte aligned rows for the tensor-core forms */
  uint64_t keys;           /* the layer's pools */
  uint64_t values;
  uint64_t cu_seqlens_q;   /* int32 [num_sequences + 1] */
  uint64_t context_lens;   /* int32 [num_sequences] */
  uint64_t block_tables;   /* int32 [num_sequences, max_blocks] */
  uint64_t alibi_slopes;   /* f32 [num_heads], or 0 */
  uint64_t chunk_starts;   /* int32 [num_sequences + 1]; split and combine */
  uint64_t partials;       /* f32 [chunk_starts[num_sequences]][num_kv_heads][16][D + 2]; split and combine */
  uint64_t reserved;
  int64_t output_stride;
  int64_t query_stride;
  int32_t num_sequences;
  int32_t max_blocks;
  int32_t block_size;      /* a multiple of EKC_PAGE_TOKENS */
  int32_t num_heads;
  int32_t num_kv_heads;
  int32_t head_dim;
  int32_t sliding_window;  /* 0: all */
  int32_t kv_type;
  float scale;
  float soft_cap;          /* 0: off */
  float key_scale;         /* what is stored times this is the key; 1 unless EKC_E4M3 */
  float value_scale;
} EkcAttention;
EKC_ASSERT_SIZE(EkcAttention, 152);

#define EKC_ATTENTION_CHUNK 256
#define EKC_ANY_HEAD_DIM 512
#define EKC_ATTENTION_ANY_SHARED (4 * (EKC_ANY_HEAD_DIM + 4) * 4 + EKC_ANY_HEAD_DIM * 4)
/* Keys of one step of the online softmax. */
#define EKC_ATTENTION_STEP(D) ((D) <= 128 ? 64 : 32)
/* Per warp, 16 queries, where registers have no room for them. */
#define EKC_ATTENTION_QUERY_BYTES(D) ((D) <= 192 ? 0 : 16 * (D) * 2)
/* Two stages of a step's keys and values of D 16-bit elements, the f32 sums of 64 rows, and their queries. */
#define EKC_ATTENTION_TILED_SHARED(D) \
  (2 * 2 * EKC_ATTENTION_STEP(D) * (D) * 2 + 64 * (D) * 4 + 4 * EKC_ATTENTION_QUERY_BYTES(D))
/* Per warp, a ring of tiles of 16 keys or values, and the queries. */
#define EKC_ATTENTION_SPLIT_SLOTS(D) ((D) <= 64 ? 8 : (D) <= 128 ? 6 : (D) <= 192 ? 4 : 3)
#define EKC_ATTENTION_SPLIT_SHARED(D) \
  (4 * (EKC_ATTENTION_SPLIT_SLOTS(D) * 16 * (D) * 2 + EKC_ATTENTION_QUERY_BYTES(D)))

/* For an 8-bit cache: the same in bytes, rows padded to 128, and room for 16-bit elements. */
#define EKC_ATTENTION_TILED8_SHARED(D) \
  (2 * 2 * EKC_ATTENTION_STEP(D) * EKC_KV_ROW_BYTES(D, 1) + 2 * EKC_ATTENTION_STEP(D) * (D) * 2 + 64 * (D) * 4 + \
   4 * EKC_ATTENTION_QUERY_BYTES(D))
#define EKC_ATTENTION_SPLIT8_SHARED(D)                                            \
  (4 * (EKC_ATTENTION_SPLIT_SLOTS(D) * 16 * EKC_KV_ROW_BYTES(D, 1) + 16 * (D) * 2 + \
        EKC_ATTENTION_QUERY_BYTES(D)))

#define EKC_ATTENTION_BULK_SHARED 1024

/* Queries of 128 rows, rings of 64 keys and of 64 values a stage, and four mbarriers a stage. */
#define EKC_ATTENTION_WGMMA_STAGES 4
#define EKC_ATTENTION_WGMMA_THREADS 384
#define EKC_ATTENTION_WGMMA_SHARED(D) \
  (128 * (D) * 2 + EKC_ATTENTION_WGMMA_STAGES * (2 * 64 * (D) * 2 + 32))

#endif
