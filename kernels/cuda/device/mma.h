// The two 16-bit element types on tensor cores.
#pragma once

template <class T>
struct Mma;
template <>
struct Mma<bf16> {
  // d += a b, m16n8k16, sums in f32.
  DEV void multiply(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { mma_bf16(d, a, b0, b1); }
  DEV u32 pack(float low, float high) { return pack_bf16(low, high); }
};
template <>
struct Mma<f16> {
  DEV void multiply(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { mma_f16(d, a, b0, b1); }
  DEV u32 pack(float low, float high) { return pack_f16(low, high); }
};

// Bytes 0 and 1, or 2 and 3, from floats of 8 bits to floats of 16 that are exact and 2^-8 as large.
DEV u32 widen_e4m3(u32 four, int pair) {
  const u32 low = pair == 0 ? four << 8 : four >> 8, up = pair == 0 ? four << 16 : four;
  const u32 high = (low & 0xff00) | (up & 0xff000000);
  return (high & 0x80008000) | (high & 0x7f007f00) >> 1;
}

// 8-bit numbers on tensor cores: d += a b, m16n8k32; a is a weight of EKC_I8 or EKC_E4M3, b an input. Unit: what d is
// to be multiplied by.
struct MmaI8 {
  typedef i32 Sum;
  // Codes have the zero 128.
  DEV void multiply(i32 (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    const u32 centered[4] = {a[0] ^ 0x80808080, a[1] ^ 0x80808080, a[2] ^ 0x80808080, a[3] ^ 0x80808080};
    mma_s8(d, centered, b0, b1);
  }
};
struct MmaE4M3 {
  typedef float Sum;
  static constexpr float Unit = 1.f;
  DEV void multiply(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { mma_e4m3(d, a, b0, b1); }
};
// The same by way of f16. A lane's four neighbouring k take the places 2t, 2t + 1, 2t + 8, 2t + 9 of an m16n8k16, in
// both operands.
struct MmaWidenedE4M3 {
  typedef float Sum;
  static constexpr float Unit = 65536.f;
  DEV void multiply(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    UNROLL for (int half = 0; half < 2; half++) {
      const u32 low = a[2 * half], high = a[2 * half + 1], b = half == 0 ? b0 : b1;
      const u32 wide[4] = {widen_e4m3(low, 0), widen_e4m3(high, 0), widen_e4m3(low, 1), widen_e4m3(high, 1)};
      mma_f16(d, wide, widen_e4m3(b, 0), widen_e4m3(b, 1));
    }
  }
};
