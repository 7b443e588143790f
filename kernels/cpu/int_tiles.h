// Integer products by tiles of 16 x 16 (AMX): the same whole numbers as the dot products of ints_avx512.h, then scaled
// in the same order, so that every bit of a result is that of the VNNI kernels. `Tiles` hides the instructions.
// Included inside an unnamed namespace, at the level of AVX-512 VNNI.
//
// Two row tiles meet two panels, so that what is loaded into a tile is used twice. Sums of a block of 128 or 256 k go
// through memory, as tiles cannot be scaled; while the sums of one block are scaled, the tiles work on the next.
#pragma once

static constexpr int kTileRowsInt = 16;

// Up to this many rows VNNI is used, which then waits for the weights. In vector instructions tiles cost less from 3
// rows on (docs/cpu.md).
static constexpr int64_t kRowsWithoutTiles = 4;

// Scales of weights and activations per 32 k; of weights per 32 and activations per 128; both per 128.
enum TileScales { kScalesEach, kScalesWide, kScalesWhole };

// How operands lie. A unit of activations is, for 16 rows: 16 rows x 64 k of bytes (twice, if it has 128 k), then
// [kScales][16] f32 scales and [kSums][16] f32 of what is multiplied by minima. A unit of a panel is [kSums][16] f32
// scales, with MIN as many minima (kMinUnit: as whole multiples of 16 more numbers), then lines of 16 columns x 4 k:
// signed bytes, with MIN unsigned ones. With FLOATS rows have 32 k, lines 2, in the order of float_inputs and
// float_lines.
template <int SCALES, bool MIN, bool FLOATS = false>
struct TileForm {
  static constexpr int kForm = SCALES;
  static constexpr bool kMin = MIN, kIsFloat = FLOATS, kMinUnit = MIN && SCALES == kScalesWide;
  static constexpr int kNumbers = FLOATS ? kFloats : MIN ? kUnsignedBytes : kSignedBytes;
  static constexpr int kElement = FLOATS ? 2 : 1;
  static constexpr int kUnitK = SCALES == kScalesEach ? 64 : 128;
  static constexpr int kSums = SCALES == kScalesEach ? 2 : SCALES == kScalesWide ? 4 : 1;
  static constexpr int kScales = SCALES == kScalesEach ? 2 : 1;
  static constexpr int64_t kInputBytes = kTileRowsInt * (kUnitK * kElement + 4 * (kScales + kSums));
  static constexpr int64_t kFactorBytes = ((MIN ? 2 : 1) * kSums + kMinUnit) * 64;
  static constexpr int64_t kWeightBytes = kFactorBytes + kUnitK * 16 * kElement;
  // A block takes four steps of the tiles.
  static constexpr int kUnits = SCALES == kScalesWide ? 1 : 2;
  static constexpr int kSteps = 4 / kUnits;
  static constexpr int kTileK = SCALES == kScalesWhole ? 64 : 32;
  static constexpr int kTileBytes = kTileK * kElement;
};

template <int R>
struct TileOperands {
  const int8_t* a[R];
  const char* w[2];

  template <class F>
  MEMBER void advance() {
    for (int r = 0; r < R; r++) a[r] += F::kUnits * F::kInputBytes;
    for (int p = 0; p < 2; p++) w[p] += F::kUnits * F::kWeightBytes;
  }
};

// Sums of a block.
template <class F, int R>
struct TileSums {
  alignas(64) int32_t c[F::kUnits * F::kSums][R][2][256];
};

// One step of a block: operands once, every product with each other.
template <class F, int R>
INLINE void tile_step(Tiles& t, const TileOperands<R>& from, int step) {
  const int unit = step / F::kSteps, part = step % F::kSteps;
  const int64_t at = unit * F::kInputBytes + (F::kTileBytes == 64 ? part * 1024 : part / 2 * 1024 + part % 2 * 32);
  const int64_t line = unit * F::kWeightBytes + F::kFactorBytes + part * F::kTileBytes * 16;
  t.template load<4>(from.a[0] + at);
  t.template load<6>(from.w[0] + line);
  t.template load<7>(from.w[1] + line);
  if (R == 2) t.template load<5>(from.a[R - 1] + at);
  if (F::kTileK == 32 || part == 0) {
    t.template zero<0>();
    t.template zero<1>();
    if (R == 2) t.template zero<2>();
    if (R == 2) t.template zero<3>();
  }
  t.template multiply<0, 4, 6, F::kNumbers>();
  t.template multiply<1, 4, 7, F::kNumbers>();
  if (R == 2) t.template multiply<2, 5, 6, F::kNumbers>();
  if (R == 2) t.template multiply<3, 5, 7, F::kNumbers>();
}

template <class F, int R>
INLINE void store_step(Tiles& t, TileSums<F, R>& sums, int step) {
  if (F::kTileK == 64 && step % 2 == 0) return;
  auto& c = sums.c[F::kTileK == 64 ? step / 2 : step];
  t.template store<0>(c[0][0]);
  t.template store<1>(c[0][1]);
  if (R == 2) t.template store<2>(c[R - 1][0]);
  if (R == 2) t.template store<3>(c[R - 1][1]);
}

template <class F>
INLINE const float* input_scales(const int8_t* unit) {
  return reinterpret_cast<const float*>(unit + F::kUnitK * F::kElement * kTileRowsInt);
}

template <int R>
struct TileResults {
  alignas(64) float f[R * kTileRowsInt][2][16];
};

// Adds minima times minus the sums of activations: four whole numbers each, whose products are exact in any order.
template <class F, int R, int MR>
INLINE void scale_minima(vf (&f)[MR][2], const TileOperands<R>& from, int unit, const float* part) {
#pragma GCC unroll 2
  for (int p = 0; p < 2; p++) {
    auto minima = reinterpret_cast<const float*>(from.w[p] + unit * F::kWeightBytes) + F::kSums * 16;
    const vf of = vload(minima + F::kSums * 16);
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) {
      vf whole = vzero();
#pragma GCC unroll 4
      for (int s = 0; s < F::kSums; s++) whole = vfma(vset(part[s * kTileRowsInt + m]), vload(minima + s * 16), whole);
      f[m][p] = vfma(whole, of, f[m][p]);
    }
  }
}

// Adds what was summed in one unit, scaled, to f: MR rows of a row tile from m0 on. With kScalesWide not yet by the
// scale of the activations.
template <class F, int R, int MR>
INLINE void scale_unit(
    vf (&f)[MR][2], const TileOperands<R>& from, const TileSums<F, R>& sums, int unit, int r, int m0) {
  const float* scale = input_scales<F>(from.a[r] + unit * F::kInputBytes) + m0;
  const float* part = scale + F::kScales * kTileRowsInt;
  constexpr bool kLess = F::kMin && !F::kMinUnit;
#pragma GCC unroll 4
  for (int s = 0; s < F::kSums; s++) {
    vf sw[2], less[2];
    const int32_t* c[2];
#pragma GCC unroll 2
    for (int p = 0; p < 2; p++) {
      auto factors = reinterpret_cast<const float*>(from.w[p] + unit * F::kWeightBytes) + s * 16;
      sw[p] = vload(factors);
      if (kLess) less[p] = vload(factors + F::kSums * 16);
      c[p] = sums.c[unit * F::kSums + s][r][p] + m0 * 16;
    }
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) {
      const vf input = vset(scale[F::kForm == kScalesEach ? s * kTileRowsInt + m : m]);
      const vf offset = kLess ? vset(part[s * kTileRowsInt + m]) : vzero();
#pragma GCC unroll 2
      for (int p = 0; p < 2; p++) {
        const __m512i whole = _mm512_load_si512(c[p] + m * 16);
        const vf sum = F::kIsFloat ? _mm512_castsi512_ps(whole) : vi_float(whole);
        f[m][p] = vfma(sum, F::kForm == kScalesWide ? sw[p] : vmul(sw[p], input), f[m][p]);
        if (kLess) f[m][p] = vfma(offset, less[p], f[m][p]);
      }
    }
  }
  if constexpr (F::kMinUnit) scale_minima<F, R, MR>(f, from, unit, part);
}

// A quarter of the rows, over all sums of a block.
template <class F, int R>
INLINE void scale_quarter(
    TileResults<R>& results, const TileOperands<R>& from, const TileSums<F, R>& sums, int units, int quarter) {
  constexpr int MR = R * kTileRowsInt / 4;
  constexpr bool kWide = F::kForm == kScalesWide;
  const int r = quarter * MR / kTileRowsInt, m0 = quarter * MR % kTileRowsInt;
  auto to = results.f + quarter * MR;
  vf f[MR][2];
#pragma GCC unroll 8
  for (int m = 0; m < MR; m++) {
    f[m][0] = kWide ? vzero() : vload(to[m][0]);
    f[m][1] = kWide ? vzero() : vload(to[m][1]);
  }
#pragma GCC unroll 1
  for (int unit = 0; unit < units; unit++) scale_unit<F, R, MR>(f, from, sums, unit, r, m0);
  const float* scale = input_scales<F>(from.a[r]) + m0;
#pragma GCC unroll 8
  for (int m = 0; m < MR; m++) {
#pragma GCC unroll 2
    for (int p = 0; p < 2; p++) vstore(to[m][p], kWide ? vfma(f[m][p], vset(scale[m]), vload(to[m][p])) : f[m][p]);
  }
}

// What a product of row tiles and panels needs beside the job. Panels were spread; `apart` is from one to the next.
struct TilePlace {
  int64_t row, panel, panels;
  const char* w;
  int64_t apart;
  const char* ahead;
  int64_t lines;
};

template <class F, int R>
static void tile_product(Tiles& t, const GemmJob& job, const TilePlace& at) {
  const int64_t units = job.chunks * 32 / F::kUnitK, rows = job.rows - at.row;
  TileOperands<R> from;
  // A row tile or panel alone is multiplied twice.
  for (int r = 0; r < R; r++) {
    const bool there = r * kTileRowsInt < rows;
    from.a[r] = static_cast<const int8_t*>(job.a) + (at.row / kTileRowsInt + (there ? r : 0)) * units * F::kInputBytes;
  }
  from.w[0] = at.w;
  from.w[1] = at.panels > 1 ? at.w + at.apart : at.w;
  TileSums<F, R> sums[2];
  TileResults<R> results;
  __builtin_memset(&results, 0, sizeof results);
  int here = units < F::kUnits ? static_cast<int>(units) : F::kUnits;
  for (int step = 0; step < here * F::kSteps; step++) {
    tile_step<F, R>(t, from, step);
    store_step<F, R>(t, sums[0], step);
  }
  const char* ahead = at.ahead;
  int turn = 0;
  for (int64_t left = units - here; here > 0; turn ^= 1) {
    for (int64_t i = 0; i < at.lines * here * F::kUnitK / 32; i++, ahead += 64) __builtin_prefetch(ahead, 0, 2);
    const int coming = left < F::kUnits ? static_cast<int>(left) : F::kUnits;
    TileOperands<R> next = from;
    next.template advance<F>();
#pragma GCC unroll 1
    for (int i = 0; i < 4; i++) {
      const bool multiplies = i < coming * F::kSteps;
      if (multiplies) tile_step<F, R>(t, next, i);
      if (i * R * 4 < rows) scale_quarter<F, R>(results, from, sums[turn], here, i);
      if (multiplies) store_step<F, R>(t, sums[turn ^ 1], i);
    }
    from = next;
    left -= coming;
    here = coming;
  }
  for (int m = 0; m < R * kTileRowsInt && m < rows; m++) {
    for (int64_t p = 0; p < at.panels; p++) {
      finish(job, vload(results.f[m][p]), at.row + m, (at.panel + p) * 16);
    }
  }
}

INLINE int64_t num_tiles(int64_t rows) { return (rows + kTileRowsInt - 1) / kTileRowsInt; }

// Panels spread at a time: activations come from further away than they.
static constexpr int64_t kSpreadPanels = 4;

// All row tiles over panels [first, last), each brought into the form that tiles take once for all rows. A thread's
// scratch has room for two of them, as ek_linear takes no longer ones than fit there in f32.
template <class F>
static void tile_panels(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch,
    void (*spread)(const GemmJob& job, int64_t panel, char* to)) {
  const int64_t apart = job.chunks * 32 / F::kUnitK * F::kWeightBytes;
  const int64_t wide = kSpreadPanels * apart <= kThreadScratch ? kSpreadPanels : 2;
  const int64_t pairs = (job.rows + 2 * kTileRowsInt - 1) / (2 * kTileRowsInt);
  Ahead ahead(next, next_bytes, pairs * ((last - first + 1) / 2), job.chunks);
  Tiles t;
  t.configure(F::kTileBytes);
  for (int64_t p = first; p < last; p += wide) {
    const int64_t count = last - p < wide ? last - p : wide;
    for (int64_t i = 0; i < count; i++) spread(job, p + i, scratch + i * apart);
    for (int64_t row = 0; row < job.rows; row += 2 * kTileRowsInt) {
      for (int64_t i = 0; i < count; i += 2, ahead.at += ahead.step) {
        const TilePlace at{row, p + i, count - i < 2 ? 1 : 2, scratch + i * apart, apart, ahead.at, ahead.share()};
        if (F::kIsFloat || job.rows - row > kTileRowsInt) {
          tile_product<F, 2>(t, job, at);
        } else if constexpr (!F::kIsFloat) {
          tile_product<F, 1>(t, job, at);
        }
      }
    }
  }
  // A live tile state makes every context switch and signal frame 8 KB larger.
  t.release();
}
