// What one ISA level offers and the arguments it takes. Shared by every translation unit.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine_kernels.h"

#define INLINE static inline __attribute__((always_inline))
#define MEMBER inline __attribute__((always_inline))
#define INLINE_LAMBDA __attribute__((always_inline))

#include "codes_format.h"

namespace engine {

static constexpr int64_t kThreadScratch = 4 << 20;

struct GemmJob {
  const char* w;       // panels
  const void* a;       // packed activations of all rows
  float* y;
  const float* bias;   // or null
  int64_t rows, n, k, chunks, panel_bytes, y_stride;
  int32_t format, activation, accumulate;
  const CodesFormat* codes; // of a coded format
};

struct PackActivationsJob {
  const float* x;      // null: only count the tiles
  void* a;
  int64_t rows, k, chunks, x_stride, row_bytes;
  int32_t format, activation;
  const CodesFormat* codes; // of a coded format
  const int32_t* order;     // of a coded format: where each value lies in x, or null
  ek_input_rounding inputs; // of a coded format: instead of what activation says
  char* staging;            // of this thread, for a tile that is then written past the caches, or null
};

struct PackWeightJob {
  const ek_linear_part* parts;
  char* destination;
  int64_t n, k;
  int32_t num_parts, format;
};

struct EmbedJob {
  const void* table;   // rows of k elements, or packed panels
  float* y;
  const int32_t* ids;
  int64_t k, y_stride, panel_bytes;
  float scale;
  int32_t type;        // element type of rows, or packed format
  int32_t packed;
  const int32_t* order; // of a coded format: where each value goes, or null
};

enum PointOp { kAddScaled, kScale, kSoftCap, kActivate, kActivateMultiply };

struct PointJob {
  float* y;
  const float* x;
  const float* gate;   // kActivateMultiply: multiplies f(x)
  int64_t y_stride, x_stride;
  float value;
  int32_t op, activation;
};

struct NormJob {
  float* y;
  const float* x;
  const float* weight; // or null
  const float* bias;   // or null
  int64_t y_stride, x_stride, n;
  float epsilon, offset;
  int32_t groups, per_group, center;
};

struct RopeJob {
  float* x;
  const int32_t* positions;
  const float* cos_sin;
  int64_t x_stride;
  int32_t heads, head_dim, rotary_dim, interleaved;
};

struct KvJob {
  char* data;
  int64_t block_bytes, tile_bytes; // a tile is K of 16 tokens of one head
  int32_t block_size, kv_heads, head_dim, padded_dim, dtype, dot;
  float key_scale, value_scale;    // of EK_F8_E4M3: what was divided by
  float key_unit, value_unit;      // what a loaded element is to be multiplied by
};

struct KvWriteJob {
  KvJob kv;
  const float* key;
  const float* value;
  const int32_t* slots;
  int64_t key_stride, value_stride;
};

struct AttentionJob {
  KvJob kv;
  const float* query;
  float* output;
  int64_t query_stride, output_stride;
  const int32_t* cu_seqlens;
  const int32_t* context_lens;
  const int32_t* block_tables;
  const float* slopes;   // [heads], or null
  int32_t max_blocks, group, window, bidirectional;
  float scale, soft_cap;
};

// The query rows of one KV head that one thread does: tokens [token, token + tokens) of the request, query heads
// [head, head + heads) of the group.
struct AttentionItem {
  int32_t request, kv_head, token, tokens, head, heads;
  int64_t part;     // of `partial`: the part's first token
  float* partial;   // where that part's result goes (partial_floats), or null: all parts, to the output
};

static constexpr int kMaxAttentionRows = 64;
static constexpr int kKvTile = 256;    // tokens of one softmax step
static constexpr int kKvPart = 1024;   // tokens of one partial result
static constexpr int64_t kMaxHeadDim = 512;
static constexpr float kE4m3Unit = 256; // vload gives e4m3 in units of 2^8

// A part's result: [kMaxAttentionRows] maxima, [kMaxAttentionRows] sums, [rows][padded_dim].
static constexpr int64_t partial_floats(int64_t rows, int64_t padded_dim) {
  return 2 * kMaxAttentionRows + rows * padded_dim;
}

struct IsaTable {
  int32_t isa;
  // Panels [first, last); `next` is what this thread reads after them, scratch holds one panel as f32.
  void (*gemm)(
      const GemmJob&, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch);
  int64_t (*gemm_group)(const GemmJob&);
  int64_t (*pack_activations)(const PackActivationsJob&, int64_t tile);
  void (*pack_weight)(const PackWeightJob&, int64_t panel);
  void (*embed)(const EmbedJob&, int64_t row);
  void (*point)(const PointJob&, int64_t row, int64_t first, int64_t last);
  void (*norm)(const NormJob&, int64_t row);
  void (*rope)(const RopeJob&, int64_t row);
  void (*kv_write)(const KvWriteJob&, int64_t row, int64_t head);
  void (*attention)(const AttentionJob&, const AttentionItem&, char* scratch);
  // Combines the results of parts, partial_floats apart, in their order.
  void (*attention_merge)(
      const AttentionJob&, const AttentionItem&, const float* partials, int64_t parts, char* scratch);
  double (*probe)(int32_t kind, const float* data, int64_t amount, float* sink);
  int32_t attention_rows;  // of an item
};

// The same for coded weights, compiled apart. AVX-512 without VNNI takes the kernels for AVX2.
struct CodesTable {
  void (*gemm)(
      const GemmJob&, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch);
  int64_t (*row_bytes)(const CodesFormat&, int32_t activation, int64_t chunks);
  int64_t (*pack_activations)(const PackActivationsJob&, int64_t tile);
  void (*embed)(const EmbedJob&, int64_t row);
};

extern const CodesTable kBaselineCodes;
#if defined(__x86_64__)
extern const CodesTable kAvx2Codes;
extern const CodesTable kAvx512VnniCodes;
extern const CodesTable kAvx2GridCodes;
extern const CodesTable kAvx512VnniGridCodes;
// Products alone, of codes of floats. kBf16FloatCodes needs AVX512_VBMI too.
extern const CodesTable kAvx2FloatCodes;
extern const CodesTable kAvx512FloatCodes;
extern const CodesTable kBf16FloatCodes;
#endif

extern const IsaTable kBaselineTable;
#if defined(__x86_64__)
extern const IsaTable kAvx2Table;
extern const IsaTable kAvx512Table;
extern const IsaTable kAvx512VnniTable;
extern const IsaTable kAvx512Bf16Table;
#endif

}  // namespace engine
