// 16 floats in one zmm register. Included inside the namespace of one ISA level.
#pragma once

typedef __m512 vf;
typedef __mmask16 vmask;

INLINE vf vzero() { return _mm512_setzero_ps(); }
INLINE vf vset(float x) { return _mm512_set1_ps(x); }
INLINE vf vload(const float* p) { return _mm512_loadu_ps(p); }
INLINE void vstore(float* p, vf x) { _mm512_storeu_ps(p, x); }
INLINE __mmask16 first(int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }
INLINE vf vload_n(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
INLINE void vstore_n(float* p, vf x, int64_t n) { _mm512_mask_storeu_ps(p, first(n), x); }
INLINE vf vadd(vf a, vf b) { return _mm512_add_ps(a, b); }
INLINE vf vsub(vf a, vf b) { return _mm512_sub_ps(a, b); }
INLINE vf vmul(vf a, vf b) { return _mm512_mul_ps(a, b); }
INLINE vf vdiv(vf a, vf b) { return _mm512_div_ps(a, b); }
INLINE vf vfma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
// NaN in b is kept: both return b if either is NaN.
INLINE vf vmax(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf vmin(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE vf vround(vf a) { return _mm512_roundscale_ps(a, 0); }
INLINE vf vabs(vf a) { return _mm512_abs_ps(a); }
INLINE vmask vless(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
INLINE vf vselect(vmask m, vf yes, vf no) { return _mm512_mask_blend_ps(m, no, yes); }
INLINE vf vcopysign(vf magnitude, vf sign) {
  const __m512i s = _mm512_and_si512(_mm512_castps_si512(sign), _mm512_set1_epi32(INT32_MIN));
  return _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(magnitude), s));
}
// 2^n for whole n in [-126, 127].
INLINE vf vpow2(vf n) {
  const __m512i e = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
  return _mm512_castsi512_ps(_mm512_slli_epi32(e, 23));
}
// a * 2^n for whole n; too small a result becomes 0.
INLINE vf vscale(vf a, vf n) { return _mm512_scalef_ps(a, n); }
INLINE float vsum(vf a) { return _mm512_reduce_add_ps(a); }
INLINE float vmaximum(vf a) { return _mm512_reduce_max_ps(a); }
INLINE vf viota() {
  return _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

INLINE vf vload(const f16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
INLINE void vstore(f16_t* p, vf x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
INLINE vf vload(const bf16_t* p) {
  const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}
INLINE void vstore(bf16_t* p, vf x) {
#ifdef __AVX512BF16__
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
#else
  const __m512i u = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  const __m512i r = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  const __m512i q = _mm512_or_si512(u, _mm512_set1_epi32(0x400000));
  const __m512i h = _mm512_srli_epi32(_mm512_mask_blend_epi32(nan, r, q), 16);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(h));
#endif
}

#ifdef __AVX512BF16__
// Adds the products of 16 pairs: c[i] += a[2i] b[2i] + a[2i+1] b[2i+1].
INLINE vf vdot_bf16(vf c, const void* line, uint32_t pair) {
  return _mm512_dpbf16_ps(
      c, reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(pair))),
      reinterpret_cast<__m512bh>(_mm512_loadu_si512(line)));
}
#endif
