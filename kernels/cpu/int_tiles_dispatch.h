// Which weights and numbers of rows are multiplied by integer tiles. Included inside the same namespace.
#pragma once

struct TileKernel {
  void (*multiply)(
      const GemmJob&, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch,
      void (*spread)(const GemmJob&, int64_t panel, char* to));
  void (*spread)(const GemmJob&, int64_t panel, char* to);
  void (*round)(const PackActivationsJob&, int64_t row, int rows, const CodedShape&, int8_t* out);
  CodedShape shape;
};

template <class C, int SCALES, bool MIN>
INLINE TileKernel tiles_of() {
  typedef TileForm<SCALES, MIN> F;
  constexpr int kUnits = 128 / F::kUnitK;
  return {tile_panels<F>, spread_codes<C, F>, round_tile_rows<F>,
          {kTileRowsInt, F::kScales * kUnits, F::kSums * kUnits, false, MIN, C::kOffset}};
}

template <class C, bool MIN>
INLINE TileKernel tiles_by_scales(const CodesFormat& f) {
  if (f.group == 128) return tiles_of<C, kScalesWhole, MIN>();
  return f.scale >= EK_CODES_SCALE_SUPER ? tiles_of<C, kScalesWide, MIN>() : tiles_of<C, kScalesEach, MIN>();
}

template <class C>
INLINE TileKernel tiles_by_min(const CodesFormat& f) {
  return f.min == EK_CODES_NO_MIN ? tiles_by_scales<C, false>(f) : tiles_by_scales<C, true>(f);
}

// Groups of 32 and more, where VNNI has a kernel for fewer rows: one that rounds activations.
static TileKernel tile_kernel(const CodesFormat& f, int32_t activation, int64_t rows) {
  if (activation != EK_ACTIVATION_8 || rows <= kRowsWithoutTiles || f.group < 32) return {};
  if (kAvx512VnniCodes.row_bytes(f, activation, 4) == 4 * 32 * sizeof(float)) return {};
  switch (f.codes) {
    case EK_CODES_4: return tiles_by_min<Code4>(f);
    case EK_CODES_5: return tiles_by_min<Code5>(f);
    case EK_CODES_8: return tiles_by_min<Code8>(f);
    case EK_CODES_IQ4: return tiles_by_scales<CodeTable<true>, false>(f);
    case EK_CODES_E2M1: return tiles_by_scales<CodeTable<false>, false>(f);
    default: return {};
  }
}

static void tile_codes_gemm(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
  const TileKernel kernel = tile_kernel(*job.codes, job.activation, job.rows);
  if (kernel.multiply == nullptr) return kAvx512VnniCodes.gemm(job, first, last, next, next_bytes, scratch);
  kernel.multiply(job, first, last, next, next_bytes, scratch, kernel.spread);
}

static int64_t tile_codes_row_bytes(const CodesFormat& f, int32_t activation, int64_t chunks) {
  return kAvx512VnniCodes.row_bytes(f, activation, chunks);
}

// A tile always has 16 rows; the scratch memory of activations has the room.
static int64_t pack_tile_codes(const PackActivationsJob& job, int64_t tile) {
  const TileKernel kernel = tile_kernel(*job.codes, job.activation, job.rows);
  if (kernel.multiply == nullptr) return kAvx512VnniCodes.pack_activations(job, tile);
  const int64_t count = num_tiles(job.rows);
  if (job.x == nullptr) return count;
  const int64_t row = tile * kTileRowsInt, rows = job.rows - row;
  auto a = reinterpret_cast<int8_t*>(static_cast<char*>(job.a) + row * job.row_bytes);
  kernel.round(job, row, static_cast<int>(rows < kTileRowsInt ? rows : kTileRowsInt), kernel.shape, a);
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
  tile_panels<TileForm<kScalesEach, false>>(
      job, first, last, next, next_bytes, scratch,
      job.format == EK_FORMAT_Q8 ? spread_quantized<Code8> : spread_quantized<Code4>);
}

static int64_t pack_tile_quantized(const PackActivationsJob& job, int64_t tile) {
  if (!takes_quantized(job.format, job.activation, job.rows)) return kAvx512VnniTable.pack_activations(job, tile);
  const int64_t count = num_tiles(job.rows);
  if (job.x == nullptr) return count;
  const int64_t row = tile * kTileRowsInt, rows = job.rows - row;
  auto a = reinterpret_cast<int8_t*>(static_cast<char*>(job.a) + row * job.row_bytes);
  quantize_tile_rows(job, row, static_cast<int>(rows < kTileRowsInt ? rows : kTileRowsInt), a);
  return count;
}
