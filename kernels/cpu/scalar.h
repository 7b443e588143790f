// Scalar half-precision conversions and small helpers. Included inside the namespace of one ISA level.
#pragma once

struct f16_t {
  uint16_t bits;
};
struct bf16_t {
  uint16_t bits;
};

INLINE float bits_float(uint32_t u) {
  float f;
  __builtin_memcpy(&f, &u, 4);
  return f;
}
INLINE uint32_t float_bits(float f) {
  uint32_t u;
  __builtin_memcpy(&u, &f, 4);
  return u;
}

INLINE float to_float(float x) { return x; }
INLINE float to_float(bf16_t x) { return bits_float(static_cast<uint32_t>(x.bits) << 16); }
INLINE float to_float(f16_t x) {
  const uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000) << 16;
  const uint32_t rest = static_cast<uint32_t>(x.bits & 0x7fff) << 13;
  if (rest >= 0x7c00u << 13) return bits_float(sign | rest | 0x7f800000);
  // A multiplication by 2^112 moves the exponent's bias and normalizes subnormals.
  return bits_float(sign | float_bits(bits_float(rest) * bits_float(0x77800000)));
}

INLINE bf16_t to_bf16(float x) {
  const uint32_t u = float_bits(x);
  if ((u & 0x7fffffff) > 0x7f800000) return {static_cast<uint16_t>((u | 0x400000) >> 16)};
  return {static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16)};
}
INLINE f16_t to_f16(float x) {
  const uint32_t u = float_bits(x);
  const uint16_t sign = static_cast<uint16_t>((u >> 16) & 0x8000);
  const uint32_t a = u & 0x7fffffff;
  if (a > 0x7f800000) return {static_cast<uint16_t>(sign | 0x7e00)};
  if (a >= 0x477ff000) return {static_cast<uint16_t>(sign | 0x7c00)};
  if (a < 0x38800000) {
    // Adding 0.5 leaves the subnormal, rounded to nearest even, in the low bits.
    const float t = bits_float(a) + 0.5f;
    return {static_cast<uint16_t>(sign | (float_bits(t) - float_bits(0.5f)))};
  }
  const uint32_t r = a + 0xc8000fff + ((a >> 13) & 1);
  return {static_cast<uint16_t>(sign | (r >> 13))};
}
INLINE void from_float(float& y, float x) { y = x; }
INLINE void from_float(bf16_t& y, float x) { y = to_bf16(x); }
INLINE void from_float(f16_t& y, float x) { y = to_f16(x); }
