// Which weights and numbers of rows are multiplied by integer tiles. Included inside the same namespace.
#pragma once

struct TileKernel {
  void (*multiply)(
      const GemmJob&, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch,
      void (*spread)(const GemmJob&, int64_t panel, char* to));
  void (*spread)(const GemmJob&, int64_t panel, char* to);
  void (*round)(const PackActivationsJob&, int64_t row, int rows, const CodedShape&, int8_t* out);
  CodedShape shape;
  int64_t tile_bytes;  // of 16 rows of activations, per 64 k
};

// With more rows, panels of up to 5 and of 8 bits become bf16, which takes 16 and 64 cycles per 32 k where bytes take
// 10 and 8 (docs/cpu.md).
static constexpr int64_t kRowsOfFloats = 64, kRowsOfFloats8 = 256;

// What the shared scratch memory holds (kSharedScratch).
static constexpr int64_t kMostTileInputs = 16 << 20;

// Where there is room for them: ek_linear reckons with bytes.
template <class F>
INLINE bool takes_floats(int bits, int64_t rows, int64_t chunks) {
  const int64_t units = chunks * 32 / F::kUnitK;
  return rows > (bits == 8 ? kRowsOfFloats8 : kRowsOfFloats) && 2 * units * F::kWeightBytes <= kThreadScratch &&
         num_tiles(rows) * units * F::kInputBytes <= kMostTileInputs;
}

template <class C, class F>
INLINE TileKernel tiles_of_form() {
  constexpr int kUnits = 128 / F::kUnitK;
  return {tile_panels<F>, spread_codes<C, F>, round_tile_rows<F>,
          {kTileRowsInt, F::kScales * kUnits, F::kSums * kUnits, false, F::kMin, false, C::kOffset},
          F::kInputBytes * 64 / F::kUnitK};
}

template <class C, int SCALES, bool MIN>
INLINE TileKernel tiles_of(int bits, int64_t rows, int64_t chunks) {
  typedef TileForm<SCALES, MIN, true> Floats;
  return takes_floats<Floats>(bits, rows, chunks) ? tiles_of_form<C, Floats>()
                                                  : tiles_of_form<C, TileForm<SCALES, MIN>>();
}

template <class C, bool MIN>
INLINE TileKernel tiles_by_scales(const CodesFormat& f, int64_t rows, int64_t chunks) {
  if (f.group == 128) return tiles_of_form<C, TileForm<kScalesWhole, MIN>>();
  return f.scale >= EK_CODES_SCALE_SUPER ? tiles_of<C, kScalesWide, MIN>(f.bits, rows, chunks)
                                         : tiles_of<C, kScalesEach, MIN>(f.bits, rows, chunks);
}

template <class C>
INLINE TileKernel tiles_by_min(const CodesFormat& f, int64_t rows, int64_t chunks) {
  if (f.min != EK_CODES_NO_MIN) return tiles_by_scales<C, true>(f, rows, chunks);
  return tiles_by_scales<C, false>(f, rows, chunks);
}

// Groups of 32 and more, where VNNI has a kernel for fewer rows: one that rounds activations.
static TileKernel tile_kernel(const CodesFormat& f, int32_t activation, int64_t rows, int64_t chunks) {
  if (activation != EK_ACTIVATION_8 || rows <= kRowsWithoutTiles || f.group < 32) return {};
  // Minima of two levels: those that VNNI sums as whole numbers.
  if (f.scale >= EK_CODES_SCALE_SUPER && f.min != EK_CODES_NO_MIN && !has_min_bytes(f)) return {};
  if (kAvx512VnniCodes.row_bytes(f, activation, 4) == 4 * 32 * sizeof(float)) return {};
  if (f.group == 128 && f.scale >= EK_CODES_SCALE_SUPER) return {}; // whole groups have plain scales
  switch (f.codes) {
    case EK_CODES_4: return tiles_by_min<Code4>(f, rows, chunks);
    case EK_CODES_5: return tiles_by_min<Code5>(f, rows, chunks);
    case EK_CODES_8: return tiles_by_min<Code8>(f, rows, chunks);
    case EK_CODES_IQ4: return tiles_by_scales<CodeTable<true>, false>(f, rows, chunks);
    case EK_CODES_E2M1: return tiles_by_scales<CodeTable<false>, false>(f, rows, chunks);
    default: return {};
  }
}

static void tile_codes_gemm(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
  const TileKernel kernel = tile_kernel(*job.codes, job.activation, job.rows, job.chunks);
  if (kernel.multiply == nullptr) return kAvx512VnniCodes.gemm(job, first, last, next, next_bytes, scratch);
  kernel.multiply(job, first, last, next, next_bytes, scratch, kernel.spread);
}

static int64_t tile_codes_row_bytes(const CodesFormat& f, int32_t activation, int64_t chunks) {
  return kAvx512VnniCodes.row_bytes(f, activation, chunks);
}

// A tile always has 16 rows; the scratch memory of activations has the room.
static int64_t pack_tile_codes(const PackActivationsJob& job, int64_t tile) {
  const TileKernel kernel = tile_kernel(*job.codes, job.activation, job.rows, job.chunks);
  if (kernel.multiply == nullptr) return kAvx512VnniCodes.pack_activations(job, tile);
  const int64_t count = num_tiles(job.rows);
  if (job.x == nullptr) return count;
  const int64_t row = tile * kTileRowsInt, rows = job.rows - row;
  auto a = static_cast<int8_t*>(job.a) + tile * (job.chunks / 2 * kernel.tile_bytes);
  kernel.round(job, row, static_cast<int>(rows < kTileRowsInt ? rows : kTileRowsInt), kernel.shape, a);
  return count;
}

static bool takes_quantized(int32_t format, int32_t activation, int64_t rows) {
  return (format == EK_FORMAT_Q8 || format == EK_FORMAT_Q4) && activation == EK_ACTIVATION_8 &&
         rows > kRowsWithoutTiles;
}

typedef TileForm<kScalesEach, false, true> QuantizedFloats;

template <class F>
static void tile_quantized_panels(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
  tile_panels<F>(
      job, first, last, next, next_bytes, scratch,
      job.format == EK_FORMAT_Q8 ? spread_quantized<Code8, F> : spread_quantized<Code4, F>);
}

static void tile_quantized_gemm(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
  if (!takes_quantized(job.format, job.activation, job.rows)) {
    return kAvx512VnniTable.gemm(job, first, last, next, next_bytes, scratch);
  }
  if (takes_floats<QuantizedFloats>(job.format == EK_FORMAT_Q8 ? 8 : 4, job.rows, job.chunks)) {
    return tile_quantized_panels<QuantizedFloats>(job, first, last, next, next_bytes, scratch);
  }
  tile_quantized_panels<TileForm<kScalesEach, false>>(job, first, last, next, next_bytes, scratch);
}

template <class F>
static void pack_quantized_tile(const PackActivationsJob& job, int64_t tile) {
  const int64_t row = tile * kTileRowsInt, rows = job.rows - row;
  auto a = static_cast<int8_t*>(job.a) + tile * (job.chunks * 32 / F::kUnitK * F::kInputBytes);
  quantize_tile_rows<F>(job, row, static_cast<int>(rows < kTileRowsInt ? rows : kTileRowsInt), a);
}

static int64_t pack_tile_quantized(const PackActivationsJob& job, int64_t tile) {
  if (!takes_quantized(job.format, job.activation, job.rows)) return kAvx512VnniTable.pack_activations(job, tile);
  if (job.x == nullptr) return num_tiles(job.rows);
  if (takes_floats<QuantizedFloats>(job.format == EK_FORMAT_Q8 ? 8 : 4, job.rows, job.chunks)) {
    pack_quantized_tile<QuantizedFloats>(job, tile);
  } else {
    pack_quantized_tile<TileForm<kScalesEach, false>>(job, tile);
  }
  return num_tiles(job.rows);
}
