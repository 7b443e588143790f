#include "plain.h"

#include <cmath>

#include "engine_cuda_linear.h"

namespace fake {

template <class A>
static A read(const char* arguments) {
  A a;
  memcpy(&a, arguments, sizeof a);
  return a;
}

static float activate(float x, int function) {
  switch (function) {
    case EKC_MAP_SILU: return x / (1 + expf(-x));
    case EKC_MAP_GELU: return 0.5f * x * erfcf(-x * 0.70710678f);
    case EKC_MAP_GELU_TANH: return 0.5f * x * (1 + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
    case EKC_MAP_RELU: return x > 0 ? x : 0;
    default: return x > 0 ? x * x : 0;
  }
}

static void embed(const char* p, const Op&, int type) {
  EkcEmbed a = read<EkcEmbed>(p);
  for (int t = 0; t < a.rows; t++) {
    int id = ((const int*)a.ids)[t];
    for (int i = 0; i < a.columns; i++) {
      float v = id < 0 || id >= a.vocab ? 0 : get(a.table, id * a.table_stride + i, a.table_type) * a.scale;
      put(a.y, t * a.y_stride + i, type, v);
    }
  }
}

static void rms_norm(const char* p, const Op&, int type) {
  EkcRmsNorm a = read<EkcRmsNorm>(p);
  for (int t = 0; t < a.rows; t++) {
    for (int g = 0; g < a.groups; g++) {
      float sum = 0;
      for (int i = 0; i < a.n; i++) {
        float v = get(a.x, t * a.x_stride + (int64_t)g * a.n + i, type);
        sum += v * v;
      }
      float scale = 1 / sqrtf(sum / (float)a.n + a.epsilon);
      for (int i = 0; i < a.n; i++) {
        float w = a.weight ? ((const float*)a.weight)[i] + a.offset : 1;
        float v = get(a.x, t * a.x_stride + (int64_t)g * a.n + i, type);
        put(a.y, t * a.y_stride + (int64_t)g * a.n + i, type, v * scale * w);
      }
    }
  }
}

static void layer_norm(const char* p, const Op&, int type) {
  EkcLayerNorm a = read<EkcLayerNorm>(p);
  for (int t = 0; t < a.rows; t++) {
    for (int g = 0; g < a.groups; g++) {
      int64_t x = t * a.x_stride + (int64_t)g * a.n, w = a.per_group ? (int64_t)g * a.n : 0;
      float mean = 0, variance = 0;
      for (int i = 0; i < a.n; i++) mean += get(a.x, x + i, type);
      mean /= (float)a.n;
      for (int i = 0; i < a.n; i++) variance += (get(a.x, x + i, type) - mean) * (get(a.x, x + i, type) - mean);
      float scale = 1 / sqrtf(variance / (float)a.n + a.epsilon);
      for (int i = 0; i < a.n; i++) {
        float bias = a.bias ? ((const float*)a.bias)[w + i] : 0;
        float v = (get(a.x, x + i, type) - mean) * scale * ((const float*)a.weight)[w + i] + bias;
        put(a.y, t * a.y_stride + (int64_t)g * a.n + i, type, v);
      }
    }
  }
}

static float map_one(const EkcMap& a, float x) {
  switch (a.function) {
    case EKC_MAP_SCALE: return x * a.a;
    case EKC_MAP_SOFT_CAP: return a.a * tanhf(x / a.a);
    case EKC_MAP_CLAMP: return fminf(fmaxf(x, -a.a), a.a);
    case EKC_MAP_XIELU: return (x > 0 ? a.a * x * x : a.b * (expm1f(fminf(x, a.d)) - x)) + a.c * x;
    case EKC_MAP_TO_F32: return x;
    default: return activate(x, a.function);
  }
}

static void map(const char* p, const Op&, int type) {
  EkcMap a = read<EkcMap>(p);
  int to = a.function == EKC_MAP_TO_F32 ? EKC_F32 : type;
  for (int t = 0; t < a.rows; t++) {
    for (int i = 0; i < a.columns; i++) {
      put(a.y, t * a.y_stride + i, to, map_one(a, get(a.x, t * a.x_stride + i, type)));
    }
  }
}

static void add_scaled(const char* p, const Op&, int type) {
  EkcCombine a = read<EkcCombine>(p);
  for (int t = 0; t < a.rows; t++) {
    for (int i = 0; i < a.columns; i++) {
      int64_t y = t * a.y_stride + i;
      put(a.y, y, type, get(a.y, y, type) + get(a.x, t * a.x_stride + i, type) * a.scale);
    }
  }
}

static void activate_multiply(const char* p, const Op&, int type) {
  EkcCombine a = read<EkcCombine>(p);
  for (int t = 0; t < a.rows; t++) {
    for (int i = 0; i < a.columns; i++) {
      float gate = get(a.x, t * a.x_stride + i, type), up = get(a.x, t * a.x_stride + a.columns + i, type);
      put(a.y, t * a.y_stride + i, type, activate(gate, a.function) * up);
    }
  }
}

static void rope(const char* p, const Op&, int type) {
  EkcRope a = read<EkcRope>(p);
  int half = a.rotary_dim / 2;
  for (int t = 0; t < a.rows; t++) {
    const float* cosine = (const float*)a.cos_sin + (int64_t)((const int*)a.positions)[t] * a.rotary_dim;
    for (int h = 0; h < a.num_heads; h++) {
      int64_t first = t * a.x_stride + (int64_t)h * a.head_dim;
      for (int i = 0; i < half; i++) {
        int64_t u = first + (a.interleaved ? 2 * i : i), v = first + (a.interleaved ? 2 * i + 1 : i + half);
        float x = get(a.x, u, type), y = get(a.x, v, type), c = cosine[i], s = cosine[half + i];
        put(a.x, u, type, x * c - y * s);
        put(a.x, v, type, y * c + x * s);
      }
    }
  }
}

static void kv_rope(const char* p, const Op& op, int type) {
  EkcKvRope a = read<EkcKvRope>(p);
  EkcRope turn = {a.query, a.positions, a.query_cos_sin, a.query_stride, a.kv.rows, a.num_heads, a.kv.head_dim,
                  a.rotary_dim, a.interleaved, 0};
  rope((const char*)&turn, op, type);
  turn.x = a.kv.key;
  turn.cos_sin = a.key_cos_sin;
  turn.x_stride = a.kv.key_stride;
  turn.num_heads = a.kv.num_kv_heads;
  rope((const char*)&turn, op, type);
  plain_write_kv((const char*)&a.kv, op, type);
  // What is left in key is not said: nobody may read it.
  for (int t = 0; t < a.kv.rows; t++) {
    for (int i = 0; i < a.kv.num_kv_heads * a.kv.head_dim; i++) put(a.kv.key, t * a.kv.key_stride + i, type, NAN);
  }
}

static void gather_rows(const char* p, const Op& op, int) {
  EkcGatherRows a = read<EkcGatherRows>(p);
  for (unsigned i = 0; i < op.grid[0]; i++) {
    int64_t row = ((const int*)a.indices)[i];
    memcpy((char*)a.y + (int64_t)i * a.y_stride_bytes, (const char*)a.x + row * a.x_stride_bytes, (size_t)a.row_bytes);
  }
}

static void multiply(const EkcLinear& a, int type) {
  std::vector<float> x((size_t)a.k);
  for (int t = 0; t < a.rows; t++) {
    for (int k = 0; k < a.k; k++) x[(size_t)k] = get(a.x, t * a.x_stride + k, type);
    for (int n = 0; n < a.n; n++) {
      float sum = 0;
      for (int k = 0; k < a.k; k++) sum += x[(size_t)k] * get(a.weight, n * a.weight_stride + k, a.weight_type);
      if (a.row_scales) sum *= ((const float*)a.row_scales)[t];
      if (a.bias) sum += ((const float*)a.bias)[n];
      int64_t y = t * a.y_stride + n;
      put(a.y, y, a.y_type, a.accumulate ? get(a.y, y, a.y_type) + sum : sum);
    }
  }
}

static void linear(const char* p, const Op&, int type) { multiply(read<EkcLinear>(p), type); }
static void linear_wgmma(const char* p, const Op&, int type) { multiply(read<EkcLinearWgmma>(p).linear, type); }

static void nothing(const char*, const Op&, int) {}

static const struct {
  const char* stem;
  PlainKernel run;
} kPlain[] = {
    {"ekc_embed_i4", plain_embed_codes},
    {"ekc_embed_i8", plain_embed_codes},
    {"ekc_embed_t4", plain_embed_codes},
    {"ekc_embed_e4m3", plain_embed_codes},
    {"ekc_embed", embed},
    {"ekc_rms_norm", rms_norm},
    {"ekc_layer_norm", layer_norm},
    {"ekc_map", map},
    {"ekc_add_scaled", add_scaled},
    {"ekc_activate_multiply", activate_multiply},
    {"ekc_rope", rope},
    {"ekc_kv_rope", kv_rope},
    {"ekc_gather_rows", gather_rows},
    {"ekc_linear_i4", plain_linear_codes},
    {"ekc_linear_i8", plain_linear_codes},
    {"ekc_linear_t4", plain_linear_codes},
    {"ekc_linear_e4m3", plain_linear_codes},
    {"ekc_linear_wgmma8", linear_wgmma},
    {"ekc_linear_wgmma16", linear_wgmma},
    {"ekc_linear_wgmma32", linear_wgmma},
    {"ekc_linear_wgmma64", linear_wgmma},
    {"ekc_linear_wgmma128", linear_wgmma},
    {"ekc_linear_w8a8_wgmma8", plain_linear_w8a8_wgmma},
    {"ekc_linear_w8a8_wgmma16", plain_linear_w8a8_wgmma},
    {"ekc_linear_w8a8_wgmma32", plain_linear_w8a8_wgmma},
    {"ekc_linear_w8a8_wgmma64", plain_linear_w8a8_wgmma},
    {"ekc_linear_w8a8_wgmma128", plain_linear_w8a8_wgmma},
    {"ekc_linear_w8a8_wgmma_pair128", plain_linear_w8a8_wgmma},
    {"ekc_linear_w8a8", plain_linear_w8a8},
    {"ekc_linear_wgmma_pair128", linear_wgmma},
    {"ekc_linear", linear},
    {"ekc_round_inputs", plain_round_inputs},
    {"ekc_round_values", plain_round_values},
    {"ekc_permute_columns", plain_permute_columns},
    {"ekc_attention_combine", nothing},  // the plain split form leaves nothing to combine
    {"ekc_attention", plain_attention},
    {"ekc_write_kv", plain_write_kv},
    {"ekc_copy_blocks", plain_copy_blocks},
};

PlainKernel plain_find(const std::string& name, int* type) {
  auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
  *type = has("_f32") ? EKC_F32 : has("_bf16") ? EKC_BF16 : EKC_F16;
  for (auto& plain : kPlain) {
    size_t n = strlen(plain.stem);
    if (name.compare(0, n, plain.stem) == 0 && (name.size() == n || name[n] == '_')) return plain.run;
  }
  return nullptr;
}

}  // namespace fake
