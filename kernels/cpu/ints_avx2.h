// Integer dot products of 16 columns in two ymm registers. Included inside the namespace of one ISA level.
#pragma once

struct vi {
  __m256i a, b;
};

INLINE vi vi_set(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
INLINE vf vi_float(vi x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
INLINE vi vi_add(vi x, vi y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
INLINE vi vi_shift7(vi x) { return {_mm256_slli_epi32(x.a, 7), _mm256_slli_epi32(x.b, 7)}; }
INLINE __m256i bytes4(const int8_t* a) {
  int32_t x;
  __builtin_memcpy(&x, a, 4);
  return _mm256_set1_epi32(x);
}
INLINE __m256i half_line(const char* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }

// Some bits of each 32-bit lane of a line.
INLINE vi vi_extract(const char* line, int shift, int mask) {
  const __m128i count = _mm_cvtsi32_si128(shift);
  const __m256i m = _mm256_set1_epi32(mask);
  return {_mm256_and_si256(_mm256_srl_epi32(half_line(line), count), m),
          _mm256_and_si256(_mm256_srl_epi32(half_line(line + 32), count), m)};
}
INLINE vi vi_round(vf x) { return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }
INLINE int32_t vi_sum(vi x) {
  int32_t lane[8], sum = 0;
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lane), _mm256_add_epi32(x.a, x.b));
  for (int32_t l : lane) sum += l;
  return sum;
}
INLINE vi vi_high7(vi x) {
  const __m256i half = _mm256_set1_epi32(64);
  return {_mm256_srai_epi32(_mm256_add_epi32(x.a, half), 7), _mm256_srai_epi32(_mm256_add_epi32(x.b, half), 7)};
}
INLINE vi vi_sub(vi x, vi y) { return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)}; }
INLINE void vi_store_bytes(int8_t* p, vi x) {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.a, x.b), 0xd8);
  const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}

static constexpr bool kDotsOfFour = false;
static constexpr int kQuantRows = 4;
static constexpr int kQuantMost = 4;
static constexpr int kCodedRows = 4;
static constexpr int kQuantWide = 1;
// Up to this many rows of Q8 nothing is fetched ahead of a group of panels: the processor does that better by itself.
// Not here, where the arithmetic of one row leaves it too little to look ahead at, and nowhere for fewer bits.
static constexpr int kUnfetchedRows = 0;

// The same pointer, which the compiler takes for another: what was read through one it does not keep in more registers
// than there are.
INLINE const int8_t* read_again(const int8_t* a) {
  asm("" : "+r"(a));
  return a;
}

// Bytes widened to 16 bits, even and odd k apart, because 255 * 127 * 2 does not fit pmaddubsw.
INLINE __m256i add_bytes(__m256i c, __m256i line, __m256i even_a, __m256i odd_a) {
  const __m256i even = _mm256_and_si256(line, _mm256_set1_epi16(255)), odd = _mm256_srli_epi16(line, 8);
  return _mm256_add_epi32(
      c, _mm256_add_epi32(_mm256_madd_epi16(even, even_a), _mm256_madd_epi16(odd, odd_a)));
}

// c += 32 products of each column: eight lines of 16 columns x 4 k, unsigned by signed.
template <int MR, int NV>
INLINE void dot_bytes(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
  for (int s = 0; s < 8; s++) {
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) {
      const __m256i x = bytes4(a + m * 32 + s * 4);
      const __m256i xe = _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8), xo = _mm256_srai_epi16(x, 8);
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) {
        c[m][v].a = add_bytes(c[m][v].a, half_line(w[v] + s * 64), xe, xo);
        c[m][v].b = add_bytes(c[m][v].b, half_line(w[v] + s * 64 + 32), xe, xo);
      }
    }
  }
}

// Four lines of nibbles: step s in the low halves, step s + 4 in the high ones. 15 * 127 * 2 * 8 fits 16 bits: eight
// sums before one widening.
template <int MR, int NV>
INLINE void dot_nibbles(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
  const __m256i mask = _mm256_set1_epi8(15), one = _mm256_set1_epi16(1);
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; half++) {
      __m256i sum[MR];
      a = read_again(a);
#pragma GCC unroll 4
      for (int s = 0; s < 4; s++) {
        const __m256i line = half_line(w[v] + s * 64 + half * 32);
        const __m256i low = _mm256_and_si256(line, mask), high = _mm256_and_si256(_mm256_srli_epi16(line, 4), mask);
#pragma GCC unroll 8
        for (int m = 0; m < MR; m++) {
          const __m256i x = bytes4(a + m * 32 + s * 4), y = bytes4(a + m * 32 + (s + 4) * 4);
          const __m256i p = _mm256_add_epi16(_mm256_maddubs_epi16(low, x), _mm256_maddubs_epi16(high, y));
          sum[m] = s == 0 ? p : _mm256_add_epi16(sum[m], p);
        }
      }
#pragma GCC unroll 8
      for (int m = 0; m < MR; m++) {
        __m256i& target = half == 0 ? c[m][v].a : c[m][v].b;
        target = _mm256_add_epi32(target, _mm256_madd_epi16(sum[m], one));
      }
    }
  }
}

static constexpr int kByteVector = 32;
// Computed here and not behind a later branch, where it would cost the registers of everything it is computed from.
INLINE void vi_here(vi& x) { asm volatile("" : "+x"(x.a), "+x"(x.b)); }
INLINE __m256i& vi_part(vi& x, int part) { return part == 0 ? x.a : x.b; }
INLINE vf vload_u8(const uint8_t* p) {
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))),
          _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 8))))};
}
INLINE vf vload_s8(const int8_t* p) {
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))),
          _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 8))))};
}
template <class V>
INLINE V btable(const uint8_t* table, V codes) {
  const __m128i t = _mm_load_si128(reinterpret_cast<const __m128i*>(table));
  return (V)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(t), (__m256i)codes);
}

// c += products of steps [FIRST, LAST) of 32 k, in the codes of C: sums of as many 16-bit products as fit, then of 32.
template <class C, int FIRST, int LAST, int MR, int NV>
INLINE void dot_codes(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) {
#pragma GCC unroll 2
    for (int part = 0; part < 64 / kByteVector; part++) {
      const char* p = w[v] + part * kByteVector;
      a = read_again(a);
      if constexpr (C::kBits == 8) {
#pragma GCC unroll 2
        for (int s = FIRST; s < LAST; s++) {
          const __m256i line = (__m256i)C::step(p, s);
          const __m256i even = _mm256_and_si256(line, _mm256_set1_epi16(255)), odd = _mm256_srli_epi16(line, 8);
#pragma GCC unroll 8
          for (int m = 0; m < MR; m++) {
            const __m256i x = bytes4(a + m * 32 + s * 4);
            const __m256i xe = _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8), xo = _mm256_srai_epi16(x, 8);
            __m256i& sum = vi_part(c[m][v], part);
            sum = _mm256_add_epi32(sum, _mm256_add_epi32(_mm256_madd_epi16(even, xe), _mm256_madd_epi16(odd, xo)));
          }
        }
      } else {
        constexpr int kFit = C::kBits == 4 ? 8 : C::kBits == 5 ? 4 : 2;
        constexpr int kRun = kFit < LAST - FIRST ? kFit : LAST - FIRST;
        for (int first = FIRST; first < LAST; first += kRun) {
          __m256i sum[MR];
#pragma GCC unroll 8
          for (int s = first; s < first + kRun; s++) {
            const __m256i line = (__m256i)C::step(p, s);
#pragma GCC unroll 8
            for (int m = 0; m < MR; m++) {
              const __m256i products = _mm256_maddubs_epi16(line, bytes4(a + m * 32 + s * 4));
              sum[m] = s == first ? products : _mm256_add_epi16(sum[m], products);
            }
          }
#pragma GCC unroll 8
          for (int m = 0; m < MR; m++) {
            __m256i& target = vi_part(c[m][v], part);
            target = _mm256_add_epi32(target, _mm256_madd_epi16(sum[m], _mm256_set1_epi16(1)));
          }
        }
      }
    }
  }
}
