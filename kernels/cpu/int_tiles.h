// Integer products by tiles of 16 x 16 (AMX) in place of the dot products of ints_avx512.h: the same whole numbers, so
// that everything around them, and every bit of a result, is that of the VNNI kernels. `Tiles` hides the instructions.
// Included inside an unnamed namespace, at the level of AVX-512 VNNI.
#pragma once

static constexpr int kTileRowsInt = 16;

// Up to this many rows VNNI is used: it reads the weights as quickly, and tiles would be mostly empty.
static constexpr int64_t kRowsWithoutTiles = 8;

// c += 32 products of each of 16 columns: eight lines of 16 columns x 4 k, unsigned by signed.
template <int MR>
INLINE void dot_tile(vi (&c)[MR][1], const char* lines, const int8_t* a) {
  static_assert(MR == kTileRowsInt, "tiles have 16 rows");
  alignas(64) int32_t sums[kTileRowsInt][16];
  Tiles::multiply(&sums[0][0], a, lines);
#pragma GCC unroll 16
  for (int m = 0; m < MR; m++) c[m][0] = vi_add(c[m][0], _mm512_load_si512(sums[m]));
}

// The codes of 32 k as eight lines of bytes.
template <class C>
INLINE const char* whole_lines(const char* w, char (&lines)[512]) {
  if (C::kLines == 8) return w;
#pragma GCC unroll 8
  for (int s = 0; s < 8; s++) {
    const vb line = C::step(w, s);
    __builtin_memcpy(lines + s * 64, &line, 64);
  }
  return lines;
}

template <class C, int FIRST, int LAST, int MR, int NV>
INLINE void dot_codes(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
  static_assert(FIRST == 0 && LAST == 8, "a tile takes 32 k");
  alignas(64) char lines[512];
  dot_tile<MR>(c, whole_lines<C>(w[0], lines), a);
}

// For Q8 and Q4.
template <class C>
struct TileLines {
  static constexpr int kOffset = C::kOffset;
  static constexpr int64_t kGroupBytes = C::kLines * 64;
  template <int MR, int NV>
  static MEMBER void dot(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
    dot_codes<C, 0, 8, MR, NV>(c, w, a);
  }
};

// Rows of tile t of so many.
INLINE int tile_rows(int64_t rows, int64_t t) {
  const int64_t left = rows - t * kTileRowsInt;
  return static_cast<int>(left < kTileRowsInt ? left : kTileRowsInt);
}

// All row tiles over panels [first, last). Rows that are not there are computed in memory of their own.
template <class F>
INLINE void each_tile(const GemmJob& job, int64_t first, int64_t last, F tile) {
  Tiles::configure();
  for (int64_t t = 0; t * kTileRowsInt < job.rows; t++) {
    const int rows = tile_rows(job.rows, t);
    const int64_t row = t * kTileRowsInt;
    if (rows == kTileRowsInt) {
      for (int64_t p = first; p < last; p++) tile(job, row, p);
      continue;
    }
    for (int64_t p = first; p < last; p++) {
      alignas(64) float y[kTileRowsInt * 16] = {};
      const int64_t n = job.n - p * 16 < 16 ? job.n - p * 16 : 16;
      float* to = job.y + row * job.y_stride + p * 16;
      for (int m = 0; m < rows; m++) __builtin_memcpy(y + m * 16, to + m * job.y_stride, n * 4);
      GemmJob part = job;
      part.y = y - row * 16 - p * 16;
      part.y_stride = 16;
      tile(part, row, p);
      for (int m = 0; m < rows; m++) __builtin_memcpy(to + m * job.y_stride, y + m * 16, n * 4);
    }
  }
  Tiles::release();
}

template <class C>
static void quantized_tiles(const GemmJob& job, int64_t first, int64_t last) {
  each_tile(job, first, last, [](const GemmJob& part, int64_t row, int64_t panel) INLINE_LAMBDA {
    quantized_tile<TileLines<C>, false, kTileRowsInt, 1>(part, row, panel, nullptr, 0);
  });
}

template <class K>
static void coded_tiles(const GemmJob& job, int64_t first, int64_t last) {
  each_tile(job, first, last, [](const GemmJob& part, int64_t row, int64_t panel) INLINE_LAMBDA {
    coded_tile<K, kTileRowsInt, 1>(part, row, panel, nullptr, 0);
  });
}

struct TileKernel {
  void (*gemm)(const GemmJob&, int64_t first, int64_t last);
  CodedShape shape;
};

template <class C, int GROUP, int SCALE>
INLINE TileKernel tiles_of(const CodesFormat& f) {
  typedef Coded<C, GROUP, SCALE, kAnyMin, false> K;
  return {coded_tiles<K>, K::shape(f)};
}

// Groups of 32 and 128 of 4 and 8 bits. The scales of activations are those of the kernels for VNNI.
static TileKernel tile_kernel(const CodesFormat& f, int32_t activation, int64_t rows) {
  const bool super = f.scale >= EK_CODES_SCALE_SUPER;
  if (activation != EK_ACTIVATION_8 || rows <= kRowsWithoutTiles || f.group < 32) return {};
  if (f.codes == EK_CODES_4) {
    if (f.group == 128) return tiles_of<Code4, 128, kAnyScale>(f);
    return super ? tiles_of<Code4, 32, kAnyScale>(f) : tiles_of<Code4, 32, kPlainScale>(f);
  }
  if (f.codes != EK_CODES_8 || super) return {};
  return f.group == 128 ? tiles_of<Code8, 128, kAnyScale>(f) : tiles_of<Code8, 32, kPlainScale>(f);
}

static void tile_codes_gemm(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
  const TileKernel kernel = tile_kernel(*job.codes, job.activation, job.rows);
  if (kernel.gemm == nullptr) return kAvx512VnniCodes.gemm(job, first, last, next, next_bytes, scratch);
  kernel.gemm(job, first, last);
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
  const int64_t count = (job.rows + kTileRowsInt - 1) / kTileRowsInt;
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
  if (job.format == EK_FORMAT_Q8) return quantized_tiles<Code8>(job, first, last);
  quantized_tiles<Code4>(job, first, last);
}

static int64_t pack_tile_quantized(const PackActivationsJob& job, int64_t tile) {
  if (!takes_quantized(job.format, job.activation, job.rows)) return kAvx512VnniTable.pack_activations(job, tile);
  const int64_t count = (job.rows + kTileRowsInt - 1) / kTileRowsInt;
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
