// Products of weights whose codes are floats (e4m3, nf4, fp4, and e2m1 where inputs are not rounded to integers). Codes
// become vectors in registers; scales are applied to the sums of a group. Activations are f32 or, where the level
// multiplies pairs of them, bf16. Included inside the namespace of one ISA level.
//
// Activations of one tile of rows lie per 128 k: [rows][128] f32, or [rows][32][2] pairs of bf16 (of four k the first
// and the third, then the other two); then [rows] f32 factors of their sums.
#pragma once

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
  const PackedTile out(job, row, tiles.rows(tile));
  char* a = out.at();
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
  out.publish();
  return tiles.count;
}
