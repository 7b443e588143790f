// Panels and activations in the forms that int_tiles.h takes. Included inside the same namespace.
#pragma once

// Eight lines of codes as bytes; SIGNED: less their offset, so that sums need no correction.
template <class C, bool SIGNED>
INLINE void spread_lines(const char* codes, char* to) {
#pragma GCC unroll 8
  for (int s = 0; s < 8; s++) {
    auto line = reinterpret_cast<__m512i>(C::step(codes, s));
    if (SIGNED) line = _mm512_sub_epi8(line, _mm512_set1_epi8(static_cast<char>(C::kOffset)));
    _mm512_storeu_si512(to + s * 64, line);
  }
}

// What the code i stands for, plus C::kOffset.
template <class C>
INLINE int code_byte(const C*, int i) { return i & (C::kLines == 4 ? 15 : 31); }
template <bool IQ4>
INLINE int code_byte(const CodeTable<IQ4>*, int i) { return (IQ4 ? kIq4Table : kE2m1Table)[i & 15]; }

// Small whole numbers as bf16, which they are exactly. Codes of up to 5 bits are looked up.
template <class C, bool SIGNED>
struct FloatCodes {
  static constexpr bool kLooksUp = C::kLines < 6;
  __m512i table;

  MEMBER FloatCodes() {
    alignas(64) uint16_t values[32];
    for (int i = 0; i < 32; i++) {
      const int value = code_byte(static_cast<const C*>(nullptr), i) - (SIGNED ? C::kOffset : 0);
      values[i] = static_cast<uint16_t>(float_bits(static_cast<float>(value)) >> 16);
    }
    table = _mm512_load_si512(values);
  }

  // Step s of 32 k of 16 columns: k 0 and 2 of the four, and k 1 and 3. An index is the low 5 bits of 16.
  MEMBER void step(const char* codes, int s, __m512i& even, __m512i& odd) const {
    if constexpr (C::kLines == 4) {
      const __m512i line = _mm512_loadu_si512(codes + s % 4 * 64);
      even = _mm512_permutexvar_epi16(s < 4 ? line : _mm512_srli_epi16(line, 4), table);
      odd = _mm512_permutexvar_epi16(_mm512_srli_epi16(line, s < 4 ? 8 : 12), table);
    } else {
      auto line = reinterpret_cast<__m512i>(C::step(codes, s));
      if constexpr (kLooksUp) {
        even = _mm512_permutexvar_epi16(line, table);
        odd = _mm512_permutexvar_epi16(_mm512_srli_epi16(line, 8), table);
      } else {
        if (SIGNED) line = _mm512_xor_si512(line, _mm512_set1_epi8(static_cast<char>(128)));
        even = pair(_mm512_slli_epi32(line, 24), _mm512_slli_epi32(line, 8));
        odd = pair(_mm512_slli_epi32(line, 16), line);
      }
    }
  }

 private:
  // The highest bytes of 32 bits, as pairs.
  static MEMBER __m512i pair(__m512i low, __m512i high) {
    return _mm512_or_si512(_mm512_srli_epi32(number(low), 16), number(high));
  }
  static MEMBER __m512i number(__m512i x) {
    const __m512i whole = SIGNED ? _mm512_srai_epi32(x, 24) : _mm512_srli_epi32(x, 24);
    return _mm512_castps_si512(_mm512_cvtepi32_ps(whole));
  }
};

// 32 k of a panel, or eight lines of codes, as 16 lines of bf16: of step s at 4 * (s % 4) + s / 4 * 2.
template <class C, bool SIGNED>
INLINE void float_lines(const FloatCodes<C, SIGNED>& floats, const char* codes, char* to) {
#pragma GCC unroll 8
  for (int s = 0; s < 8; s++) {
    __m512i even, odd;
    floats.step(codes, s, even, odd);
    _mm512_storeu_si512(to + (s % 4 * 4 + s / 4 * 2) * 64, even);
    _mm512_storeu_si512(to + (s % 4 * 4 + s / 4 * 2 + 1) * 64, odd);
  }
}

// 32 activations as bf16, in the order of float_lines.
INLINE void float_inputs(const int8_t* bytes, int8_t* to) {
  auto from = reinterpret_cast<const __m128i*>(bytes);
  const __m512 x = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from)));
  const __m512 y = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from + 1)));
  const __m512i low = _mm512_castps_si512(_mm512_shuffle_ps(x, y, 0x44));
  const __m512i high = _mm512_castps_si512(_mm512_shuffle_ps(x, y, 0xee));
  _mm512_storeu_si512(to, _mm512_or_si512(_mm512_srli_epi32(low, 16), high));
}

template <class C, class F>
INLINE void spread_group(const FloatCodes<C, !F::kMin>& floats, const char* codes, char* to) {
  if constexpr (F::kIsFloat) {
    float_lines(floats, codes, to);
  } else {
    spread_lines<C, !F::kMin>(codes, to);
  }
}

// Of Q8 or Q4.
template <class C, class F>
static void spread_quantized(const GemmJob& job, int64_t panel, char* to) {
  const FloatCodes<C, true> floats;
  const char* w = job.w + panel * job.panel_bytes;
  for (int64_t chunk = 0; chunk < job.chunks; chunk += 2) {
    for (int g = 0; g < 2; g++) {
      vstore(reinterpret_cast<float*>(to) + g * 16, vload(reinterpret_cast<const f16_t*>(w) + g * 16));
      spread_group<C, F>(floats, w + 64 + g * C::kLines * 64, to + F::kFactorBytes + g * 512 * F::kElement);
    }
    w += 64 + 2 * C::kLines * 64;
    to += F::kWeightBytes;
  }
}

template <class C, class F>
static void spread_codes(const GemmJob& job, int64_t panel, char* to) {
  const CodesFormat& f = *job.codes;
  const FloatCodes<C, !F::kMin> floats;
  for (int64_t k = 0; k < job.chunks * 32; k += F::kUnitK, to += F::kWeightBytes) {
    const int64_t within = k % f.super;
    const char* super = job.w + panel * job.panel_bytes + k / f.super * f.super_bytes;
    auto factors = reinterpret_cast<float*>(to);
    for (int s = 0; s < F::kSums; s++) {
      const int64_t set = (within + s * (F::kUnitK / F::kSums)) >> f.group_shift;
      const vf scale = set_scale(f, super, set);
      vstore(factors + s * 16, scale);
      if (F::kMinUnit) {
        auto minima = reinterpret_cast<const uint8_t*>(super + f.sub_min_at + set * 16);
        vstore(factors + (F::kSums + s) * 16, vload_u8(minima));
      } else if (F::kMin) {
        vstore(factors + (F::kSums + s) * 16, set_min(f, super, set, scale));
      }
    }
    if (F::kMinUnit) vstore(factors + 2 * F::kSums * 16, vload(reinterpret_cast<const f16_t*>(super + f.min_at)));
    for (int64_t g = 0; g < F::kUnitK / 32; g++) {
      const char* codes = super + f.header + (within / 32 + g) * C::kLines * 64;
      spread_group<C, F>(floats, codes, to + F::kFactorBytes + g * 512 * F::kElement);
    }
  }
}

// Row m of 128 rounded activations: bytes, then scales and parts as words.
template <class F>
INLINE void place_inputs(const int8_t* bytes, const int32_t* words, int m, int8_t* out) {
  for (int unit = 0; unit < 128 / F::kUnitK; unit++, out += F::kInputBytes) {
    for (int i = 0; i < F::kUnitK * F::kElement / 64; i++) {
      const int8_t* from = bytes + unit * F::kUnitK + i * 64 / F::kElement;
      if (F::kIsFloat) {
        float_inputs(from, out + i * 1024 + m * 64);
      } else {
        __builtin_memcpy(out + i * 1024 + m * 64, from, 64);
      }
    }
    auto facts = reinterpret_cast<int32_t*>(out + kTileRowsInt * F::kUnitK * F::kElement) + m;
    constexpr int kAll = F::kScales * 128 / F::kUnitK;
    for (int s = 0; s < F::kScales; s++, facts += kTileRowsInt) *facts = words[unit * F::kScales + s];
    for (int s = 0; s < F::kSums; s++, facts += kTileRowsInt) *facts = words[kAll + unit * F::kSums + s];
  }
}

// Rows that are not there are zeros.
template <class F>
static void round_tile_rows(
    const PackActivationsJob& job, int64_t row, int rows, const CodedShape& shape, int8_t* out) {
  const bool given = job.inputs.kind != EK_INPUTS_OWN;
  RowRounding how[kTileRowsInt];
  for (int m = 0; m < rows; m++) how[m] = row_rounding(job, row + m);
  for (int64_t k = 0; k < job.chunks * 32; k += 128, out += 128 / F::kUnitK * F::kInputBytes) {
    for (int m = 0; m < kTileRowsInt; m++) {
      float x[128] = {}, scale = 0;
      if (m < rows) gather_block(job, row + m, k, x);
      if (m < rows && given) scale = round_inputs(job.inputs, how[m], x);
      int8_t bytes[128];
      int32_t words[8];
      round_block<false>(x, shape, given ? &scale : nullptr, bytes, bytes, 32, words);
      place_inputs<F>(bytes, words, m, out);
    }
  }
}

template <class F>
static void quantize_tile_rows(const PackActivationsJob& job, int64_t row, int rows, int8_t* out) {
  for (int64_t k = 0; k < job.chunks * 32; k += 64, out += F::kInputBytes) {
    auto scale = reinterpret_cast<float*>(out + kTileRowsInt * F::kUnitK * F::kElement);
    for (int m = 0; m < kTileRowsInt; m++) {
      const float* x = m < rows ? job.x + (row + m) * job.x_stride + k : job.x;
      for (int g = 0; g < 2; g++) {
        const int64_t left = m < rows ? job.k - k - g * 32 : 0;
        int32_t sum;
        int8_t bytes[32];
        scale[g * kTileRowsInt + m] = quantize_group<false>(x + g * 32, left, bytes, nullptr, sum);
        if (F::kIsFloat) {
          float_inputs(bytes, out + g * 1024 + m * 64);
        } else {
          __builtin_memcpy(out + m * 64 + g * 32, bytes, 32);
        }
      }
    }
  }
}
