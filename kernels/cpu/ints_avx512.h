// Integer dot products of 16 columns in one zmm register, with VNNI where the level has it.
// Included inside the namespace of one ISA level.
#pragma once

typedef __m512i vi;

INLINE vi vi_set(int32_t x) { return _mm512_set1_epi32(x); }
INLINE vf vi_float(vi x) { return _mm512_cvtepi32_ps(x); }
INLINE vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
INLINE vi vi_shift6(vi a) { return _mm512_slli_epi32(a, 6); }
INLINE vi vi_shift7(vi a) { return _mm512_slli_epi32(a, 7); }
INLINE __m512i bytes4(const int8_t* a) {
  int32_t x;
  __builtin_memcpy(&x, a, 4);
  return _mm512_set1_epi32(x);
}

// Some bits of each 32-bit lane of a line.
INLINE vi vi_extract(const char* line, int shift, int mask) {
  return _mm512_and_si512(
      _mm512_srl_epi32(_mm512_loadu_si512(line), _mm_cvtsi32_si128(shift)), _mm512_set1_epi32(mask));
}
INLINE vi vi_round(vf x) { return _mm512_cvtps_epi32(x); }
INLINE int32_t vi_sum(vi a) { return _mm512_reduce_add_epi32(a); }
INLINE vi vi_high7(vi a) { return _mm512_srai_epi32(_mm512_add_epi32(a, _mm512_set1_epi32(64)), 7); }
INLINE vi vi_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
INLINE void vi_store_bytes(int8_t* p, vi a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a));
}

#ifdef __AVX512VNNI__
// Rows of a tile of two panels, of the one tile of a panel that a batch of a few more makes, and of coded weights.
static constexpr int kQuantRows = 6;
static constexpr int kQuantMost = 8;
static constexpr int kCodedRows = 8;
static constexpr int kQuantWide = 2;
static constexpr int kUnfetchedRows = 1;
static constexpr bool kDotsOfFour = true;

// c += four products of each lane of a line, unsigned by signed. Four bytes that one line meets alone are broadcast by
// the product itself, which g++ does not do by itself; as an instruction of its own that takes a tenth more time.
template <int NV>
INLINE void dot_lines(vi (&c)[NV], const __m512i (&line)[NV], const int8_t* a) {
  if constexpr (NV == 1) {
    typedef int32_t word __attribute__((may_alias, aligned(1)));
    asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(c[0]) : "v"(line[0]), "m"(*reinterpret_cast<const word*>(a)));
  } else {
    const __m512i x = bytes4(a);
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) c[v] = _mm512_dpbusd_epi32(c[v], line[v], x);
  }
}

// c += 32 products of each column: eight lines of 16 columns x 4 k, unsigned by signed.
template <int MR, int NV>
INLINE void dot_bytes(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
#pragma GCC unroll 16
  for (int s = 0; s < 8; s++) {
    __m512i line[NV];
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) line[v] = _mm512_loadu_si512(w[v] + s * 64);
#pragma GCC unroll 16
    for (int m = 0; m < MR; m++) dot_lines<NV>(c[m], line, a + m * 32 + s * 4);
  }
}

// The same for four lines of nibbles: step s in the low halves, step s + 4 in the high ones.
template <int MR, int NV>
INLINE void dot_nibbles(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
  const __m512i mask = _mm512_set1_epi8(15);
#pragma GCC unroll 4
  for (int s = 0; s < 4; s++) {
    __m512i low[NV], high[NV];
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) {
      const __m512i line = _mm512_loadu_si512(w[v] + s * 64);
      low[v] = _mm512_and_si512(line, mask);
      high[v] = _mm512_and_si512(_mm512_srli_epi16(line, 4), mask);
    }
#pragma GCC unroll 16
    for (int m = 0; m < MR; m++) dot_lines<NV>(c[m], low, a + m * 32 + s * 4);
#pragma GCC unroll 16
    for (int m = 0; m < MR; m++) dot_lines<NV>(c[m], high, a + m * 32 + (s + 4) * 4);
  }
}
#else
static constexpr int kQuantRows = 4;
static constexpr int kQuantMost = 4;
static constexpr int kQuantWide = 2;
static constexpr int kUnfetchedRows = 1;
static constexpr bool kDotsOfFour = false;

// Bytes widened to 16 bits, even and odd k apart, because 255 * 127 * 2 does not fit pmaddubsw.
template <int MR, int NV>
INLINE void dot_bytes(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
  const __m512i mask = _mm512_set1_epi16(255);
  for (int s = 0; s < 8; s++) {
    __m512i even[NV], odd[NV];
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) {
      const __m512i line = _mm512_loadu_si512(w[v] + s * 64);
      even[v] = _mm512_and_si512(line, mask);
      odd[v] = _mm512_srli_epi16(line, 8);
    }
#pragma GCC unroll 16
    for (int m = 0; m < MR; m++) {
      const __m512i x = bytes4(a + m * 32 + s * 4);
      const __m512i xe = _mm512_srai_epi16(_mm512_slli_epi16(x, 8), 8), xo = _mm512_srai_epi16(x, 8);
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) {
        const __m512i p = _mm512_add_epi32(_mm512_madd_epi16(even[v], xe), _mm512_madd_epi16(odd[v], xo));
        c[m][v] = _mm512_add_epi32(c[m][v], p);
      }
    }
  }
}

// 15 * 127 * 2 * 8 fits 16 bits: eight sums before one widening.
template <int MR, int NV>
INLINE void dot_nibbles(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
  const __m512i mask = _mm512_set1_epi8(15), one = _mm512_set1_epi16(1);
  __m512i sum[MR][NV];
#pragma GCC unroll 4
  for (int s = 0; s < 4; s++) {
    __m512i low[NV], high[NV];
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) {
      const __m512i line = _mm512_loadu_si512(w[v] + s * 64);
      low[v] = _mm512_and_si512(line, mask);
      high[v] = _mm512_and_si512(_mm512_srli_epi16(line, 4), mask);
    }
#pragma GCC unroll 16
    for (int m = 0; m < MR; m++) {
      const __m512i x = bytes4(a + m * 32 + s * 4), y = bytes4(a + m * 32 + (s + 4) * 4);
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) {
        const __m512i p = _mm512_add_epi16(_mm512_maddubs_epi16(low[v], x), _mm512_maddubs_epi16(high[v], y));
        sum[m][v] = s == 0 ? p : _mm512_add_epi16(sum[m][v], p);
      }
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) c[m][v] = _mm512_add_epi32(c[m][v], _mm512_madd_epi16(sum[m][v], one));
  }
}
#endif

// Four bytes of each of 16 columns, which lie in four lines of 16.
INLINE vi vi_by_column(const char* p) {
  const __m512i words = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m128i bytes = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_shuffle_epi8(
      _mm512_permutexvar_epi32(words, _mm512_loadu_si512(p)), _mm512_broadcast_i32x4(bytes));
}

static constexpr int kByteVector = 64;
// Computed here and not behind a later branch, where it would cost the registers of everything it is computed from.
INLINE void vi_here(vi& x) { asm volatile("" : "+v"(x)); }
INLINE vf vload_u8(const uint8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
INLINE vf vload_s8(const int8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
template <class V>
INLINE V btable(const uint8_t* table, V codes) {
  const __m128i t = _mm_load_si128(reinterpret_cast<const __m128i*>(table));
  return (V)_mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), (__m512i)codes);
}

// AVX-512 without VNNI has no kernels of its own for coded weights.
#ifdef __AVX512VNNI__
// c += products of steps [FIRST, LAST) of 32 k, in the codes of C.
template <class C, int FIRST, int LAST, int MR, int NV>
INLINE void dot_codes(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
#pragma GCC unroll 16
  for (int s = FIRST; s < LAST; s++) {
    __m512i line[NV];
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) line[v] = (__m512i)C::step(w[v], s);
#pragma GCC unroll 16
    for (int m = 0; m < MR; m++) dot_lines<NV>(c[m], line, a + m * 32 + s * 4);
  }
}
#endif
