// Products and activations by format. Included inside the namespace of one ISA level.
#pragma once

// Quantized weights times activations that are not rounded: the panels become f32 in this thread's scratch.
static void gemm_dequantized(const GemmJob& job, int64_t first, int64_t last, char* scratch) {
  for (int64_t p = first; p < last; p++) {
    dequantize(job.format, job.w + p * job.panel_bytes, job.chunks, reinterpret_cast<float*>(scratch));
    GemmJob one = job;
    one.w = scratch;
    one.panel_bytes = job.chunks * 32 * 64;
    one.y = job.y + p * 16;
    one.n = job.n - p * 16;
    one.bias = job.bias == nullptr ? nullptr : job.bias + p * 16;
    gemm_panels<OpF32<float>>(one, 0, 1, nullptr, 0);
  }
}

static void gemm(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes, char* scratch) {
  if (job.format >= EK_FORMAT_Q8 && job.activation == EK_ACTIVATION_FLOAT) {
    return gemm_dequantized(job, first, last, scratch);
  }
  switch (job.format) {
    case EK_FORMAT_F32: return gemm_panels<OpF32<float>>(job, first, last, next, next_bytes);
    case EK_FORMAT_F16: return gemm_panels<OpF32<f16_t>>(job, first, last, next, next_bytes);
    case EK_FORMAT_BF16: return gemm_panels<OpF32<bf16_t>>(job, first, last, next, next_bytes);
#ifdef __AVX512BF16__
    case EK_FORMAT_BF16_DP: return gemm_panels<OpBf16>(job, first, last, next, next_bytes);
#endif
    default: return gemm_quantized(job, first, last, next, next_bytes);
  }
}

static int64_t pack_activations(const PackActivationsJob& job, int64_t tile) {
  const bool rounded = job.format >= EK_FORMAT_Q8 && job.activation != EK_ACTIVATION_FLOAT;
  const RowTiles tiles = rounded ? quantized_tiles(job.rows, job.activation == EK_ACTIVATION_15) : RowTiles(job.rows);
  if (job.x == nullptr) return tiles.count;
  const int64_t row = tiles.start(tile);
  const int rows = tiles.rows(tile);
  const float* x = job.x + row * job.x_stride;
  const PackedTile out(job, row, rows);
  char* a = out.at();
  if (rounded && job.activation == EK_ACTIVATION_15) {
    quantize_tile<true>(x, job.x_stride, job.k, job.chunks, rows, reinterpret_cast<int8_t*>(a));
  } else if (rounded) {
    quantize_tile<false>(x, job.x_stride, job.k, job.chunks, rows, reinterpret_cast<int8_t*>(a));
  } else if (job.format == EK_FORMAT_BF16_DP) {
    pack_tile(x, job.x_stride, job.k, job.chunks, rows, reinterpret_cast<bf16_t*>(a));
  } else {
    pack_tile(x, job.x_stride, job.k, job.chunks, rows, reinterpret_cast<float*>(a));
  }
  out.publish();
  return tiles.count;
}
