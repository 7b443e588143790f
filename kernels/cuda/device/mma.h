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
