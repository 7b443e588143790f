/* CUDA kernels of Engine: what the host passes to each and how it is launched. Plain C; C# mirrors these structures.
 *
 * A kernel takes ONE parameter, its structure, by value (cuLaunchKernelEx: kernelParams[0] points at the structure).
 * Addresses are device addresses as uint64_t, 0 is "none". Strides are in elements. T in a name is the element type
 * of activations: f32, f16 or bf16; arithmetic is f32 everywhere. Grids are {x, y, z}, blocks are {x, 1, 1}; blocks
 * are fixed because the order of sums follows from them. Every shared byte is dynamic: the count is given per kernel,
 * and a count above 48 KB needs CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES.
 *
 * A row of a result depends on that row's inputs alone and is computed in one order of operations whatever the number
 * of rows, their position, the grid, or the way a prompt is cut into steps.
 */
#ifndef ENGINE_CUDA_H
#define ENGINE_CUDA_H

#include <stdint.h>

#ifdef __cplusplus
#define EKC_ASSERT_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), "size of " #type)
#else
#define EKC_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), "size of " #type)
#endif

/* Element types; the values of Engine.Memory.DType, and 4-bit codes: integers, or of a table. */
enum { EKC_F32 = 0, EKC_F16 = 1, EKC_BF16 = 2, EKC_I8 = 4, EKC_E4M3 = 9, EKC_I4 = 100, EKC_T4 = 101 };

/* ekc_embed_T: y[t] = table[ids[t]] * scale; an id outside of the table gives zeros.
 * grid {rows, 1, 1}, block 256, shared 0. */
typedef struct EkcEmbed {
  uint64_t y;           /* T [rows, columns] */
  uint64_t table;       /* table_type [vocab, columns] */
  uint64_t ids;         /* int32 [rows] */
  int64_t y_stride;
  int64_t table_stride;
  int32_t rows;
  int32_t columns;
  int32_t vocab;
  int32_t table_type;   /* EKC_F32, EKC_F16 or EKC_BF16 */
  float scale;
  int32_t reserved;
} EkcEmbed;
EKC_ASSERT_SIZE(EkcEmbed, 64);

/* ekc_rms_norm_T: y = x / sqrt(mean(x^2) + epsilon) * (weight + offset), per run of n columns. y may alias x.
 * ekc_add_rms_norm_T: residual += x first (rounded to T), and the norm is of residual. groups must be 1.
 * grid {rows, groups, 1}, block 256, shared EKC_NORM_SHARED. */
typedef struct EkcRmsNorm {
  uint64_t y;               /* T [rows, groups * n] */
  uint64_t x;               /* T [rows, groups * n] */
  uint64_t residual;        /* T [rows, n]; only ekc_add_rms_norm_T */
  uint64_t weight;          /* f32 [n], or 0 for ones (offset is then not used) */
  int64_t y_stride;
  int64_t x_stride;
  int64_t residual_stride;
  int32_t rows;
  int32_t groups;
  int32_t n;
  float epsilon;
  float offset;
  int32_t reserved;
} EkcRmsNorm;
EKC_ASSERT_SIZE(EkcRmsNorm, 80);

/* ekc_layer_norm_T: y = (x - mean) / sqrt(variance + epsilon) * weight + bias, per run of n columns. y may alias x.
 * grid {rows, groups, 1}, block 256, shared EKC_NORM_SHARED. */
typedef struct EkcLayerNorm {
  uint64_t y;                /* T [rows, groups * n] */
  uint64_t x;                /* T [rows, groups * n] */
  uint64_t weight;           /* f32 [n], or [groups * n] if per_group */
  uint64_t bias;             /* as weight, or 0 */
  int64_t y_stride;
  int64_t x_stride;
  int32_t rows;
  int32_t groups;
  int32_t n;
  int32_t per_group;
  float epsilon;
  int32_t reserved;
} EkcLayerNorm;
EKC_ASSERT_SIZE(EkcLayerNorm, 72);

#define EKC_NORM_SHARED 64

/* ekc_map_T: y = f(x), element by element. y may alias x.
 * grid {rows, ceil(columns / EKC_MAP_COLUMNS), 1}, block 256, shared 0. */
enum {
  EKC_MAP_SILU = 0,         /* the first five are Engine.Devices.Activation */
  EKC_MAP_GELU = 1,
  EKC_MAP_GELU_TANH = 2,
  EKC_MAP_RELU = 3,
  EKC_MAP_RELU_SQUARED = 4,
  EKC_MAP_SCALE = 5,        /* x * a */
  EKC_MAP_SOFT_CAP = 6,     /* a * tanh(x / a) */
  EKC_MAP_CLAMP = 7,        /* min(max(x, -a), a) */
  EKC_MAP_XIELU = 8,        /* alphaP = a, alphaN = b, beta = c, epsilon = d */
  EKC_MAP_TO_F32 = 9,       /* y is f32: for Download */
};
#define EKC_MAP_COLUMNS 1024

typedef struct EkcMap {
  uint64_t y;        /* T [rows, columns] (f32 for EKC_MAP_TO_F32) */
  uint64_t x;        /* T [rows, columns] */
  int64_t y_stride;
  int64_t x_stride;
  int32_t rows;
  int32_t columns;
  int32_t function;  /* EKC_MAP_* */
  float a, b, c, d;
  int32_t reserved;
} EkcMap;
EKC_ASSERT_SIZE(EkcMap, 64);

/* ekc_add_scaled_T: y += x * scale.
 * ekc_activate_multiply_T: y = f(x[:, :columns]) * x[:, columns:2 columns]; function is one of the first five maps.
 * grid {rows, ceil(columns / EKC_MAP_COLUMNS), 1}, block 256, shared 0. */
typedef struct EkcCombine {
  uint64_t y;        /* T [rows, columns] */
  uint64_t x;        /* T [rows, columns], or [rows, 2 columns] */
  int64_t y_stride;
  int64_t x_stride;
  int32_t rows;
  int32_t columns;
  int32_t function;
  float scale;
} EkcCombine;
EKC_ASSERT_SIZE(EkcCombine, 48);

/* ekc_rope_T: rotates the leading rotary_dim columns of each head in place.
 * grid {rows, num_heads, 1}, block 64, shared 0. */
typedef struct EkcRope {
  uint64_t x;            /* T [rows, num_heads * head_dim] */
  uint64_t positions;    /* int32 [rows] */
  uint64_t cos_sin;      /* f32 [max_positions, rotary_dim]: cos half, sin half */
  int64_t x_stride;
  int32_t rows;
  int32_t num_heads;
  int32_t head_dim;
  int32_t rotary_dim;
  int32_t interleaved;   /* 1: pairs (2i, 2i + 1); 0: (i, i + rotary_dim / 2) */
  int32_t reserved;
} EkcRope;
EKC_ASSERT_SIZE(EkcRope, 56);

/* The paged cache of one layer: a pool of keys and a pool of values, both zeroed once when they are allocated.
 * A page is 16 tokens; block_size is a multiple of 16 and block b is pages b * block_size / 16 and on, so that a slot
 * s = block * block_size + offset lies in page s / 16, row s % 16. Tile (page, kv head) starts at byte
 * (page * num_kv_heads + head) * 16 * EKC_KV_ROW_BYTES(head_dim, element). Byte b of row r of a tile lies at
 *   (r>>3) * 8 * ROW + (b>>7) * 1024 + (r&7) * 128 + (((b>>4)&7) ^ (r&7)) * 16 + (b&15),   ROW = EKC_KV_ROW_BYTES,
 * that is in atoms of 8 tokens x 128 bytes with the 128-byte swizzle of tensor copies and wgmma. Bytes past
 * head_dim * element stay zero. */
#define EKC_PAGE_TOKENS 16
#define EKC_KV_ROW_BYTES(head_dim, element_bytes) (((head_dim) * (element_bytes) + 127) / 128 * 128)
#define EKC_KV_TILE_BYTES(head_dim, element_bytes) (EKC_PAGE_TOKENS * EKC_KV_ROW_BYTES(head_dim, element_bytes))

/* ekc_write_kv_T: writes this step's keys and values to their slots; slot -1 is skipped. Values that do not fit an
 * 8-bit cache saturate. grid {rows, num_kv_heads, 1}, block 128, shared 0. */
typedef struct EkcWriteKv {
  uint64_t keys;          /* kv_type, the layer's key pool */
  uint64_t values;        /* kv_type, the layer's value pool */
  uint64_t key;           /* T [rows, num_kv_heads * head_dim] */
  uint64_t value;         /* T [rows, num_kv_heads * head_dim] */
  uint64_t slots;         /* int32 [rows] */
  int64_t key_stride;
  int64_t value_stride;
  int32_t rows;
  int32_t num_kv_heads;
  int32_t head_dim;
  int32_t kv_type;        /* EKC_F32, EKC_F16, EKC_BF16 or EKC_E4M3 */
  float key_scale;        /* what is stored times this is the key; 1 unless EKC_E4M3 */
  float value_scale;
} EkcWriteKv;
EKC_ASSERT_SIZE(EkcWriteKv, 80);

/* ekc_kv_rope_T: ekc_rope_T of query (in place), ekc_rope_T of key, and ekc_write_kv_T, bit for bit; key itself stays
 * as it is. grid {rows, num_heads + num_kv_heads, 1}, block 64, shared 0. */
typedef struct EkcKvRope {
  EkcWriteKv kv;
  uint64_t query;          /* T [rows, num_heads * head_dim] */
  uint64_t positions;      /* int32 [rows] */
  uint64_t query_cos_sin;  /* as cos_sin of EkcRope, for queries and for keys */
  uint64_t key_cos_sin;
  int64_t query_stride;
  int32_t num_heads;
  int32_t rotary_dim;
  int32_t interleaved;
  int32_t reserved;
} EkcKvRope;
EKC_ASSERT_SIZE(EkcKvRope, 136);

/* ekc_copy_blocks: pool[destination] = pool[source], whole blocks, for `pools` pools (keys and values of every layer).
 * grid {num_copies, pools, 1}, block 256, shared 0. */
typedef struct EkcCopyBlocks {
  uint64_t pools;         /* uint64 [pools]: their addresses */
  uint64_t block_bytes;   /* uint64 [pools]: bytes of a block in each, multiples of 16 */
  uint64_t copies;        /* int32 [num_copies][2]: source, destination */
} EkcCopyBlocks;
EKC_ASSERT_SIZE(EkcCopyBlocks, 24);

/* ekc_gather_rows: y[i] = x[indices[i]]; rows of row_bytes bytes at any 2-byte aligned address.
 * grid {rows, 1, 1}, block 256, shared 0. */
typedef struct EkcGatherRows {
  uint64_t y;
  uint64_t x;
  uint64_t indices;        /* int32 [rows] */
  int64_t y_stride_bytes;
  int64_t x_stride_bytes;
  int64_t row_bytes;       /* a multiple of 2 */
} EkcGatherRows;
EKC_ASSERT_SIZE(EkcGatherRows, 48);

#endif
