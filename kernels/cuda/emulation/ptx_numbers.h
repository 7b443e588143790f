// Conversions and elementary functions on the emulated machine; exact where the hardware approximates.
#pragma once

DEV u32 emu_to_bf16(float f) {
  const u32 u = float_bits(f);
  if ((u & 0x7fffffff) > 0x7f800000) return 0x7fff;
  return (u + 0x7fff + (u >> 16 & 1)) >> 16;
}
DEV u32 emu_to_f16(float f) {
  const _Float16 h = (_Float16)f;
  u16 bits;
  memcpy(&bits, &h, 2);
  return bits;
}
DEV u32 pack_bf16(float low, float high) { return emu_to_bf16(low) | emu_to_bf16(high) << 16; }
DEV u32 pack_f16(float low, float high) { return emu_to_f16(low) | emu_to_f16(high) << 16; }
DEV float f16_to_float(u16 h) { return emu_f16(h); }
DEV u32 permute_bytes(u32 a, u32 b, u32 selector) {
  u32 r = 0;
  for (int i = 0; i < 4; i++) {
    const int from = selector >> (4 * i) & 7;
    r |= ((from < 4 ? a : b) >> (8 * (from & 3)) & 0xff) << (8 * i);
  }
  return r;
}
DEV u32 select_bits(u32 a, u32 mask, u32 bits) { return (a & mask) | bits; }
// a b + c of 16-bit numbers, to be rounded once more: an inexact sum is left odd, so that no tie is made.
DEV double emu_fma16(double a, double b, double c) {
  const double product = a * b, sum = product + c, back = sum - product;
  const double error = (product - (sum - back)) + (c - back);
  u64 bits;
  memcpy(&bits, &sum, 8);
  if (!(std::fabs(sum) < INFINITY) || error == 0 || (bits & 1) != 0) return sum;
  bits += (error > 0) == (sum > 0) ? 1 : -1;
  double odd;
  memcpy(&odd, &bits, 8);
  return odd;
}
DEV u32 emu_round_f16(double v) {
  const _Float16 h = (_Float16)v;
  u16 bits;
  memcpy(&bits, &h, 2);
  return bits;
}
DEV u32 emu_round_bf16(double v) {
  float f = (float)v;
  if ((double)f == v || !(std::fabs(v) < 3e38)) return emu_to_bf16(f);
  u32 bits = float_bits(f);
  if (std::fabs((double)f) > std::fabs(v)) bits--;
  return emu_to_bf16(bits_float(bits | 1));
}
DEV float low_f16(u32 pair) { return emu_f16(pair & 0xffff); }
DEV float high_f16(u32 pair) { return emu_f16(pair >> 16); }
DEV u32 fma_f16x2(u32 a, u32 b, u32 c) {
  const u32 low = emu_round_f16(emu_fma16(low_f16(a), low_f16(b), low_f16(c)));
  return low | emu_round_f16(emu_fma16(high_f16(a), high_f16(b), high_f16(c))) << 16;
}
DEV u32 multiply_f16x2(u32 a, u32 b) { return fma_f16x2(a, b, 0x80008000); }
DEV u32 add_f16x2(u32 a, u32 b) { return fma_f16x2(a, 0x3c003c00, b); }
DEV u32 fma_bf16x2(u32 a, u32 b, u32 c) {
  const u32 low = emu_round_bf16(emu_fma16(emu_bf16(a & 0xffff), emu_bf16(b & 0xffff), emu_bf16(c & 0xffff)));
  return low | emu_round_bf16(emu_fma16(emu_bf16(a >> 16), emu_bf16(b >> 16), emu_bf16(c >> 16))) << 16;
}
DEV u32 e4m3_to_f16x2(u32 two) {
  u32 pair = 0;
  for (int i = 0; i < 2; i++) {
    const u32 byte = two >> (8 * i) & 0xff;
    pair |= emu_round_f16((double)emu_f16((byte & 0x80) << 8 | (byte & 0x7f) << 7) * 256) << (16 * i);
  }
  return pair;
}
DEV float exp2_approx(float x) { return exp2f(x); }
DEV float log2_approx(float x) { return log2f(x); }
DEV float reciprocal_sqrt(float x) { return (float)(1.0 / sqrt((double)x)); }
DEV float max_float(float a, float b) { return fmaxf(a, b); }
DEV float min_float(float a, float b) { return fminf(a, b); }
DEV float fma_float(float a, float b, float c) { return fmaf(a, b, c); }
DEV u32 multiply_high(u32 a, u32 b) { return (u32)(((u64)a * b) >> 32); }
