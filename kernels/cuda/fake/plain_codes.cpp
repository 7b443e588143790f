#include <cmath>
#include <vector>

#include "engine_cuda_linear.h"
#include "plain.h"

namespace fake {

// Row n of k weights as numbers of a type: what codes.h says, one after another.
static void read_row(
    const EkcCodes& c, uint64_t data, int64_t row_bytes, int format, int64_t n, int k_count, int type, float* out) {
  bool is_nibble = format == EKC_I4 || format == EKC_T4;
  int64_t tile_row = n % 16;
  const uint8_t* rows = (const uint8_t*)data + (n - tile_row) * row_bytes;
  for (int k = 0; k < k_count; k++) {
    const uint8_t* block = rows + k / 64 * (is_nibble ? 512 : 1024) + (tile_row % 8 * 4 + k / 2 % 4) * 16;
    int code = is_nibble ? block[k / 16 % 4 * 4 + k % 2 * 2 + k / 8 % 2] >> (tile_row < 8 ? 0 : 4) & 15
                         : block[k / 32 % 2 * 512 + k / 16 % 2 * 8 + tile_row / 8 * 4 + k / 8 % 2 * 2 + k % 2];
    int64_t group = n * c.groups_stride + (k >> c.group_shift);
    int64_t at = n * c.scales_stride + (c.subs ? k >> 8 : k >> c.group_shift);
    float scale = get(c.scales, at, c.scale_type), minimum = c.mins ? get(c.mins, at, c.scale_type) : 0;
    if (c.subs) {
      uint8_t sub = ((const uint8_t*)c.subs)[group];
      scale *= c.sub_type == EKC_E4M3 ? e4m3_to_float(sub) : (float)(int8_t)sub;
      if (c.sub_mins) minimum = -(minimum * (float)((const uint8_t*)c.sub_mins)[group]);
    }
    float value = format == EKC_E4M3 ? e4m3_to_float((uint8_t)code)
                  : format == EKC_T4 ? ((const float*)c.table)[code] : (float)code;
    if (format == EKC_I4 || format == EKC_I8) {
      value -= c.zeros ? (float)((const uint8_t*)c.zeros)[group] : (float)c.zero;
    }
    float product = value * scale, w = c.mins ? product + minimum : product;
    out[k] = rounded(w, type);
  }
}

void plain_linear_codes(const char* arguments, const Op&, int type) {
  EkcQuantizedLinear q;
  memcpy(&q, arguments, sizeof q);
  const EkcLinear& a = q.linear;
  std::vector<float> x((size_t)a.rows * (size_t)a.k), w((size_t)a.k);
  for (int t = 0; t < a.rows; t++) {
    for (int k = 0; k < a.k; k++) x[(size_t)t * (size_t)a.k + (size_t)k] = get(a.x, t * a.x_stride + k, type);
  }
  for (int n = 0; n < a.n; n++) {
    read_row(q.codes, a.weight, a.weight_stride, a.weight_type, n, a.k, type, w.data());
    for (int t = 0; t < a.rows; t++) {
      const float* row = x.data() + (size_t)t * (size_t)a.k;
      float sum = 0;
      for (int k = 0; k < a.k; k++) sum += row[k] * w[(size_t)k];
      if (a.row_scales) sum *= ((const float*)a.row_scales)[t];
      if (a.bias) sum += ((const float*)a.bias)[n];
      int64_t y = t * a.y_stride + n;
      put(a.y, y, a.y_type, a.accumulate ? get(a.y, y, a.y_type) + sum : sum);
    }
  }
}

void plain_embed_codes(const char* arguments, const Op&, int type) {
  EkcQuantizedEmbed q;
  memcpy(&q, arguments, sizeof q);
  const EkcEmbed& a = q.embed;
  std::vector<float> row((size_t)a.columns);
  for (int t = 0; t < a.rows; t++) {
    int id = ((const int*)a.ids)[t];
    bool known = id >= 0 && id < a.vocab;
    if (known) read_row(q.codes, a.table, a.table_stride, a.table_type, id, a.columns, type, row.data());
    for (int i = 0; i < a.columns; i++) put(a.y, t * a.y_stride + i, type, known ? row[(size_t)i] * a.scale : 0);
  }
}

void plain_permute_columns(const char* arguments, const Op&, int type) {
  EkcPermuteColumns a;
  memcpy(&a, arguments, sizeof a);
  for (int t = 0; t < a.rows; t++) {
    for (int i = 0; i < a.columns; i++) {
      put(a.y, t * a.y_stride + i, type, get(a.x, t * a.x_stride + ((const int*)a.order)[i], type));
    }
  }
}

}  // namespace fake
