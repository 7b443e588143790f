// Products with weights of 8 or 4 bits in groups of 32, activations rounded to 8 or 15 bits per 32.
//
// A superblock is 16 columns x 64 k: a line of scales [2 groups][16 columns] f16, then per group eight lines (bytes)
// or four (nibbles) of 16 columns x 4 k. Weights are stored with an offset that makes them unsigned; sums start from
// -offset * sum(a), so the offset costs nothing. Included inside the namespace of one ISA level.
#pragma once

struct Bytes {
  static constexpr int kOffset = 128;
  static constexpr int kUnfetched = kUnfetchedRows;
  static constexpr int64_t kGroupBytes = 512;
  template <int MR, int NV>
  static MEMBER void dot(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
    dot_bytes<MR, NV>(c, w, a);
  }
};

struct Nibbles {
  static constexpr int kOffset = 8;
  static constexpr int kUnfetched = 0;
  static constexpr int64_t kGroupBytes = 256;
  template <int MR, int NV>
  static MEMBER void dot(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
    dot_nibbles<MR, NV>(c, w, a);
  }
};

// Rows of a tile: with 15 bits there are two sets of sums.
static constexpr int kFineRows = kQuantRows > 4 ? 4 : kQuantRows;

// Activations of one tile, per 32 k: [rows][32] s8 (high parts), with FINE also [rows][32] s8 (low parts), then
// [rows] f32 scale and [rows] i32 sum.
template <bool FINE>
INLINE int64_t quantized_row_bytes(int64_t groups) {
  return groups * ((FINE ? 64 : 32) + 8);
}

// One tile: FINE is 15-bit activations, a = 128 * high + low.
template <class Q, bool FINE, int MR, int NV>
static void quantized_tile(const GemmJob& job, int64_t row, int64_t panel, const char* ahead, int64_t lines) {
  vf f[MR][NV];
  const char* w[NV];
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) {
    w[v] = job.w + (panel + v) * job.panel_bytes;
#pragma GCC unroll 16
    for (int m = 0; m < MR; m++) f[m][v] = vzero();
  }
  auto a = static_cast<const int8_t*>(job.a) + row * quantized_row_bytes<FINE>(job.chunks);
  for (int64_t chunk = 0; chunk < job.chunks; chunk += 2) {
    for (int64_t i = 0; i < 2 * lines; i++, ahead += 64) __builtin_prefetch(ahead, 0, 2);
#pragma GCC unroll 2
    for (int g = 0; g < 2; g++) {
      vi c[MR][NV];
      vf sw[NV];
      const char* lines_of[NV];
      auto scale = reinterpret_cast<const float*>(a + MR * (FINE ? 64 : 32));
      auto sum = reinterpret_cast<const int32_t*>(scale + MR);
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) {
        lines_of[v] = w[v] + 64 + g * Q::kGroupBytes;
        sw[v] = vload(reinterpret_cast<const f16_t*>(w[v]) + g * 16);
#pragma GCC unroll 16
        for (int m = 0; m < MR; m++) c[m][v] = vi_set(FINE ? 0 : -Q::kOffset * sum[m]);
      }
      Q::template dot<MR, NV>(c, lines_of, a);
      if (FINE) {
        vi low[MR][NV];
#pragma GCC unroll 16
        for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
          for (int v = 0; v < NV; v++) low[m][v] = vi_set(-Q::kOffset * sum[m]);
        }
        Q::template dot<MR, NV>(low, lines_of, a + MR * 32);
#pragma GCC unroll 16
        for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
          for (int v = 0; v < NV; v++) c[m][v] = vi_add(vi_shift7(c[m][v]), low[m][v]);
        }
      }
#pragma GCC unroll 16
      for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) f[m][v] = vfma(vi_float(c[m][v]), vmul(sw[v], vset(scale[m])), f[m][v]);
      }
      a += MR * ((FINE ? 64 : 32) + 8);
    }
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) w[v] += 64 + 2 * Q::kGroupBytes;
  }
#pragma GCC unroll 16
  for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) finish(job, f[m][v], row + m, (panel + v) * 16);
  }
}

INLINE RowTiles quantized_tiles(int64_t rows, bool fine) {
  return RowTiles(rows, fine ? kFineRows : rows <= kQuantMost ? kQuantMost : kQuantRows);
}

// Panels of a tile of so many rows.
static constexpr int quantized_wide(int rows) {
  return rows > kQuantRows ? 1 : rows <= 2 ? 2 * kQuantWide : kQuantWide;
}

template <class Q, bool FINE>
static void quantized_panels(const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes) {
  const RowTiles tiles = quantized_tiles(job.rows, FINE);
  const int64_t wide = quantized_wide(tiles.rows(0)), steps = (last - first + wide - 1) / wide;
  Ahead ahead(job.rows <= Q::kUnfetched ? nullptr : next, next_bytes, tiles.count * steps, job.chunks);
  for (int64_t t = 0; t < tiles.count; t++) {
    with_rows(tiles.rows(t), [&](auto rows) INLINE_LAMBDA {
      constexpr int MR = decltype(rows)::value;
      if constexpr (MR <= (FINE ? kFineRows : kQuantMost)) {
        constexpr int NV = quantized_wide(MR);
        int64_t p = first;
        for (; p + NV <= last; p += NV, ahead.at += ahead.step) {
          quantized_tile<Q, FINE, MR, NV>(job, tiles.start(t), p, ahead.at, ahead.share());
        }
        for (; p < last; p++, ahead.at += ahead.step) {
          quantized_tile<Q, FINE, MR, 1>(job, tiles.start(t), p, ahead.at, ahead.share());
        }
      }
    });
  }
}

static void gemm_quantized(
    const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes) {
  const bool fine = job.activation == EK_ACTIVATION_15;
  if (job.format == EK_FORMAT_Q8) {
    if (fine) return quantized_panels<Bytes, true>(job, first, last, next, next_bytes);
    return quantized_panels<Bytes, false>(job, first, last, next, next_bytes);
  }
  if (fine) return quantized_panels<Nibbles, true>(job, first, last, next, next_bytes);
  return quantized_panels<Nibbles, false>(job, first, last, next, next_bytes);
}

// One group of one row: whole multiples of the returned scale, at most `most` of them.
template <bool FINE>
INLINE float quantize_group(const float* x, int64_t count, int8_t* high, int8_t* low, int32_t& sum) {
  // 127 * 128: the high part then stays in a byte.
  constexpr float kMost = FINE ? 16256.0f : 127.0f;
  const vf a = count >= 16 ? vload(x) : count > 0 ? vload_n(x, count) : vzero();
  const vf b = count >= 32 ? vload(x + 16) : count > 16 ? vload_n(x + 16, count - 16) : vzero();
  const float largest = vmaximum(vmax(vabs(a), vabs(b)));
  // Not a number if any value is infinite or not a number: that must show in the result.
  const float broken = vsum(vmul(vadd(vmul(a, vzero()), vmul(b, vzero())), vzero()));
  const bool usable = broken == 0 && largest > 1e-30f;
  const vf inverse = vset(usable ? kMost / largest : 0.0f);
  const vi p = usable ? vi_round(vmul(a, inverse)) : vi_set(0), q = usable ? vi_round(vmul(b, inverse)) : vi_set(0);
  sum = vi_sum(vi_add(p, q));
  if (FINE) {
    const vi ph = vi_high7(p), qh = vi_high7(q);
    vi_store_bytes(high, ph);
    vi_store_bytes(high + 16, qh);
    vi_store_bytes(low, vi_sub(p, vi_shift7(ph)));
    vi_store_bytes(low + 16, vi_sub(q, vi_shift7(qh)));
  } else {
    vi_store_bytes(high, p);
    vi_store_bytes(high + 16, q);
  }
  return usable ? largest / kMost : broken;
}

template <bool FINE>
static void quantize_tile(const float* x, int64_t x_stride, int64_t k, int64_t groups, int rows, int8_t* out) {
  for (int64_t g = 0; g < groups; g++) {
    auto scale = reinterpret_cast<float*>(out + rows * (FINE ? 64 : 32));
    auto sums = reinterpret_cast<int32_t*>(scale + rows);
    for (int m = 0; m < rows; m++) {
      int8_t* high = out + m * 32;
      scale[m] = quantize_group<FINE>(x + m * x_stride + g * 32, k - g * 32, high, high + rows * 32, sums[m]);
    }
    out += rows * ((FINE ? 64 : 32) + 8);
  }
}

// Weights of one panel as f32 [k][16], for activations that are not rounded.
template <class Q>
static void dequantize_panel(const char* panel, int64_t chunks, float* out) {
  for (int64_t chunk = 0; chunk < chunks; chunk++, out += 512) {
    const char* block = panel + chunk / 2 * (64 + 2 * Q::kGroupBytes);
    const vf scale = vload(reinterpret_cast<const f16_t*>(block) + chunk % 2 * 16);
    const char* lines = block + 64 + chunk % 2 * Q::kGroupBytes;
    for (int s = 0; s < 8; s++) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        // Each 32-bit lane of a line holds four k of one column.
        const vi stored = Q::kOffset == 128 ? vi_extract(lines + s * 64, 8 * i, 255)
                                            : vi_extract(lines + s % 4 * 64, 8 * i + s / 4 * 4, 15);
        vstore(out + (s * 4 + i) * 16, vmul(vi_float(vi_sub(stored, vi_set(Q::kOffset))), scale));
      }
    }
  }
}

static void dequantize(int32_t format, const char* panel, int64_t chunks, float* out) {
  if (format == EK_FORMAT_Q8) return dequantize_panel<Bytes>(panel, chunks, out);
  dequantize_panel<Nibbles>(panel, chunks, out);
}

static float dequantize_element(int32_t format, const char* panel, int64_t column, int64_t k) {
  const bool bytes = format == EK_FORMAT_Q8;
  const int64_t group = bytes ? Bytes::kGroupBytes : Nibbles::kGroupBytes;
  const char* block = panel + k / 64 * (64 + 2 * group);
  const float scale = to_float(reinterpret_cast<const f16_t*>(block)[k / 32 % 2 * 16 + column]);
  auto lines = reinterpret_cast<const uint8_t*>(block + 64 + k / 32 % 2 * group);
  const int64_t step = k % 32 / 4, at = column * 4 + k % 4;
  const int stored = bytes ? lines[step * 64 + at] : (lines[step % 4 * 64 + at] >> (step / 4 * 4)) & 15;
  return static_cast<float>(stored - (bytes ? 128 : 8)) * scale;
}
