// Products of weights whose codes are floats (e4m3, nf4, fp4, and e2m1 where inputs are not rounded to integers). Codes become vectors in registers; scales are applied to
// the sums of a group. Activations are f32 or, where the level multiplies pairs of them, bf16. Included inside the
// namespace of one ISA level.
//
// Activations of one tile of rows lie per 128 k: [rows][128] f32, or [rows][32][2] pairs of bf16 (of four k the first
// and the third, then the other two); then [rows] f32 factors of their sums.
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

template <class V>
INLINE int64_t float_block_bytes() {
  return 128 / 4 * V::kVectors * sizeof(typename V::A) + sizeof(float);
}

// c += what vectors I and behind it of step s give.
template <class V, int I, int MR, int NV>
INLINE void dot_vectors(vf (&c)[MR][NV], const char* const (&w)[NV], int s, const typename V::A* a) {
  if constexpr (I < V::kVectors) {
    typename V::W line[NV];
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) line[v] = V::template vector<I>(w[v], s);
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) c[m][v] = V::step(c[m][v], line[v], a[m * (32 * V::kVectors) + I]);
    }
    dot_vectors<V, I + 1, MR, NV>(c, w, s, a);
  }
}

// One tile. V: what w holds, codes or what they became.
template <class V, int MR, int NV>
static void float_tile(
    const GemmJob& job, int64_t row, int64_t panel, const char* vectors, int64_t vector_bytes, const char* ahead,
    int64_t lines) {
  const CodesFormat& f = *job.codes;
  alignas(64) float sums[MR][NV][16] = {};
  auto a = static_cast<const char*>(job.a) + row * job.chunks / 4 * float_block_bytes<V>();
  for (int64_t k = 0; k < job.chunks * 32; k += f.group) {
    if (k % 128 == 0) {
      for (int64_t i = 0; i < 4 * lines; i++, ahead += 64) __builtin_prefetch(ahead, 0, 2);
    }
    const char *line[NV], *header[NV];
    vf c[MR][NV];
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) {
      header[v] = job.w + (panel + v) * job.panel_bytes + k / f.super * f.super_bytes;
      line[v] = vectors != nullptr ? vectors + v * vector_bytes + k / 32 * (V::kLines * 64)
                                   : header[v] + f.header + k % f.super / 32 * (V::kLines * 64);
#pragma GCC unroll 8
      for (int m = 0; m < MR; m++) c[m][v] = vzero();
    }
    auto x = reinterpret_cast<const typename V::A*>(a) + k % 128 / 4 * V::kVectors;
    // A group of 16 is the first or the second half of the steps of 32.
    const int from = static_cast<int>(k % 32 / 4), to = f.group < 32 ? from + 4 : 8;
    for (int64_t i = 0; i < f.group; i += 32) {
      for (int s = from; s < to; s++, x += V::kVectors) dot_vectors<V, 0, MR, NV>(c, line, s, x);
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) line[v] += V::kLines * 64;
    }
    auto factor = reinterpret_cast<const float*>(a + MR * (float_block_bytes<V>() - sizeof(float)));
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) {
      const vf scale = vmul(set_scale(f, header[v], k % f.super >> f.group_shift), vset(bits_float(V::kUnit)));
#pragma GCC unroll 8
      for (int m = 0; m < MR; m++) {
        vstore(sums[m][v], vfma(c[m][v], vmul(scale, vset(factor[m])), vload(sums[m][v])));
      }
    }
    if ((k + f.group) % 128 == 0) a += MR * float_block_bytes<V>();
  }
  for (int m = 0; m < MR; m++) {
    for (int v = 0; v < NV; v++) finish(job, vload(sums[m][v]), row + m, (panel + v) * 16);
  }
}

static constexpr int kFloatRows = 6;

// Panels beside each other: registers hold MR x NV sums, and with codes what makes vectors of them.
template <class V>
static constexpr int float_wide(int rows, bool expanded) {
#if defined(__AVX512F__)
  return V::kVectors == 2 && expanded ? 4 : rows == 1 ? 4 : 2;
#else
  (void)expanded;
  return rows == 1 ? 4 : rows == 2 ? 2 : 1;
#endif
}

template <class V>
static void expand_panel(const GemmJob& job, int64_t panel, char* out) {
  const CodesFormat& f = *job.codes;
  const char* w = job.w + panel * job.panel_bytes;
  for (int64_t k = 0; k < job.chunks * 32; k += 32) {
    const char* line = w + k / f.super * f.super_bytes + f.header + k % f.super / 32 * (V::kLines * 64);
#pragma GCC unroll 8
    for (int s = 0; s < 8; s++) {
      V::store(out, V::template vector<0>(line, s));
      V::store(out + 64, V::template vector<1>(line, s));
      if constexpr (V::kVectors == 4) {
        V::store(out + 128, V::template vector<2>(line, s));
        V::store(out + 192, V::template vector<3>(line, s));
      }
      out += V::kVectors * 64;
    }
  }
}

// All rows over `count` panels from the first, from codes or from what they became.
template <class V, bool EXPANDED>
static void float_rows(
    const GemmJob& job, const RowTiles& tiles, int64_t first, int64_t count, const char* w, int64_t bytes,
    const char* next, int64_t lines) {
  for (int64_t t = 0; t < tiles.count; t++) {
    with_rows(tiles.rows(t), [&](auto rows) INLINE_LAMBDA {
      constexpr int MR = decltype(rows)::value;
      if constexpr (MR <= kFloatRows) {
        constexpr int NV = float_wide<V>(MR, EXPANDED);
        int64_t p = 0, ahead = lines;
        for (; p + NV <= count; p += NV, ahead = 0) {
          float_tile<V, MR, NV>(job, tiles.start(t), first + p, EXPANDED ? w + p * bytes : nullptr, bytes, next, ahead);
        }
        for (; p < count; p++, ahead = 0) {
          float_tile<V, MR, 1>(job, tiles.start(t), first + p, EXPANDED ? w + p * bytes : nullptr, bytes, next, ahead);
        }
      }
    });
    next += lines * job.chunks * 64;
  }
}

// With more tiles of rows than this the panels are made vectors of once for all.
static constexpr int64_t kDirectTiles = 2;
static constexpr int64_t kCachedPanels = 768 << 10;

template <class V>
static void float_panels(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
  const RowTiles tiles(job.rows, kFloatRows);
  const int64_t shares = tiles.count * job.chunks;
  const int64_t lines = next == nullptr || job.rows <= 2 ? 0 : (next_bytes / 64 + shares - 1) / shares;
  if (tiles.count <= kDirectTiles) {
    return float_rows<V, false>(job, tiles, first, last - first, nullptr, 0, next, lines);
  }
  const int64_t bytes = job.chunks * 8 * V::kVectors * 64;
  // What is read again for every tile of rows stays in a cache of the core.
  constexpr int kWide = float_wide<V>(kFloatRows, true);
  const int64_t most = kWide * bytes <= kCachedPanels ? kWide : kCachedPanels / 2 >= bytes ? 2 : 1;
  for (int64_t p = first; p < last; p += most) {
    const int64_t count = last - p < most ? last - p : most;
    for (int64_t i = 0; i < count; i++) expand_panel<V>(job, p + i, scratch + i * bytes);
    float_rows<Expanded<V>, true>(job, tiles, p, count, scratch, bytes, next, p == first ? lines : 0);
  }
}

// How activations are taken: as pairs of bf16, or as they are.
INLINE bool float_pairs(int32_t activation) {
#if defined(__AVX512BF16__) && defined(__AVX512VBMI__)
  return activation == EK_ACTIVATION_8;
#else
  (void)activation;
  return false;
#endif
}

template <class E4m3, template <int32_t> class Table>
static void float_gemm_as(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
  switch (job.codes->codes) {
    case EK_CODES_NF4: return float_panels<Table<EK_CODES_NF4>>(job, first, last, next, next_bytes, scratch);
    case EK_CODES_FP4: return float_panels<Table<EK_CODES_FP4>>(job, first, last, next, next_bytes, scratch);
    case EK_CODES_E2M1: return float_panels<Table<EK_CODES_E2M1>>(job, first, last, next, next_bytes, scratch);
    default: return float_panels<E4m3>(job, first, last, next, next_bytes, scratch);
  }
}

static void float_gemm(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
#if defined(__AVX512BF16__) && defined(__AVX512VBMI__)
  if (float_pairs(job.activation)) {
    return float_gemm_as<E4m3Pairs, TablePairs>(job, first, last, next, next_bytes, scratch);
  }
#endif
  float_gemm_as<E4m3Floats, TableFloats>(job, first, last, next, next_bytes, scratch);
}

static int64_t float_row_bytes(const CodesFormat&, int32_t activation, int64_t chunks) {
  return chunks * (float_pairs(activation) ? 65 : 129);
}

#if defined(__AVX512BF16__) && defined(__AVX512VBMI__)
// 16 values: of four the first and the third, then the other two.
INLINE void store_pairs(char* at, vf x) {
  const __m256i h = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(h, 0xd8), 0xd8));
}
#endif

static int64_t pack_float_activations(const PackActivationsJob& job, int64_t tile) {
  const RowTiles tiles(job.rows, kFloatRows);
  if (job.x == nullptr) return tiles.count;
  const int64_t row = tiles.start(tile);
  const int rows = tiles.rows(tile);
  char* a = static_cast<char*>(job.a) + row * job.row_bytes;
  const vf unit = vset(job.codes->codes == EK_CODES_E4M3 ? bits_float(kE4m3ActivationUnit) : 1.0f);
  RowRounding how[kFloatRows];
  float factor[kFloatRows];
  for (int m = 0; m < rows; m++) how[m] = row_rounding(job, row + m);
  for (int64_t k = 0; k < job.chunks * 32; k += 128) {
    for (int m = 0; m < rows; m++) {
      float x[128];
      gather_block(job, row + m, k, x);
      factor[m] = job.inputs.kind == EK_INPUTS_OWN ? 1.0f : round_inputs(job.inputs, how[m], x);
#if defined(__AVX512BF16__) && defined(__AVX512VBMI__)
      if (float_pairs(job.activation)) {
        for (int i = 0; i < 128; i += 16, a += 32) store_pairs(a, vload(x + i));
        continue;
      }
#endif
      for (int i = 0; i < 128; i += 16, a += 64) vstore(reinterpret_cast<float*>(a), vmul(vload(x + i), unit));
    }
    for (int m = 0; m < rows; m++, a += sizeof(float)) __builtin_memcpy(a, &factor[m], sizeof(float));
  }
  return tiles.count;
}
