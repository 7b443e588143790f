#include <cmath>
#include <vector>

#include "engine_cuda_linear.h"
#include "plain.h"

namespace fake {

// A run of inputs that share a divisor: the values of their codes, the divisor (NaN if one is no number) and the zero.
struct Run {
  std::vector<float> values;
  float scale = 1;
  int zero = 0;
};

static float bounded(float v, float least, float most) { return v < least ? least : v > most ? most : v; }
static float e4m3(float v) { return e4m3_to_float(float_to_e4m3(v)); }

// Steps of a half below 2, of 1 below 4, of 2 up to 6.
static float e2m1(float v) {
  float magnitude = fminf(fabsf(v), 6), step = magnitude < 2 ? 0.5f : magnitude < 4 ? 1 : 2;
  return copysignf(nearbyintf(magnitude / step) * step, v);
}

static Run round_run(const EkcRoundInputs& a, std::vector<float> x) {
  Run run;
  float least = 0, most = 0, bad = 0;
  for (float v : x) {
    least = fminf(least, v);
    most = fmaxf(most, v);
    bad += v * 0;
  }
  float largest = fmaxf(most, -least);
  run.scale = a.scale;
  run.zero = a.kind == EKC_INPUT_I8_TENSOR ? a.zero : 0;
  if (a.kind == EKC_INPUT_I8_TOKEN) run.scale = largest > 0 ? largest / 127 : 1;
  if (a.kind == EKC_INPUT_E4M3_TOKEN) run.scale = fmaxf(largest / 448, 1.f / (448 * 512));
  if (a.kind == EKC_INPUT_E4M3_GROUP) run.scale = fmaxf(largest, 1e-10f) / 448;
  if (a.kind == EKC_INPUT_I8_TOKEN_ZERO) {
    run.scale = largest > 0 ? (most - least) / 255 : 1;
    run.zero = (int)bounded(nearbyintf(-128 - least / run.scale), -128, 127);
  }
  bool is_integer = a.kind <= EKC_INPUT_I8_TOKEN_ZERO;
  for (float v : x) {
    float whole = bounded(nearbyintf(v / run.scale) + (float)run.zero, -128, 127) - (float)run.zero;
    run.values.push_back(bad != 0 ? 0 : is_integer ? whole : e4m3(v / run.scale));
  }
  run.scale += bad;
  return run;
}

static std::vector<float> inputs(const EkcRoundInputs& a, int row, int first, int count, int type) {
  std::vector<float> x;
  for (int k = first; k < first + count && k < a.k; k++) x.push_back(get(a.x, row * a.x_stride + k, type));
  return x;
}

void plain_round_inputs(const char* arguments, const Op&, int type) {
  EkcRoundInputs a;
  memcpy(&a, arguments, sizeof a);
  int unit = a.kind == EKC_INPUT_E4M3_GROUP ? EKC_INPUT_GROUP : a.k, groups = (a.k + unit - 1) / unit;
  for (int t = 0; t < a.rows; t++) {
    uint8_t* y = (uint8_t*)a.y + t * a.y_stride;
    memset(y, 0, (size_t)a.y_stride);
    int sum = 0;
    for (int g = 0; g < groups; g++) {
      Run run = round_run(a, inputs(a, t, g * unit, unit, type));
      ((float*)a.scales)[a.scales_pitch ? g * a.scales_pitch + t : t * groups + g] = run.scale;
      bool is_integer = a.kind <= EKC_INPUT_I8_TOKEN_ZERO;
      if (is_integer) ((int*)a.zeros)[t] = run.zero;
      for (size_t i = 0; i < run.values.size(); i++) {
        float v = run.values[i];
        uint8_t& code = y[(size_t)(g * unit) + i];
        code = is_integer ? (uint8_t)((int)v + run.zero) : float_to_e4m3(v);
        sum += (int8_t)code;
      }
    }
    if (a.sums) ((int*)a.sums)[t] = sum;
  }
}

void plain_round_values(const char* arguments, const Op&, int type) {
  EkcRoundInputs a;
  memcpy(&a, arguments, sizeof a);
  bool is_group = a.kind == EKC_INPUT_E4M3_GROUP;
  for (int t = 0; t < a.rows; t++) {
    float bad = 0, scale = 1;
    int unit = is_group ? EKC_INPUT_GROUP : a.kind == EKC_INPUT_NVFP4 ? 16 : a.k;
    for (int first = 0; first < a.k; first += unit) {
      std::vector<float> x = inputs(a, t, first, unit, type);
      float largest = 0;
      for (float v : x) {
        largest = fmaxf(largest, fabsf(v));
        bad += v * 0;
      }
      float factor = e4m3(a.scale * largest / 6);
      if (factor == 0) factor = 0.125f;
      Run run = round_run(a, x);
      if (!is_group) scale = a.kind == EKC_INPUT_NVFP4 ? 1 / a.scale : run.scale;
      for (size_t i = 0; i < x.size(); i++) {
        float v = is_group ? run.values[i] * run.scale
                  : a.kind == EKC_INPUT_NVFP4 ? e2m1(x[i] / (factor / a.scale)) * factor : run.values[i];
        put(a.y, t * a.y_stride + first + (int64_t)i, type, v);
      }
    }
    ((float*)a.scales)[t] = scale + bad;
  }
}

// x_scales [rows][x_groups], or [x_groups][pitch].
static void multiply(const EkcW8A8& q, int pitch) {
  const EkcLinear& a = q.linear;
  bool is_float = a.weight_type == EKC_E4M3;
  for (int n = 0; n < a.n; n++) {
    const uint8_t* w = (const uint8_t*)a.weight + n * a.weight_stride;
    for (int t = 0; t < a.rows; t++) {
      const uint8_t* x = (const uint8_t*)a.x + t * a.x_stride;
      float sum = 0;
      int64_t whole = 0;
      for (int first = 0; first < a.k; first += EKC_INPUT_GROUP) {
        float block = 0;
        for (int k = first; k < first + EKC_INPUT_GROUP && k < a.k; k++) {
          if (is_float) block += e4m3_to_float(x[k]) * e4m3_to_float(w[k]);
          else whole += (int8_t)x[k] * (w[k] - 128);
        }
        int64_t group = n * q.codes.scales_stride + (first >> q.codes.group_shift);
        float scale = get(q.codes.scales, group, q.codes.scale_type);
        int block_index = first / EKC_INPUT_GROUP;
        int64_t place = pitch ? (int64_t)block_index * pitch + t : (int64_t)t * q.x_groups + block_index;
        if (q.x_scales) scale *= ((const float*)q.x_scales)[place];
        sum += block * scale;
      }
      if (q.x_zeros) whole -= (int64_t)((const int*)q.x_zeros)[t] * ((const int*)q.weight_sums)[n];
      if (!is_float) sum = (float)whole * get(q.codes.scales, n * q.codes.scales_stride, q.codes.scale_type);
      if (a.row_scales) sum *= ((const float*)a.row_scales)[t];
      if (a.bias) sum += ((const float*)a.bias)[n];
      int64_t y = t * a.y_stride + n;
      put(a.y, y, a.y_type, a.accumulate ? get(a.y, y, a.y_type) + sum : sum);
    }
  }
}

void plain_linear_w8a8(const char* arguments, const Op&, int) {
  EkcW8A8 q;
  memcpy(&q, arguments, sizeof q);
  multiply(q, 0);
}

void plain_linear_w8a8_wgmma(const char* arguments, const Op&, int) {
  EkcW8A8Wgmma q;
  memcpy(&q, arguments, sizeof q);
  multiply(q.product, q.x_pitch);
}

}  // namespace fake
