// Panels and activations in the forms that int_tiles.h takes. Included inside the same namespace.
#pragma once

// Eight lines of codes as bytes; SIGNED: less their offset, so that sums need no correction.
template <class C, bool SIGNED>
INLINE void spread_lines(const char* codes, char* to) {
#pragma GCC unroll 8
  for (int s = 0; s < 8; s++) {
    auto line = reinterpret_cast<__m512i>(C::step(codes, s));
    if (SIGNED) line = _mm512_sub_epi8(line, _mm512_set1_epi8(static_cast<char>(C::kOffset)));
    _mm512_storeu_si512(to + s * 64, line);
  }
}

// Of Q8 or Q4.
template <class C>
static void spread_quantized(const GemmJob& job, int64_t panel, char* to) {
  typedef TileForm<kScalesEach, false> F;
  const char* w = job.w + panel * job.panel_bytes;
  for (int64_t chunk = 0; chunk < job.chunks; chunk += 2) {
    for (int g = 0; g < 2; g++) {
      vstore(reinterpret_cast<float*>(to) + g * 16, vload(reinterpret_cast<const f16_t*>(w) + g * 16));
      spread_lines<C, true>(w + 64 + g * C::kLines * 64, to + F::kFactorBytes + g * 512);
    }
    w += 64 + 2 * C::kLines * 64;
    to += F::kWeightBytes;
  }
}

template <class C, class F>
static void spread_codes(const GemmJob& job, int64_t panel, char* to) {
  const CodesFormat& f = *job.codes;
  for (int64_t k = 0; k < job.chunks * 32; k += F::kUnitK, to += F::kWeightBytes) {
    const int64_t within = k % f.super;
    const char* super = job.w + panel * job.panel_bytes + k / f.super * f.super_bytes;
    auto factors = reinterpret_cast<float*>(to);
    for (int s = 0; s < F::kSums; s++) {
      const int64_t set = (within + s * (F::kUnitK / F::kSums)) >> f.group_shift;
      const vf scale = set_scale(f, super, set);
      vstore(factors + s * 16, scale);
      if (F::kMin) vstore(factors + (F::kSums + s) * 16, set_min(f, super, set, scale));
    }
    for (int64_t g = 0; g < F::kUnitK / 32; g++) {
      const char* codes = super + f.header + (within / 32 + g) * C::kLines * 64;
      spread_lines<C, !F::kMin>(codes, to + F::kFactorBytes + g * 512);
    }
  }
}

// Row m of 128 rounded activations: bytes, then scales and parts as words.
template <class F>
INLINE void place_inputs(const int8_t* bytes, const int32_t* words, int m, int8_t* out) {
  for (int unit = 0; unit < 128 / F::kUnitK; unit++, out += F::kInputBytes) {
    for (int i = 0; i < F::kUnitK / 64; i++) {
      __builtin_memcpy(out + i * 1024 + m * 64, bytes + unit * F::kUnitK + i * 64, 64);
    }
    auto facts = reinterpret_cast<int32_t*>(out + kTileRowsInt * F::kUnitK) + m;
    constexpr int kAll = F::kScales * 128 / F::kUnitK;
    for (int s = 0; s < F::kScales; s++, facts += kTileRowsInt) *facts = words[unit * F::kScales + s];
    for (int s = 0; s < F::kSums; s++, facts += kTileRowsInt) *facts = words[kAll + unit * F::kSums + s];
  }
}

// Rows that are not there are zeros.
template <class F>
static void round_tile_rows(
    const PackActivationsJob& job, int64_t row, int rows, const CodedShape& shape, int8_t* out) {
  const bool given = job.inputs.kind != EK_INPUTS_OWN;
  RowRounding how[kTileRowsInt];
  for (int m = 0; m < rows; m++) how[m] = row_rounding(job, row + m);
  for (int64_t k = 0; k < job.chunks * 32; k += 128, out += 128 / F::kUnitK * F::kInputBytes) {
    for (int m = 0; m < kTileRowsInt; m++) {
      float x[128] = {}, scale = 0;
      if (m < rows) gather_block(job, row + m, k, x);
      if (m < rows && given) scale = round_inputs(job.inputs, how[m], x);
      int8_t bytes[128];
      int32_t words[8];
      round_block<false>(x, shape, given ? &scale : nullptr, bytes, bytes, 32, words);
      place_inputs<F>(bytes, words, m, out);
    }
  }
}

static void quantize_tile_rows(const PackActivationsJob& job, int64_t row, int rows, int8_t* out) {
  typedef TileForm<kScalesEach, false> F;
  for (int64_t k = 0; k < job.chunks * 32; k += 64, out += F::kInputBytes) {
    auto scale = reinterpret_cast<float*>(out + kTileRowsInt * F::kUnitK);
    for (int m = 0; m < kTileRowsInt; m++) {
      const float* x = m < rows ? job.x + (row + m) * job.x_stride + k : job.x;
      for (int g = 0; g < 2; g++) {
        const int64_t left = m < rows ? job.k - k - g * 32 : 0;
        int32_t sum;
        scale[g * kTileRowsInt + m] = quantize_group<false>(x + g * 32, left, out + m * 64 + g * 32, nullptr, sum);
      }
    }
  }
}
