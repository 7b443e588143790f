/* Native CPU kernels of Engine: one C interface, no exceptions, no allocation outside *_create and ek_map.
 *
 * Activations are float rows. Every operation takes a context, which owns a thread pool and scratch memory; a
 * context runs one operation at a time. Results of a row depend on that row alone and are computed in the same
 * order of operations whatever the number of rows, their order, the number of threads or the way a prompt is cut
 * into steps: bit for bit, on one ISA level. Different levels may differ by rounding.
 */
#ifndef ENGINE_KERNELS_H
#define ENGINE_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define EK_API __declspec(dllexport)
#else
#define EK_API __attribute__((visibility("default")))
#endif

/* Return codes. Arguments are checked before anything is written. */
enum {
  EK_OK = 0,
  EK_INVALID_ARGUMENT = -1,
  EK_OUT_OF_MEMORY = -6,
  EK_UNSUPPORTED = -9,
};

/* Instruction sets, each with all below it. */
enum {
  EK_ISA_AUTO = -1,
  EK_ISA_BASELINE = 0,    /* what the compiler's target always has (x86-64-v2 on x86) */
  EK_ISA_AVX2 = 1,        /* + FMA, F16C */
  EK_ISA_AVX512 = 2,      /* F, BW, VL, DQ */
  EK_ISA_AVX512_VNNI = 3, /* + VNNI */
  EK_ISA_AVX512_BF16 = 4, /* + BF16 */
  EK_ISA_AMX_BF16 = 5,    /* + AMX tiles, for products of bf16 */
  EK_ISA_AMX_EMULATED = 1000, /* for tests: tiles in scalar code, on the baseline; the context says EK_ISA_AMX_BF16 */
};

/* Element types; the values of Engine.Memory.DType. The last two are for KV memory alone. */
enum { EK_F32 = 0, EK_F16 = 1, EK_BF16 = 2, EK_I8 = 4, EK_F8_E4M3 = 9 };

/* Blocks of 32 values that a source may be stored in (GGUF's Q8_0 and Q4_0), beside the element types. */
enum { EK_BLOCK_Q8_0 = 100, EK_BLOCK_Q4_0 = 101 };

/* Packed formats of a weight [n, k]. Panels are 16 output columns wide with all of k contiguous; k is padded to 32,
 * n to 16, with zeros. */
enum {
  EK_FORMAT_F32 = 0,     /* [n/16][k][16] f32 */
  EK_FORMAT_F16 = 1,     /* [n/16][k][16] f16, multiplied in f32 */
  EK_FORMAT_BF16 = 2,    /* [n/16][k][16] bf16, multiplied in f32 */
  EK_FORMAT_BF16_DP = 3, /* [n/16][k/2][16][2] bf16, activations rounded to bf16; needs AVX512_BF16 */
  /* [n/16][k/64] superblocks, k padded to 64: [2 groups][16] f16 scales, then per group of 32 k
   * [8][16 columns][4 k] u8 holding w + 128 (Q8), or [4][16][4] u8 whose low nibble is step j and high nibble
   * step j + 4, holding w + 8 (Q4). 8.5 and 4.5 bits a weight. */
  EK_FORMAT_Q8 = 4,
  EK_FORMAT_Q4 = 5,
};

/* Weights of small integers with scales, kept as a checkpoint stores them. A format is EK_FORMAT_CODES + codes +
 * 16 * log2(group) + 256 * scale + 4096 * min; group is the k that share a scale: 16, 32, 64 or 128.
 *
 * A superblock is 16 columns x 128 k (256 with a SUPER scale), k padded with zeros: a header, padded to 64 bytes, then
 * per 32 k the codes. Header: [sets][16] scales (SUPER: [16]), the same of minima or [sets][16] u8 zeros
 * (SUPER_MIN: [16] f16), with SUPER [sets][16] 8-bit factors of the scale, with SUPER_MIN [sets][16] u8 factors of the
 * minimum. A line of codes is 16 columns x 4 k; of the 8 steps of 32 k, line j of 4-bit codes holds step j in its low
 * halves and j + 4 in its high ones. A fifth bit is bit s of one more line, for step s; the fifth and sixth are bits
 * 2 (s % 4) of one of two more, s / 4. 8-bit codes take 8 lines.
 *
 * w = scale * (value(code) - zero), or scale * value(code) + min, or super * sub * value(code) - super_min * sub_min.
 * Without zeros and minima, codes are stored plus 2^(bits - 1), but for those of tables and floats. */
enum { EK_FORMAT_CODES = 0x10000 };
enum {
  EK_CODES_4 = 0,
  EK_CODES_5 = 1,
  EK_CODES_6 = 2,
  EK_CODES_8 = 3,
  EK_CODES_IQ4 = 4,   /* 4 bits, through the table of GGUF's IQ4 types */
  EK_CODES_E2M1 = 5,  /* 4 bits, twice the value of an e2m1 float */
  EK_CODES_E4M3 = 6,  /* 8 bits, an e4m3 float */
  EK_CODES_NF4 = 7,   /* 4 bits, through the table of bitsandbytes' nf4 */
  EK_CODES_FP4 = 8,   /* 4 bits, through the table of bitsandbytes' fp4 */
  /* 4 bits, sign and number of a coordinate in GGUF's codebooks: of IQ2 (and 8 times those of IQ1, shifted), IQ3_XXS,
   * IQ3_S */
  EK_CODES_GRID2 = 9,
  EK_CODES_GRID3 = 10,
  EK_CODES_GRID3S = 11,
};
enum {
  EK_CODES_SCALE_F16 = 0,
  EK_CODES_SCALE_BF16 = 1,
  EK_CODES_SCALE_F32 = 2,
  EK_CODES_SCALE_SUPER = 3,      /* f16 per 256 k, times s8 per group */
  EK_CODES_SCALE_SUPER_F32 = 4,  /* f32 per 256 k, times s8 per group */
  EK_CODES_SCALE_SUPER_E4M3 = 5, /* f32 per 256 k, times e4m3 per group */
};
enum { EK_CODES_NO_MIN = 0, EK_CODES_ZERO = 1, EK_CODES_MIN = 2, EK_CODES_SUPER_MIN = 3 };

/* How activations meet quantized weights: rounded to 8 or 15 bits per 32 values, or not at all. With codes of floats
 * (E4M3, NF4, FP4) 8 rounds them to bf16 where AVX512_BF16 multiplies that (and NF4 and FP4 tables with them); nothing
 * else is rounded. */
enum { EK_ACTIVATION_8 = 0, EK_ACTIVATION_15 = 1, EK_ACTIVATION_FLOAT = 2 };

typedef struct ek_context ek_context;

typedef struct ek_options {
  int32_t threads;     /* 0: CPUs in the affinity mask and cgroup quota */
  int32_t isa;         /* EK_ISA_AUTO, or a level to stay at or below */
  int32_t pin;         /* 1: worker i runs on the i-th CPU, if the threads fill the mask or there is a list of CPUs
                        * that is long enough (thread 0 is the caller and is not moved) */
  int32_t spin_us;     /* how long an idle worker spins before it parks; < 0 is the default of 50 */
  const int32_t* cpus; /* CPUs to use, in order, or null for the affinity mask */
  int32_t num_cpus;
} ek_options;

/* The best level of this machine. */
EK_API int32_t ek_isa_best(void);

/* CPUs of this process: affinity mask and cgroup quota, at least 1. */
EK_API int32_t ek_cpu_count(void);

EK_API int32_t ek_context_create(const ek_options* options, ek_context** context);
EK_API void ek_context_destroy(ek_context* context);
EK_API int32_t ek_context_threads(const ek_context* context);
EK_API int32_t ek_context_isa(const ek_context* context);

/* Changes how many threads work, 1 <= threads <= those created. Results do not change. */
EK_API int32_t ek_context_set_threads(ek_context* context, int32_t threads);

/* Pins the calling thread to the first CPU of the context. EK_UNSUPPORTED if its workers are not pinned. */
EK_API int32_t ek_context_pin_caller(ek_context* context);

/* Zeroed memory, 2 MB aligned, huge pages asked for; pages are taken at first touch. Null if there is none. */
EK_API void* ek_map(int64_t bytes);
EK_API void ek_unmap(void* address, int64_t bytes);

/* Spreads the pages of a mapping that are not touched yet over all NUMA nodes with memory. EK_UNSUPPORTED where the
 * system has no such thing. */
EK_API int32_t ek_interleave(void* address, int64_t bytes);

/* Rows of activations: element [r][c] is data[r * row_stride + c]. */
typedef struct ek_matrix {
  float* data;
  int64_t rows;
  int64_t columns;
  int64_t row_stride;
} ek_matrix;

/* One tensor of a weight on disk: [n, k] with rows row_stride elements (of blocks: bytes) apart, or [k, n] if
 * transposed. Blocks need k to be a multiple of 32 and are not transposed. */
typedef struct ek_linear_part {
  const void* data;
  int64_t n;
  int64_t row_stride;
  int32_t dtype;
  int32_t transposed;
} ek_linear_part;

/* How a checkpoint rounds the inputs of a weight of codes. Scales are given (TENSOR; E2M1_16) or those of a row. */
enum {
  EK_INPUTS_OWN = 0,           /* as `activation` says */
  EK_INPUTS_I8_TENSOR = 1,     /* q = clamp(round(x / scale) + zero, -128, 127), (q - zero) * scale */
  EK_INPUTS_I8_TOKEN = 2,      /* scale = largest magnitude / 127, zero = 0 */
  EK_INPUTS_I8_TOKEN_ZERO = 3, /* scale = (max(x, 0) - min(x, 0)) / 255, zero = round(-128 - min(x, 0) / scale) */
  EK_INPUTS_E4M3_TENSOR = 4,   /* e4m3(x / scale) * scale, saturating */
  EK_INPUTS_E4M3_TOKEN = 5,    /* scale = largest magnitude / 448, at least 1 / (448 * 512) */
  EK_INPUTS_E4M3_128 = 6,      /* of 128 values: largest magnitude, at least 1e-10, / 448 */
  EK_INPUTS_E2M1_16 = 7,       /* of 16: s = e4m3(scale * largest / 6), 1/8 for 0: e2m1(x / (s / scale)) * s / scale */
};

typedef struct ek_input_rounding {
  int32_t kind;
  int32_t zero;
  float scale; /* above 0 */
} ek_input_rounding;

typedef struct ek_linear_weight {
  const void* data; /* 64-byte aligned, ek_linear_bytes long */
  int64_t n;
  int64_t k;
  int32_t format;
  int32_t activation; /* EK_ACTIVATION_*; counts for Q8, Q4 and codes */
  const int32_t* order; /* codes only: [k] the input of every position, or null for their own order */
  ek_input_rounding inputs; /* codes only */
} ek_linear_weight;

/* Bytes of a packed weight, or a negative code. */
EK_API int64_t ek_linear_bytes(int64_t n, int64_t k, int32_t format);

/* Packs parts stacked along n. destination: ek_linear_bytes, 64-byte aligned; all of it is written. */
EK_API int32_t ek_linear_pack(
    ek_context* context, const ek_linear_weight* destination, const ek_linear_part* parts, int32_t num_parts);

/* Up to 16 rows of codes and scales, one after another. */
typedef struct ek_codes_rows {
  const uint8_t* codes;    /* [rows][k] */
  const float* scales;     /* [rows][groups], SUPER: [rows][supers] */
  const uint8_t* zeros;    /* ZERO: [rows][groups] */
  const float* mins;       /* MIN: [rows][groups]; SUPER_MIN: [rows][supers] */
  const int8_t* subs;      /* SUPER: [rows][groups], e4m3 bits with SUPER_E4M3 */
  const uint8_t* sub_mins; /* SUPER_MIN: [rows][groups] */
  int64_t rows;
  int64_t group;           /* k that share a scale: a multiple of the format's group */
} ek_codes_rows;

/* Packs rows [16 panel, 16 panel + rows) of a weight of codes; rows is 16 but for the last panel. groups is
 * ceil(k / group), supers ceil(k / 256). Scales must fit the format's type. Different panels may be packed at once. */
EK_API int32_t ek_codes_pack(const ek_linear_weight* destination, int64_t panel, const ek_codes_rows* rows);

/* y[m][n] = sum_k x[m][k] w[n][k] (+ bias[n]) (+ y[m][n] if accumulate). x [rows, k], y [rows, n], no alias. */
EK_API int32_t ek_linear(
    ek_context* context, const ek_matrix* y, const ek_matrix* x, const ek_linear_weight* weight,
    const float* bias, int32_t accumulate);

/* y[t] = table[ids[t]] * scale. table: rows of `columns` elements of dtype, contiguous. */
EK_API int32_t ek_embed(
    ek_context* context, const ek_matrix* y, const void* table, int32_t dtype, int64_t vocab,
    const int32_t* ids, float scale);

/* The same from a packed weight (tied embeddings): row id is output column id. */
EK_API int32_t ek_embed_packed(
    ek_context* context, const ek_matrix* y, const ek_linear_weight* table, const int32_t* ids, float scale);

/* y = x / sqrt(mean(x^2) + epsilon) * (weight + offset) over each of `groups` runs of columns; weight
 * [columns / groups] or null. y may alias x. */
EK_API int32_t ek_rms_norm(
    ek_context* context, const ek_matrix* y, const ek_matrix* x, const float* weight, float epsilon,
    float offset, int32_t groups);

/* y = (x - mean) / sqrt(var + epsilon) * weight + bias; weight and bias (or null) [columns / groups], or [columns]
 * if per_group. y may alias x. */
EK_API int32_t ek_layer_norm(
    ek_context* context, const ek_matrix* y, const ek_matrix* x, const float* weight, const float* bias,
    float epsilon, int32_t groups, int32_t per_group);

/* y += x * scale. */
EK_API int32_t ek_add_scaled(ek_context* context, const ek_matrix* y, const ek_matrix* x, float scale);

/* x *= scale. */
EK_API int32_t ek_scale(ek_context* context, const ek_matrix* x, float scale);

/* x = cap * tanh(x / cap). */
EK_API int32_t ek_soft_cap(ek_context* context, const ek_matrix* x, float cap);

/* Activations; the values of Engine.Devices.Activation. */
enum { EK_SILU = 0, EK_GELU = 1, EK_GELU_TANH = 2, EK_RELU = 3, EK_RELU_SQUARED = 4 };

/* y = f(x); y may alias x. */
EK_API int32_t ek_activate(ek_context* context, const ek_matrix* y, const ek_matrix* x, int32_t activation);

/* y = f(x[:, :n]) * x[:, n:], x [rows, 2n], y [rows, n]; y may be x[:, :n]. */
EK_API int32_t ek_activate_multiply(
    ek_context* context, const ek_matrix* y, const ek_matrix* x, int32_t activation);

/* Rotates the first rotary_dim of each head in place. cos_sin [positions][rotary_dim]: cosines, then sines. */
EK_API int32_t ek_rope(
    ek_context* context, const ek_matrix* x, const int32_t* positions, const float* cos_sin, int64_t num_positions,
    int32_t head_dim, int32_t rotary_dim, int32_t interleaved);

/* y[i] = x[indices[i]]. */
EK_API int32_t ek_gather_rows(
    ek_context* context, const ek_matrix* y, const ek_matrix* x, const int32_t* indices);

/* KV memory of one layer: [num_blocks][num_kv_heads][block_size / 16][K tile | V tile], 64-byte aligned.
 * A tile is 16 tokens of one head; d is head_dim padded to 16. K is [d][16] and V [16][d]; where products are of bf16
 * pairs (on AVX512_BF16: dtype BF16, and 8 bits with rounds_queries) K is [d/2][16][2] and V [8][d][2].
 * I8 keeps 16 f32 scales, one a token, in front of each tile: the largest magnitude is 127. F8_E4M3 keeps
 * value / scale, to the nearest, saturating at 448. */
typedef struct ek_kv {
  void* data;
  int64_t num_blocks;
  int32_t block_size; /* a multiple of 16 */
  int32_t num_kv_heads;
  int32_t head_dim;
  int32_t dtype;
  int32_t rounds_queries; /* 8 bits: queries and probabilities may be rounded to bf16; fixed for a storage */
  float key_scale;        /* F8_E4M3: finite and above 0 */
  float value_scale;
} ek_kv;

/* Bytes of one block of one layer, or a negative code. */
EK_API int64_t ek_kv_block_bytes(int32_t block_size, int32_t num_kv_heads, int32_t head_dim, int32_t dtype);

/* Writes rows [rows, num_kv_heads * head_dim] to slots (block * block_size + offset; -1 is skipped). A slot must not
 * appear twice. */
EK_API int32_t ek_kv_write(
    ek_context* context, const ek_kv* kv, const ek_matrix* key, const ek_matrix* value, const int32_t* slots);

/* Copies blocks; pairs [count][2] of (source, destination), which do not overlap. */
EK_API int32_t ek_kv_copy_blocks(ek_context* context, const ek_kv* kv, const int32_t* pairs, int32_t count);

typedef struct ek_attention_settings {
  int32_t num_heads;
  float scale;
  int32_t sliding_window; /* 0: none; else a token sees itself and this many minus one before it */
  float soft_cap;         /* 0: none */
  int32_t bidirectional; /* 1: a token also sees those behind it; the window is then to each side, itself not counted */
  const float* alibi_slopes; /* [num_heads] or null: slope * (key - query position) is added to the scaled score */
} ek_attention_settings;

typedef struct ek_attention_batch {
  const int32_t* cu_seqlens_q; /* [num_requests + 1] */
  const int32_t* context_lens; /* [num_requests] */
  const int32_t* block_tables; /* [num_requests][max_blocks] */
  int32_t num_requests;
  int32_t max_blocks;
} ek_attention_batch;

/* Causal attention: query row i of a request of q rows and context c is the token at position c - q + i.
 * output, query [rows, num_heads * head_dim]. Online softmax over tiles of 256 tokens at fixed positions, partial
 * results of 1024 tokens combined in order, by whichever thread. */
EK_API int32_t ek_attention(
    ek_context* context, const ek_matrix* output, const ek_matrix* query, const ek_kv* kv,
    const ek_attention_settings* settings, const ek_attention_batch* batch);

/* What ek_probe measures. */
enum { EK_PROBE_READ = 0, EK_PROBE_FMA = 1, EK_PROBE_BF16_DOT = 2 };

/* Reads `amount` bytes of data (a multiple of 512), or runs 64 x `amount` rounds of multiply-adds, with all threads
 * and the context's instruction set. done: bytes read, or floating point operations; the caller takes the time.
 * EK_UNSUPPORTED if the level has no such instruction. */
EK_API int32_t ek_probe(ek_context* context, int32_t kind, const void* data, int64_t amount, double* done);

#ifdef __cplusplus
}
#endif

#endif
