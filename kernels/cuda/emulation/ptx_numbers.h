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
DEV float exp2_approx(float x) { return exp2f(x); }
DEV float log2_approx(float x) { return log2f(x); }
DEV float reciprocal_sqrt(float x) { return (float)(1.0 / sqrt((double)x)); }
DEV float max_float(float a, float b) { return fmaxf(a, b); }
DEV float min_float(float a, float b) { return fminf(a, b); }
DEV float fma_float(float a, float b, float c) { return fmaf(a, b, c); }
DEV u32 multiply_high(u32 a, u32 b) { return (u32)(((u64)a * b) >> 32); }
