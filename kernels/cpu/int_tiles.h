// Integer products by tiles of 16 x 16 (AMX) in place of the dot products of ints_avx512.h: the same whole numbers, so
// that everything around them, and every bit of a result, is that of the VNNI kernels. `Tiles` hides the instructions.
// Included inside an unnamed namespace, at the level of AVX-512 VNNI.
#pragma once

static constexpr int kTileRowsInt = 16;

// Up to this many rows VNNI is used: it reads the weights as quickly, and tiles would be mostly empty.
static constexpr int64_t kRowsWithoutTiles = 8;

// c += products of each of 16 columns, lines of 16 columns x 4 k, unsigned by signed: 32 k, or a block of 128, which
// stay in the tile until all are there.
template <int PARTS>
INLINE void dot_tile(vi (&c)[kTileRowsInt][1], const char* lines, const int8_t* a) {
  alignas(64) int32_t sums[kTileRowsInt][16];
  Tiles::multiply<PARTS>(&sums[0][0], a, lines);
#pragma GCC unroll 16
  for (int m = 0; m < kTileRowsInt; m++) c[m][0] = vi_add(c[m][0], _mm512_load_si512(sums[m]));
}

// Codes come here as bytes: what has fewer bits was spread.
template <class C, int FIRST, int LAST, int MR, int NV>
INLINE void dot_codes(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
  static_assert(FIRST == 0 && LAST == 8 && C::kLines == 8, "a tile takes 32 k of bytes");
  dot_tile<1>(c, w[0], a);
}

template <class C>
struct BlockDot<C, kTileRowsInt, 1> {
  static MEMBER void add(vi (&c)[kTileRowsInt][1], const char* const (&w)[1], const int8_t* a) {
    dot_tile<4>(c, w[0], a);
  }
};

// Rows of tile t of so many.
INLINE int tile_rows(int64_t rows, int64_t t) {
  const int64_t left = rows - t * kTileRowsInt;
  return static_cast<int>(left < kTileRowsInt ? left : kTileRowsInt);
}

// Tile t of rows times a panel. Rows that are not there are computed in memory of their own.
template <class F>
INLINE void one_tile(const GemmJob& job, int64_t t, int64_t panel, F tile) {
  const int rows = tile_rows(job.rows, t);
  const int64_t row = t * kTileRowsInt;
  if (rows == kTileRowsInt) return tile(job, row, panel);
  alignas(64) float y[kTileRowsInt * 16] = {};
  const int64_t n = job.n - panel * 16 < 16 ? job.n - panel * 16 : 16;
  float* to = job.y + row * job.y_stride + panel * 16;
  for (int m = 0; m < rows; m++) __builtin_memcpy(y + m * 16, to + m * job.y_stride, n * 4);
  GemmJob part = job;
  part.y = y - row * 16 - panel * 16;
  part.y_stride = 16;
  tile(part, row, panel);
  for (int m = 0; m < rows; m++) __builtin_memcpy(to + m * job.y_stride, y + m * 16, n * 4);
}

INLINE int64_t num_tiles(int64_t rows) { return (rows + kTileRowsInt - 1) / kTileRowsInt; }

// All row tiles over panels [first, last): `spread` brings a panel into the form that `tile` multiplies, once for all
// tiles of rows.
template <class S, class F>
INLINE void each_panel(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, S spread, F tile) {
  const int64_t tiles = num_tiles(job.rows);
  Ahead ahead(next, next_bytes, tiles * (last - first), job.chunks);
  Tiles::configure();
  for (int64_t p = first; p < last; p++) {
    spread(p);
    for (int64_t t = 0; t < tiles; t++, ahead.at += ahead.step) {
      one_tile(job, t, p, [&](const GemmJob& part, int64_t row, int64_t panel) INLINE_LAMBDA {
        tile(part, row, panel, ahead.at, ahead.share());
      });
    }
  }
  Tiles::release();
}

// A panel of Q8 or Q4, per 64 k: [2][16] f32 scales, twice eight lines of signed bytes, whose sums need no correction.
// A thread's scratch has room for it, as ek_linear takes no longer panels than fit there in f32.
static constexpr int64_t kSpreadBytes = 128 + 1024;

template <class C>
static void spread_panel(const GemmJob& job, int64_t panel, char* to) {
  const char* w = job.w + panel * job.panel_bytes;
  for (int64_t chunk = 0; chunk < job.chunks; chunk += 2) {
    for (int g = 0; g < 2; g++) {
      const char* codes = w + 64 + g * C::kLines * 64;
      vstore(reinterpret_cast<float*>(to) + g * 16, vload(reinterpret_cast<const f16_t*>(w) + g * 16));
#pragma GCC unroll 8
      for (int s = 0; s < 8; s++) {
        // Less the offset: no byte carries into the next.
        const vb line = (C::step(codes, s) + bmask(128 - C::kOffset)) ^ bmask(128);
        __builtin_memcpy(to + 128 + g * 512 + s * 64, &line, 64);
      }
    }
    w += 64 + 2 * C::kLines * 64;
    to += kSpreadBytes;
  }
}

// 16 rows times a panel that was spread. Two products are under way at a time: storing a tile and reading it again
// takes longer than the arithmetic of the other.
INLINE void spread_tile(
    const GemmJob& job, int64_t row, int64_t panel, const char* w, const char* ahead, int64_t lines) {
  alignas(64) int32_t sums[2][kTileRowsInt * 16];
  vf f[kTileRowsInt];
#pragma GCC unroll 16
  for (int m = 0; m < kTileRowsInt; m++) f[m] = vzero();
  auto a = static_cast<const int8_t*>(job.a) + row * quantized_row_bytes<false>(job.chunks);
  constexpr int64_t group = kTileRowsInt * 40;
  for (int64_t chunk = 0; chunk < job.chunks; chunk += 2, w += kSpreadBytes, a += 2 * group) {
    for (int64_t i = 0; i < 2 * lines; i++, ahead += 64) __builtin_prefetch(ahead, 0, 2);
    Tiles::multiply_signed<0>(sums[0], a, w + 128);
    Tiles::multiply_signed<1>(sums[1], a + group, w + 128 + 512);
#pragma GCC unroll 2
    for (int g = 0; g < 2; g++) {
      const vf sw = vload(reinterpret_cast<const float*>(w) + g * 16);
      auto scale = reinterpret_cast<const float*>(a + g * group + kTileRowsInt * 32);
#pragma GCC unroll 16
      for (int m = 0; m < kTileRowsInt; m++) {
        const vi c = _mm512_load_si512(sums[g] + m * 16);
        f[m] = vfma(vi_float(c), vmul(sw, vset(scale[m])), f[m]);
      }
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < kTileRowsInt; m++) finish(job, f[m], row + m, panel * 16);
}

template <class C>
static void quantized_tiles(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
  each_panel(
      job, first, last, next, next_bytes, [&](int64_t p) INLINE_LAMBDA { spread_panel<C>(job, p, scratch); },
      [&](const GemmJob& part, int64_t row, int64_t p, const char* ahead, int64_t lines) INLINE_LAMBDA {
        spread_tile(part, row, p, scratch, ahead, lines);
      });
}

// A panel of codes with its headers as it is and every code a byte. f is the format of that.
template <class C>
static void spread_codes(const GemmJob& job, const CodesFormat& f, int64_t panel, char* to) {
  const char* w = job.w + panel * job.panel_bytes;
  for (int64_t chunk = 0; chunk < job.chunks; chunk += f.super / 32, w += job.codes->super_bytes, to += f.super_bytes) {
    __builtin_memcpy(to, w, f.header);
    for (int64_t g = 0; g < f.super / 32; g++) {
#pragma GCC unroll 8
      for (int s = 0; s < 8; s++) {
        const vb line = C::step(w + f.header + g * C::kLines * 64, s);
        __builtin_memcpy(to + f.header + g * 512 + s * 64, &line, 64);
      }
    }
  }
}

INLINE CodesFormat spread_format(CodesFormat f) {
  f.group_lines = 8;
  f.super_bytes = f.header + f.super / 32 * 512;
  return f;
}

// C: how codes are stored. K: the kernel of the same codes as bytes.
template <class C, class K>
static void coded_tiles(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
  const CodesFormat format = spread_format(*job.codes);
  GemmJob bytes = job;
  bytes.codes = &format;
  bytes.panel_bytes = job.chunks * 32 / format.super * format.super_bytes;
  const auto multiply = [](const GemmJob& part, int64_t row, int64_t p, const char* ahead, int64_t lines)
                            INLINE_LAMBDA { coded_tile<K, kTileRowsInt, 1>(part, row, p, ahead, lines); };
  const auto spread = [&](int64_t p) INLINE_LAMBDA {
    if (C::kLines == 8) return;
    spread_codes<C>(job, format, p, scratch);
    bytes.w = scratch - p * bytes.panel_bytes;
  };
  each_panel(bytes, first, last, next, next_bytes, spread, multiply);
}

struct TileKernel {
  decltype(CodesTable::gemm) gemm;
  CodedShape shape;
};

template <class C, int GROUP, int SCALE>
INLINE TileKernel tiles_of(const CodesFormat& f) {
  return {coded_tiles<C, Coded<Code8, GROUP, SCALE, kAnyMin, false>>,
          Coded<C, GROUP, SCALE, kAnyMin, false>::shape(f)};
}

template <class C>
INLINE TileKernel tiles_of_codes(const CodesFormat& f) {
  if (f.group == 128) return tiles_of<C, 128, kAnyScale>(f);
  return f.scale >= EK_CODES_SCALE_SUPER ? tiles_of<C, 32, kAnyScale>(f) : tiles_of<C, 32, kPlainScale>(f);
}

// Groups of 32 and more. The scales of activations are those of the kernels for VNNI.
static TileKernel tile_kernel(const CodesFormat& f, int32_t activation, int64_t rows) {
  if (activation != EK_ACTIVATION_8 || rows <= kRowsWithoutTiles || f.group < 32) return {};
  switch (f.codes) {
    case EK_CODES_4: return tiles_of_codes<Code4>(f);
    case EK_CODES_5: return tiles_of_codes<Code5>(f);
    case EK_CODES_8: return tiles_of_codes<Code8>(f);
    case EK_CODES_IQ4: return tiles_of_codes<CodeTable<true>>(f);
    case EK_CODES_E2M1: return tiles_of_codes<CodeTable<false>>(f);
    default: return {};
  }
}

static void tile_codes_gemm(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
  const TileKernel kernel = tile_kernel(*job.codes, job.activation, job.rows);
  if (kernel.gemm == nullptr) return kAvx512VnniCodes.gemm(job, first, last, next, next_bytes, scratch);
  kernel.gemm(job, first, last, next, next_bytes, scratch);
}

static int64_t tile_codes_row_bytes(const CodesFormat& f, int32_t activation, int64_t chunks) {
  return kAvx512VnniCodes.row_bytes(f, activation, chunks);
}

// Rows that are not there are zeros.
static void round_tile_rows(
    const PackActivationsJob& job, int64_t row, int rows, const CodedShape& shape, int8_t* out) {
  const bool given = job.inputs.kind != EK_INPUTS_OWN;
  RowRounding how[kTileRowsInt];
  for (int m = 0; m < rows; m++) how[m] = row_rounding(job, row + m);
  for (int64_t k = 0; k < job.chunks * 32; k += 128, out += shape.row_bytes() * kTileRowsInt) {
    auto words = reinterpret_cast<int32_t*>(out + kTileRowsInt * 128);
    for (int m = 0; m < kTileRowsInt; m++, words += shape.scales + shape.parts) {
      float x[128] = {}, scale = 0;
      if (m < rows) gather_block(job, row + m, k, x);
      if (m < rows && given) scale = round_inputs(job.inputs, how[m], x);
      int8_t* bytes = out + m * 32;
      round_block<false>(x, shape, given ? &scale : nullptr, bytes, bytes, kTileRowsInt * 32, words);
    }
  }
}

// A tile always has 16 rows; the scratch memory of activations has the room.
static int64_t pack_tile_codes(const PackActivationsJob& job, int64_t tile) {
  const TileKernel kernel = tile_kernel(*job.codes, job.activation, job.rows);
  if (kernel.gemm == nullptr) return kAvx512VnniCodes.pack_activations(job, tile);
  const int64_t count = num_tiles(job.rows);
  if (job.x == nullptr) return count;
  const int64_t row = tile * kTileRowsInt;
  auto a = reinterpret_cast<int8_t*>(static_cast<char*>(job.a) + row * job.row_bytes);
  round_tile_rows(job, row, tile_rows(job.rows, tile), kernel.shape, a);
  return count;
}

static bool takes_quantized(int32_t format, int32_t activation, int64_t rows) {
  return (format == EK_FORMAT_Q8 || format == EK_FORMAT_Q4) && activation == EK_ACTIVATION_8 &&
         rows > kRowsWithoutTiles;
}

static void tile_quantized_gemm(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
  if (!takes_quantized(job.format, job.activation, job.rows)) {
    return kAvx512VnniTable.gemm(job, first, last, next, next_bytes, scratch);
  }
  if (job.format == EK_FORMAT_Q8) return quantized_tiles<Code8>(job, first, last, next, next_bytes, scratch);
  quantized_tiles<Code4>(job, first, last, next, next_bytes, scratch);
}

static int64_t pack_tile_quantized(const PackActivationsJob& job, int64_t tile) {
  if (!takes_quantized(job.format, job.activation, job.rows)) return kAvx512VnniTable.pack_activations(job, tile);
  const int64_t count = num_tiles(job.rows);
  if (job.x == nullptr) return count;
  const int64_t row = tile * kTileRowsInt;
  auto a = reinterpret_cast<int8_t*>(static_cast<char*>(job.a) + row * job.row_bytes);
  const int rows = tile_rows(job.rows, tile);
  for (int64_t g = 0; g < job.chunks; g++) {
    auto scale = reinterpret_cast<float*>(a + kTileRowsInt * 32);
    auto sums = reinterpret_cast<int32_t*>(scale + kTileRowsInt);
    for (int m = 0; m < kTileRowsInt; m++) {
      const float* x = job.x + (row + m) * job.x_stride + g * 32;
      const int64_t left = m < rows ? job.k - g * 32 : 0;
      scale[m] = quantize_group<false>(m < rows ? x : job.x, left, a + m * 32, nullptr, sums[m]);
    }
    a += kTileRowsInt * 40;
  }
  return count;
}
