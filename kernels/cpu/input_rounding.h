// Inputs rounded as a checkpoint says. Included inside the namespace of one ISA level.
#pragma once

// To the nearest e4m3, ties to even, saturating; NaN stays.
INLINE float round_e4m3(float x) {
  const uint32_t sign = float_bits(x) & 0x80000000;
  const float a = __builtin_fabsf(x), b = a > 448.0f ? 448.0f : a;
  // Adding 1.5 * 2^14 leaves multiples of 2^-9.
  const float small = (b + 24576.0f) - 24576.0f;
  const float normal = bits_float((float_bits(b) + 0x7ffff + ((float_bits(b) >> 20) & 1)) & 0xfff00000);
  const float y = b < 0.015625f ? small : normal;
  return x != x ? x : bits_float(float_bits(y) | sign);
}

// To the nearest e2m1, ties to the even code, saturating; NaN stays. Adding 1.5 * 2^n leaves multiples of a half, 1, 2.
INLINE float round_e2m1(float x) {
  const uint32_t sign = float_bits(x) & 0x80000000;
  const float a = __builtin_fabsf(x), b = a > 6.0f ? 6.0f : a;
  const float magic = b < 2.0f ? 6291456.0f : b < 4.0f ? 12582912.0f : 25165824.0f;
  return x != x ? x : bits_float(float_bits((b + magic) - magic) | sign);
}

// What all values of a row are divided by, and the zero of integers.
struct RowRounding {
  float scale, zero;
};

INLINE float bounded(float x, float least, float most) { return x < least ? least : x > most ? most : x; }

static RowRounding row_rounding(const PackActivationsJob& job, int64_t row) {
  const ek_input_rounding& how = job.inputs;
  RowRounding r{how.scale, static_cast<float>(how.zero)};
  if (how.kind != EK_INPUTS_I8_TOKEN && how.kind != EK_INPUTS_I8_TOKEN_ZERO && how.kind != EK_INPUTS_E4M3_TOKEN) {
    return r;
  }
  const float* x = job.x + row * job.x_stride;
  float least = 0, most = 0;
  for (int64_t i = 0; i < job.k; i++) {
    least = x[i] < least ? x[i] : least;
    most = x[i] > most ? x[i] : most;
  }
  const float largest = most > -least ? most : -least;
  r.zero = 0;
  if (how.kind == EK_INPUTS_E4M3_TOKEN) {
    r.scale = largest / 448.0f;
    r.scale = r.scale < 1.0f / (448.0f * 512.0f) ? 1.0f / (448.0f * 512.0f) : r.scale;
  } else {
    const bool zero = how.kind == EK_INPUTS_I8_TOKEN_ZERO;
    r.scale = zero ? (most - least) / 255.0f : largest / 127.0f;
    r.scale = largest > 0 ? r.scale : 1.0f;
    if (zero) r.zero = bounded(__builtin_rintf(-128.0f - least / r.scale), -128, 127);
  }
  return r;
}

// Rounds 128 inputs of a row. What is left in x fits the products of its kind without another rounding; returned is
// what their results are to be multiplied by, not a number if any input is infinite or not a number.
static float round_inputs(const ek_input_rounding& how, const RowRounding& row, float (&x)[128]) {
  float bad = 0, scale = row.scale;
  for (int i = 0; i < 128; i++) bad += x[i] * 0.0f;
  switch (how.kind) {
    case EK_INPUTS_I8_TENSOR:
    case EK_INPUTS_I8_TOKEN:
    case EK_INPUTS_I8_TOKEN_ZERO:
      for (int i = 0; i < 128; i++) {
        x[i] = bounded(__builtin_rintf(x[i] / scale) + row.zero, -128, 127) - row.zero;
        x[i] = bad == 0 ? x[i] : 0;
      }
      return scale + bad;
    case EK_INPUTS_E2M1_16:
      for (int g = 0; g < 128; g += 16) {
        float largest = 0;
        for (int i = g; i < g + 16; i++) largest = __builtin_fabsf(x[i]) > largest ? __builtin_fabsf(x[i]) : largest;
        float s = round_e4m3(scale * largest / 6.0f);
        s = s == 0 ? 0.125f : s;
        for (int i = g; i < g + 16; i++) x[i] = round_e2m1(x[i] / (s / scale)) * s;
      }
      return 1.0f / scale + bad;
    case EK_INPUTS_E4M3_128: {
      float largest = 1e-10f;
      for (int i = 0; i < 128; i++) largest = __builtin_fabsf(x[i]) > largest ? __builtin_fabsf(x[i]) : largest;
      scale = largest / 448.0f;
      break;
    }
    default: break;
  }
  for (int i = 0; i < 128; i++) x[i] = round_e4m3(x[i] / scale);
  return scale + bad;
}
