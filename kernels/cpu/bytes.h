// Elements of 8 bits, as the KV cache has them. Included inside the namespace of one ISA level.
#pragma once

struct i8_t {
  int8_t code;
};
// OCP e4m3: no infinity, one NaN. vload gives the value in units of 2^8, which saves a multiplication per vector;
// whoever applies a scale applies kE4m3Unit with it.
struct e4m3_t {
  uint8_t code;
};

// To the nearest code, ties to even, saturating.
INLINE e4m3_t to_e4m3(float x) {
  const uint32_t u = float_bits(x);
  const uint32_t sign = (u >> 24) & 0x80, magnitude = u & 0x7fffffff;
  const float a = bits_float(magnitude) > 448.0f ? 448.0f : bits_float(magnitude);
  const uint32_t b = float_bits(a);
  // Adding 2^14 leaves a subnormal, rounded to nearest even, in the low bits.
  const uint32_t small = float_bits(a + 16384.0f) - float_bits(16384.0f);
  const uint32_t normal = ((b + 0x7ffff + ((b >> 20) & 1)) >> 20) - (120 << 3);
  const uint32_t code = a < 0.015625f ? small : normal;
  return {static_cast<uint8_t>(sign | (magnitude > 0x7f800000 ? 0x7f : code))};
}
INLINE void vstore(e4m3_t* p, vf x) {
  float t[16];
  vstore(t, x);
  for (int i = 0; i < 16; i++) p[i] = to_e4m3(t[i]);
}
// Rounds to nearest even and saturates.
INLINE void vstore(i8_t* p, vf x) {
  float t[16];
  vstore(t, vround(vmin(vmax(x, vset(-127.0f)), vset(127.0f))));
  for (int i = 0; i < 16; i++) p[i].code = static_cast<int8_t>(static_cast<int32_t>(t[i]));
}

#if defined(__AVX512F__)
INLINE vf vload(const i8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
// The bits of an f16 in units of 2^8: the sign, a hole, the code.
INLINE vf vload(const e4m3_t* p) {
  const __m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  const __m256i h = _mm256_and_si256(_mm256_slli_epi16(x, 7), _mm256_set1_epi16(static_cast<int16_t>(0xbf80)));
  const __mmask16 nan =
      _mm256_cmpeq_epi16_mask(_mm256_or_si256(x, _mm256_set1_epi16(~0x7f)), _mm256_set1_epi16(-1));
  return _mm512_cvtph_ps(_mm256_mask_mov_epi16(h, nan, _mm256_set1_epi16(0x7e00)));
}
#elif defined(__AVX2__)
INLINE __m256 widen_i8(const i8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
INLINE vf vload(const i8_t* p) { return {widen_i8(p), widen_i8(p + 8)}; }
INLINE vf vload(const e4m3_t* p) {
  const __m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  const __m256i h = _mm256_and_si256(_mm256_slli_epi16(x, 7), _mm256_set1_epi16(static_cast<int16_t>(0xbf80)));
  const __m256i nan = _mm256_cmpeq_epi16(_mm256_or_si256(x, _mm256_set1_epi16(~0x7f)), _mm256_set1_epi16(-1));
  const __m256i r = _mm256_blendv_epi8(h, _mm256_set1_epi16(0x7e00), nan);
  return {_mm256_cvtph_ps(_mm256_castsi256_si128(r)), _mm256_cvtph_ps(_mm256_extracti128_si256(r, 1))};
}
#else
INLINE vf vload(const i8_t* p) {
  float t[16];
  for (int i = 0; i < 16; i++) t[i] = p[i].code;
  return vload(t);
}
INLINE vf vload(const e4m3_t* p) {
  float t[16];
  for (int i = 0; i < 16; i++) {
    const uint32_t code = p[i].code & 0x7f, sign = static_cast<uint32_t>(p[i].code & 0x80) << 8;
    t[i] = to_float(f16_t{static_cast<uint16_t>(sign | (code == 0x7f ? 0x7e00 : code << 7))});
  }
  return vload(t);
}
#endif

#ifdef __AVX512BF16__
// 32 elements in order as bf16, which holds every code of both types.
INLINE __m512i pack_bf16(__m512 low, __m512 high) {
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}
INLINE __m512i load_bf16(const i8_t* p) { return pack_bf16(vload(p), vload(p + 16)); }
INLINE __m512i load_bf16(const e4m3_t* p) {
  const __m512i x = _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  const __m512i h = _mm512_and_si512(_mm512_slli_epi16(x, 7), _mm512_set1_epi16(static_cast<int16_t>(0xbf80)));
  const __mmask32 nan =
      _mm512_cmpeq_epi16_mask(_mm512_or_si512(x, _mm512_set1_epi16(~0x7f)), _mm512_set1_epi16(-1));
  const __m512i r = _mm512_mask_mov_epi16(h, nan, _mm512_set1_epi16(0x7e00));
  return pack_bf16(
      _mm512_cvtph_ps(_mm512_castsi512_si256(r)), _mm512_cvtph_ps(_mm512_extracti64x4_epi64(r, 1)));
}
#endif

// What an element type needs beside its bytes: a scale per token of a tile, or one of the whole layer.
template <class T>
struct KvElement {
  static constexpr int kScaleBytes = 0;
  static MEMBER float scale(const float*, int64_t, float) { return 1; }
};
template <>
struct KvElement<e4m3_t> {
  static constexpr int kScaleBytes = 0;
  static MEMBER float scale(const float*, int64_t, float layer) { return layer; }
};
template <>
struct KvElement<i8_t> {
  static constexpr int kScaleBytes = 64;
  // The largest magnitude becomes 127. NaN and infinity become a NaN scale, so that they show.
  static MEMBER float scale(const float* x, int64_t n, float) {
    vf most = vzero(), bad = vzero();
    each16(0, n, [&](int64_t i, int64_t count) INLINE_LAMBDA {
      const vf v = count >= 16 ? vload(x + i) : vload_n(x + i, count);
      most = vmax(most, vabs(v));
      bad = vfma(v, vzero(), bad);
    });
    return vmaximum(most) / 127.0f + vsum(bad);
  }
};
