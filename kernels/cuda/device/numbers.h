// Element types, conversions, and functions that PTX has no instruction for.
#pragma once

struct bf16 {
  u16 bits;
};
struct f16 {
  u16 bits;
};

DEV float to_float(float v) { return v; }
DEV float to_float(bf16 v) { return bits_float((u32)v.bits << 16); }
DEV float to_float(f16 v) { return f16_to_float(v.bits); }

template <class T>
struct Convert;
template <>
struct Convert<float> {
  static constexpr int type = 0;
  DEV float from(float v) { return v; }
};
template <>
struct Convert<f16> {
  static constexpr int type = 1;
  DEV f16 from(float v) { return f16{(u16)pack_f16(v, 0.f)}; }
};
template <>
struct Convert<bf16> {
  static constexpr int type = 2;
  DEV bf16 from(float v) { return bf16{(u16)pack_bf16(v, 0.f)}; }
};

// v rounded to T and back.
template <class T>
DEV float rounded(float v) {
  return to_float(Convert<T>::from(v));
}

// Nearest e4m3 (ties to even), saturating at 448; NaN stays NaN. By hand: sm_80 has no instruction for it.
DEV u8 to_e4m3(float v) {
  const u32 bits = float_bits(v);
  const u32 sign = bits >> 24 & 0x80, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return (u8)(sign | 0x7f);
  if (magnitude >= 0x43e00000) return (u8)(sign | 0x7e);
  if (magnitude < 0x3c800000) {  // below 2^-6: steps of 2^-9
    const float steps = bits_float(magnitude) * 512.f;
    const float whole = (steps + 8388608.f) - 8388608.f;
    return (u8)(sign | (u32)whole);
  }
  const u32 rounded_bits = magnitude + 0x7ffff + (magnitude >> 20 & 1);
  const u32 code = (rounded_bits >> 20) - (120 << 3);
  return (u8)(sign | (code > 0x7e ? 0x7e : code));
}

// The bits are those of an f16 whose exponent is 8 too small.
DEV float from_e4m3(u8 v) {
  if ((v & 0x7f) == 0x7f) return bits_float(0x7fc00000);
  return f16_to_float((u16)((v & 0x80) << 8 | (v & 0x7f) << 7)) * 256.f;
}

// An element of a type that is known at run time: its bits, and what they stand for.
DEV u32 load_bits(u64 base, i64 index, int type) {
  if (type == 0) return load((const u32*)base + index);
  if (type == 1 || type == 2) return load((const u16*)base + index);
  return load((const u8*)base + index);
}
DEV float typed_float(u32 bits, int type) {
  if (type == 0) return bits_float(bits);
  if (type == 1) return to_float(f16{(u16)bits});
  if (type == 2) return bits_float(bits << 16);
  return from_e4m3((u8)bits);
}
DEV float load_typed(u64 base, i64 index, int type) { return typed_float(load_bits(base, index, type), type); }

DEV float exp_float(float x) { return exp2_approx(x * 1.44269504f); }
DEV float abs_float(float x) { return bits_float(float_bits(x) & 0x7fffffff); }

// exp(x) - 1 without cancellation near 0.
DEV float exp_minus_one(float x) {
  if (abs_float(x) > 0.25f) return exp_float(x) - 1.f;
  float sum = 1.f / 5040.f;
  sum = fma_float(sum, x, 1.f / 720.f);
  sum = fma_float(sum, x, 1.f / 120.f);
  sum = fma_float(sum, x, 1.f / 24.f);
  sum = fma_float(sum, x, 1.f / 6.f);
  sum = fma_float(sum, x, 0.5f);
  return fma_float(sum * x, x, x);
}

DEV float tanh_float(float x) {
  const float e = exp_minus_one(-2.f * abs_float(x));
  const float t = -e / (2.f + e);
  return x < 0 ? -t : t;
}

DEV float sigmoid(float x) { return 1.f / (1.f + exp_float(-x)); }

// 1 - erf(x): Chebyshev fit of Numerical Recipes, section 6.2, relative error below 1.2e-7 in exact arithmetic.
DEV float erf_complement(float x) {
  const float z = abs_float(x), t = 1.f / (1.f + 0.5f * z);
  float s = 0.17087277f;
  s = fma_float(s, t, -0.82215223f);
  s = fma_float(s, t, 1.48851587f);
  s = fma_float(s, t, -1.13520398f);
  s = fma_float(s, t, 0.27886807f);
  s = fma_float(s, t, -0.18628806f);
  s = fma_float(s, t, 0.09678418f);
  s = fma_float(s, t, 0.37409196f);
  s = fma_float(s, t, 1.00002368f);
  s = fma_float(s, t, -1.26551223f);
  const float e = t * exp_float(fma_float(-z, z, s));
  return x < 0 ? 2.f - e : e;
}

// The first five values of EKC_MAP_*.
DEV float activate(float x, int function) {
  if (function == 0) return x * sigmoid(x);
  if (function == 1) return 0.5f * x * erf_complement(-0.70710678f * x);
  if (function == 2) {
    const float u = 0.79788456f * fma_float(0.044715f * x * x, x, x);
    return x * sigmoid(2.f * u);
  }
  const float positive = x < 0 ? 0.f : x;
  return function == 3 ? positive : positive * positive;
}

// The 32 bits of a sum, whatever its type.
DEV u32 sum_bits(float v) { return float_bits(v); }
DEV u32 sum_bits(i32 v) { return (u32)v; }
DEV void set_sum(float& sum, u32 bits) { sum = bits_float(bits); }
DEV void set_sum(i32& sum, u32 bits) { sum = (i32)bits; }

// Sum over the 256 threads of a block, the same bits in all of them. shared: 32 bytes; two calls in a row need
// different ones or a barrier between them.
DEV float block_sum_256(float v, u32 shared) {
  UNROLL for (int mask = 16; mask > 0; mask >>= 1) v += bits_float(shuffle_xor(float_bits(v), mask));
  if (lane_index() == 0) shared_store(shared + (thread_index() >> 5) * 4, float_bits(v));
  sync_block();
  float sum = 0;
  UNROLL for (int i = 0; i < 8; i++) sum += bits_float(shared_load(shared + i * 4));
  return sum;
}
