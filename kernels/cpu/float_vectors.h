// Codes of floats as vectors. Included inside the namespace of one ISA level.
#pragma once

// How codes become vectors: line s of 8 in 32 k holds 16 columns x 4 k, and vector i of it what meets activation
// s * kVectors + i of a row. kUnit: what a sum is to be multiplied by.
struct Floats {
  typedef float A;
  typedef vf W;
  static constexpr int kVectors = 4;
  static constexpr uint32_t kUnit = 0x3f800000;
  static MEMBER vf step(vf c, W w, A a) { return vfma(vset(a), w, c); }
  static MEMBER W load(const char* p) { return vload(reinterpret_cast<const float*>(p)); }
  static MEMBER void store(char* p, W w) { vstore(reinterpret_cast<float*>(p), w); }
};

// Sign and magnitude of a code where those of an f32 are: 2^-120 of the value, exactly. Activations make up for 2^64 of
// it and scales for the rest, so that no product leaves the range of f32 that should not.
struct E4m3Unit : Floats {
  static constexpr int64_t kLines = 8;
  static constexpr uint32_t kUnit = 0x5b800000; // 2^56
};
static constexpr uint32_t kE4m3ActivationUnit = 0x5f800000; // 2^64

alignas(64) static const float kE2m1Floats[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

INLINE const float* float_table(int32_t codes) {
  return codes == EK_CODES_NF4 ? kNf4Table : codes == EK_CODES_FP4 ? kFp4Table : kE2m1Floats;
}

#if defined(__AVX512F__)
struct E4m3Floats : E4m3Unit {
  template <int I>
  static MEMBER vf vector(const char* w, int s) {
    const __m512i x = _mm512_slli_epi32(_mm512_loadu_si512(w + s * 64), 24 - 8 * I);
    return _mm512_castsi512_ps(
        _mm512_and_si512(_mm512_srai_epi32(x, 4), _mm512_set1_epi32(static_cast<int32_t>(0x87f00000))));
  }
};

template <int32_t CODES>
struct TableFloats : Floats {
  static constexpr int64_t kLines = 4;
  template <int I>
  static MEMBER vf vector(const char* w, int s) {
    // The permutation looks at the low four bits alone.
    const __m512i x = _mm512_srli_epi32(_mm512_loadu_si512(w + s % 4 * 64), 8 * I + s / 4 * 4);
    return _mm512_permutexvar_ps(x, vload(float_table(CODES)));
  }
};
#else
INLINE __m256 e4m3_half(__m256i x, int i) {
  x = _mm256_srai_epi32(_mm256_slli_epi32(x, 24 - 8 * i), 4);
  return _mm256_castsi256_ps(_mm256_and_si256(x, _mm256_set1_epi32(static_cast<int32_t>(0x87f00000))));
}

struct E4m3Floats : E4m3Unit {
  template <int I>
  static MEMBER vf vector(const char* w, int s) {
    return {e4m3_half(half_line(w + s * 64), I), e4m3_half(half_line(w + s * 64 + 32), I)};
  }
};

INLINE __m256 table_half(const float* table, __m256i x) {
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_load_ps(table), x);
  const __m256 high = _mm256_permutevar8x32_ps(_mm256_load_ps(table + 8), x);
  return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(x, 28)));
}

template <int32_t CODES>
struct TableFloats : Floats {
  static constexpr int64_t kLines = 4;
  template <int I>
  static MEMBER vf vector(const char* w, int s) {
    const float* table = float_table(CODES);
    const int shift = 8 * I + s / 4 * 4;
    w += s % 4 * 64;
    return {table_half(table, _mm256_srli_epi32(half_line(w), shift)),
            table_half(table, _mm256_srli_epi32(half_line(w + 32), shift))};
  }
};
#endif

#if defined(__AVX512BF16__) && defined(__AVX512VBMI__)
struct Pairs {
  typedef uint32_t A;
  typedef __m512i W;
  static constexpr int kVectors = 2;
  static constexpr uint32_t kUnit = 0x3f800000;
  static MEMBER vf step(vf c, W w, A a) {
    return _mm512_dpbf16_ps(
        c, reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(a))), reinterpret_cast<__m512bh>(w));
  }
  static MEMBER W load(const char* p) { return _mm512_loadu_si512(p); }
  static MEMBER void store(char* p, W w) { _mm512_storeu_si512(p, w); }
  // From the halves of the bf16 values of 64 codes those of the even (0) or odd ones.
  template <int I>
  static MEMBER W merge(__m512i high, __m512i low) {
    if (I == 0) return _mm512_mask_mov_epi8(_mm512_slli_epi16(high, 8), 0x5555555555555555, low);
    return _mm512_mask_mov_epi8(_mm512_srli_epi16(low, 8), 0xaaaaaaaaaaaaaaaa, high);
  }
};

// Halves of the bf16 value of every magnitude, and of the codes of a table: high bytes, then low ones.
struct ByteTables {
  alignas(64) uint8_t e4m3[2][128];
  alignas(16) uint8_t nf4[2][16], fp4[2][16], e2m1[2][16];
};

constexpr uint32_t e4m3_bf16(uint32_t code) {
  if (code >= 127) return 0x7fc0;
  if (code >= 8) return (code << 4) + (120 << 7);
  // m * 2^-9
  return code == 0 ? 0 : code == 1 ? 118 << 7 : code < 4 ? (119 << 7 | (code & 1) << 6) : (120 << 7 | (code & 3) << 5);
}

// Times 1.437, where the nearest bf16 is off by 3.3e-4 on average (quadratic) and 1.9e-3 at most, 1.7 times less than
// without.
constexpr uint8_t kNf4Bf16[2][16] = {
    {0xbf, 0xbf, 0xbf, 0xbf, 0xbe, 0xbe, 0xbe, 0x00, 0x3d, 0x3e, 0x3e, 0x3e, 0x3f, 0x3f, 0x3f, 0x3f},
    {0xb8, 0x80, 0x41, 0x11, 0xd1, 0x88, 0x06, 0x00, 0xea, 0x6d, 0xb5, 0xf9, 0x22, 0x4f, 0x85, 0xb8}};
// Times 1.5: exact.
constexpr uint8_t kFp4Bf16[2][16] = {
    {0x00, 0x3c, 0x3f, 0x3f, 0x3f, 0x3f, 0x3e, 0x3e, 0x00, 0xbc, 0xbf, 0xbf, 0xbf, 0xbf, 0xbe, 0xbe},
    {0x00, 0x00, 0x80, 0xc0, 0x00, 0x40, 0x80, 0xc0, 0x00, 0x00, 0x80, 0xc0, 0x00, 0x40, 0x80, 0xc0}};

// Doubled, as integers: exact.
constexpr uint8_t kE2m1Bf16[2][16] = {
    {0x00, 0x3f, 0x40, 0x40, 0x40, 0x40, 0x41, 0x41, 0x00, 0xbf, 0xc0, 0xc0, 0xc0, 0xc0, 0xc1, 0xc1},
    {0x00, 0x80, 0x00, 0x40, 0x80, 0xc0, 0x00, 0x40, 0x00, 0x80, 0x00, 0x40, 0x80, 0xc0, 0x00, 0x40}};

constexpr ByteTables byte_tables() {
  ByteTables t{};
  for (uint32_t i = 0; i < 128; i++) {
    t.e4m3[0][i] = static_cast<uint8_t>(e4m3_bf16(i) >> 8);
    t.e4m3[1][i] = static_cast<uint8_t>(e4m3_bf16(i));
  }
  for (int half = 0; half < 2; half++) {
    for (int i = 0; i < 16; i++) {
      t.nf4[half][i] = kNf4Bf16[half][i];
      t.fp4[half][i] = kFp4Bf16[half][i];
      t.e2m1[half][i] = kE2m1Bf16[half][i];
    }
  }
  return t;
}

static constexpr ByteTables kByteTables = byte_tables();

struct E4m3Pairs : Pairs {
  static constexpr int64_t kLines = 8;
  static MEMBER __m512i look_up(const uint8_t (&table)[128], __m512i x) {
    return _mm512_permutex2var_epi8(_mm512_load_si512(table), x, _mm512_load_si512(table + 64));
  }
  template <int I>
  static MEMBER W vector(const char* w, int s) {
    const __m512i x = _mm512_loadu_si512(w + s * 64);
    // 0xf8: a or (b and c), the sign of the code on top of the magnitude.
    const __m512i high = _mm512_ternarylogic_epi32(
        look_up(kByteTables.e4m3[0], x), x, _mm512_set1_epi8(static_cast<char>(0x80)), 0xf8);
    return merge<I>(high, look_up(kByteTables.e4m3[1], x));
  }
};

template <int32_t CODES>
struct TablePairs : Pairs {
  static constexpr int64_t kLines = 4;
  static constexpr uint32_t kUnit = CODES == EK_CODES_NF4   ? 0x3f3225c0  // 1 / 1.437
                                    : CODES == EK_CODES_FP4 ? 0x3f2aaaab  // 2 / 3
                                                            : 0x3f800000;
  template <int I>
  static MEMBER W vector(const char* w, int s) {
    const vb codes = Code4::step(w, s);
    const auto& table = CODES == EK_CODES_NF4   ? kByteTables.nf4
                        : CODES == EK_CODES_FP4 ? kByteTables.fp4
                                                : kByteTables.e2m1;
    return merge<I>((__m512i)btable(table[0], codes), (__m512i)btable(table[1], codes));
  }
};
#endif

// A panel that became vectors before: what a code gives lies there.
template <class V>
struct Expanded : V {
  static constexpr int64_t kLines = 8 * V::kVectors;
  template <int I>
  static MEMBER typename V::W vector(const char* w, int s) {
    return V::load(w + (s * V::kVectors + I) * 64);
  }
};
