// Products and activations of coded weights by format. Included inside the namespace of one ISA level.
#pragma once

// The kernel that a format takes. Those without one are widened to floats.
struct CodedKernel {
  void (*gemm)(const GemmJob&, int64_t first, int64_t last, const char* next, int64_t next_bytes);
  CodedShape shape;
};

#if defined(__AVX2__)
template <class C, int GROUP, int SCALE, int MIN, bool FINE = false>
INLINE CodedKernel coded(const CodesFormat& f) {
  typedef Coded<C, GROUP, SCALE, MIN, FINE> K;
  return {coded_panels<K>, K::shape(f)};
}

// Kernels of their own have the types of GGUF that most models come in.
template <class C>
INLINE CodedKernel coded_32(const CodesFormat& f) {
  if (f.scale < EK_CODES_SCALE_SUPER) return coded<C, 32, kPlainScale, kAnyMin>(f);
  if (has_min_bytes(f)) {
    return coded<C, 32, EK_CODES_SCALE_SUPER, EK_CODES_SUPER_MIN>(f);
  }
  return coded<C, 32, kAnyScale, kAnyMin>(f);
}
#endif

// 15 bits have kernels where most weights are.
static CodedKernel coded_kernel(const CodesFormat& f, int32_t activation) {
#if !defined(__AVX2__)
  // Plain loops over integers are no quicker than those over floats, and take minutes to compile.
  (void)f;
  (void)activation;
  return {};
#elif defined(EK_GRID_CODES)
  // Codebooks have a translation unit of their own.
  if (activation != EK_ACTIVATION_8 || f.scale < EK_CODES_SCALE_SUPER) return {};
  switch (f.codes) {
    case EK_CODES_GRID2:
      return f.group == 16 ? coded<GridTable<0>, 16, kAnyScale, kAnyMin>(f)
                           : coded<GridTable<0>, 32, kAnyScale, kAnyMin>(f);
    case EK_CODES_GRID3: return f.group == 32 ? coded<GridTable<1>, 32, kAnyScale, kAnyMin>(f) : CodedKernel{};
    default: return f.group == 32 ? coded<GridTable<2>, 32, kAnyScale, kAnyMin>(f) : CodedKernel{};
  }
#else
  const bool super = f.scale >= EK_CODES_SCALE_SUPER, fine = activation == EK_ACTIVATION_15;
  if (activation == EK_ACTIVATION_FLOAT) return {};
  if (fine) {
    if (f.group < 32) {
      return f.codes == EK_CODES_6 ? coded<Code6, 16, kAnyScale, kAnyMin, true>(f) : CodedKernel{};
    }
    if (f.codes == EK_CODES_4) return coded<Code4, 32, kAnyScale, kAnyMin, true>(f);
    return f.codes == EK_CODES_8 ? coded<Code8, 32, kAnyScale, kAnyMin, true>(f) : CodedKernel{};
  }
  switch (f.codes) {
    case EK_CODES_4:
      if (f.group == 16) return coded<Code4, 16, kAnyScale, kAnyMin>(f);
      if (f.group == 128) return coded<Code4, 128, kAnyScale, kAnyMin>(f);
      return coded_32<Code4>(f);
    case EK_CODES_5: return f.group == 128 || f.group == 16 ? CodedKernel{} : coded_32<Code5>(f);
    case EK_CODES_6:
      // One made for Q6_K's scales was no quicker, and streamed a fifth slower with one row.
      return f.group == 16 && f.min == EK_CODES_NO_MIN ? coded<Code6, 16, kAnyScale, EK_CODES_NO_MIN>(f)
                                                       : CodedKernel{};
    case EK_CODES_8:
      if (f.group == 128) return coded<Code8, 128, kAnyScale, kAnyMin>(f);
      return f.group == 16 || super ? CodedKernel{} : coded<Code8, 32, kPlainScale, kAnyMin>(f);
    case EK_CODES_IQ4:
      if (f.group != 32) return {};
      return super ? coded<CodeTable<true>, 32, kAnyScale, EK_CODES_NO_MIN>(f)
                   : coded<CodeTable<true>, 32, kPlainScale, EK_CODES_NO_MIN>(f);
    case EK_CODES_E2M1:
      if (f.group == 16) return coded<CodeTable<false>, 16, kAnyScale, EK_CODES_NO_MIN>(f);
      return f.group == 32 && !super ? coded<CodeTable<false>, 32, kPlainScale, EK_CODES_NO_MIN>(f) : CodedKernel{};
    default: return {};
  }
#endif
}

// The panels become f32 in this thread's scratch.
static void coded_gemm_floats(const GemmJob& job, int64_t first, int64_t last, char* scratch) {
  for (int64_t p = first; p < last; p++) {
    coded_panel_floats(*job.codes, job.w + p * job.panel_bytes, job.chunks, reinterpret_cast<float*>(scratch));
    GemmJob one = job;
    one.w = scratch;
    one.panel_bytes = job.chunks * 32 * 64;
    one.y = job.y + p * 16;
    one.n = job.n - p * 16;
    one.bias = job.bias == nullptr ? nullptr : job.bias + p * 16;
    gemm_panels<OpF32<float>>(one, 0, 1, nullptr, 0);
  }
}

static void coded_gemm(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
  const CodedKernel kernel = coded_kernel(*job.codes, job.activation);
  if (kernel.gemm == nullptr) return coded_gemm_floats(job, first, last, scratch);
  kernel.gemm(job, first, last, next, next_bytes);
}

static int64_t coded_row_bytes(const CodesFormat& f, int32_t activation, int64_t chunks) {
  const CodedKernel kernel = coded_kernel(f, activation);
  return kernel.gemm == nullptr ? chunks * 128 : chunks / 4 * kernel.shape.row_bytes();
}

static int64_t pack_coded_activations(const PackActivationsJob& job, int64_t tile) {
  const CodedKernel kernel = coded_kernel(*job.codes, job.activation);
  const RowTiles tiles = kernel.gemm == nullptr ? RowTiles(job.rows) : RowTiles(job.rows, kernel.shape.rows);
  if (job.x == nullptr) return tiles.count;
  const int64_t row = tiles.start(tile);
  const PackedTile out(job, row, tiles.rows(tile));
  char* a = out.at();
  if (kernel.gemm == nullptr) {
    order_tile(job, row, tiles.rows(tile), reinterpret_cast<float*>(a));
  } else if (kernel.shape.fine) {
    round_tile<true>(job, row, tiles.rows(tile), kernel.shape, reinterpret_cast<int8_t*>(a));
  } else {
    round_tile<false>(job, row, tiles.rows(tile), kernel.shape, reinterpret_cast<int8_t*>(a));
  }
  out.publish();
  return tiles.count;
}
