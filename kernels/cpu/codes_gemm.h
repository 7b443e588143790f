// Products of coded weights with activations rounded to 8 or 15 bits. Included inside the namespace of one ISA level.
//
// Activations of one tile of rows lie per 128 k: [4][rows][32] s8 (with FINE 128 * high + low: then the same of the low
// parts), [rows] blocks of facts.
#pragma once

struct BlockFacts {
  float scale[4];       // of 32 k each; all the same where the scale is one of 128 k
  float scaled_sum[4];  // scale times sum of 32 k
  int32_t sum16[8];
  int32_t sum;          // of 128 k
  float scaled;         // sum of scaled_sum
};

template <bool FINE>
INLINE int64_t coded_block_bytes(int64_t rows) {
  return rows * ((FINE ? 256 : 128) + static_cast<int64_t>(sizeof(BlockFacts)));
}

// c += products of steps [FIRST, LAST) of 32 k, with FINE of 15 bits.
template <class C, bool FINE, int FIRST, int LAST, int MR, int NV>
INLINE void dot_group(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a, const int32_t (&correction)[MR]) {
#pragma GCC unroll 8
  for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) c[m][v] = vi_set(FINE ? 0 : correction[m]);
  }
  dot_codes<C, FIRST, LAST, MR, NV>(c, w, a);
  if constexpr (FINE) {
    vi low[MR][NV];
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) low[m][v] = vi_set(correction[m]);
    }
    dot_codes<C, FIRST, LAST, MR, NV>(low, w, a + MR * 128);
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) c[m][v] = vi_add(vi_shift7(c[m][v]), low[m][v]);
    }
  }
}

// Sums of 16 columns stay in memory between scales, so that the registers are those of the dot products.
template <int MR, int NV>
struct CodedSums {
  alignas(64) float f[MR][NV][16];
  MEMBER void add(int m, int v, vf x, vf factor) { vstore(f[m][v], vfma(x, factor, vload(f[m][v]))); }
};

// One 128-block. GROUP: k of a scale, at least (32 also stands for more). WIDE: activations have one scale per 128.
template <class C, int GROUP, bool WIDE, bool FINE, int MR, int NV>
INLINE void coded_block(
    const CodesFormat& format, CodedSums<MR, NV>& sums, const char* const (&super)[NV], int64_t block,
    const int8_t* a) {
  auto facts = reinterpret_cast<const BlockFacts*>(a + MR * (FINE ? 256 : 128));
  const bool min = format.min != EK_CODES_NO_MIN;
  const int offset = min ? 0 : C::kOffset;
  constexpr int kParts = GROUP == 16 ? 2 : 1;
  vf t[MR][NV];
  const char* w[NV];
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) {
    w[v] = super[v] + format.header + block * (C::kLines * 256);
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) {
      if (WIDE) t[m][v] = vzero();
    }
  }
  for (int g = 0; g < 4; g++) {
#pragma GCC unroll 2
    for (int part = 0; part < kParts; part++) {
      int32_t correction[MR];
      vi c[MR][NV];
#pragma GCC unroll 8
      for (int m = 0; m < MR; m++) {
        const int32_t* sum = facts[m].sum16 + g * 2;
        correction[m] = -offset * (kParts == 2 ? sum[part] : sum[0] + sum[1]);
      }
      if constexpr (kParts == 1) {
        dot_group<C, FINE, 0, 8, MR, NV>(c, w, a, correction);
      } else if (part == 0) {
        dot_group<C, FINE, 0, 4, MR, NV>(c, w, a, correction);
      } else {
        dot_group<C, FINE, 4, 8, MR, NV>(c, w, a, correction);
      }
#pragma GCC unroll 8
      for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) vi_here(c[m][v]);
      }
      const int64_t k = block * 128 + g * 32 + part * 16;
      const int64_t set = GROUP == 16 ? k / 16 : k >> format.group_shift;
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) {
        const vf scale = set_scale(format, super[v], set);
        const vf less = min ? set_min(format, super[v], set, scale) : vzero();
#pragma GCC unroll 8
        for (int m = 0; m < MR; m++) {
          const int32_t* sum = facts[m].sum16 + g * 2;
          const int32_t count = kParts == 2 ? sum[part] : sum[0] + sum[1];
          if (WIDE) {
            t[m][v] = vfma(vi_float(c[m][v]), scale, t[m][v]);
            if (min) t[m][v] = vfma(vset(static_cast<float>(-count)), less, t[m][v]);
          } else {
            sums.add(m, v, vi_float(c[m][v]), vmul(scale, vset(facts[m].scale[g])));
            if (min) sums.add(m, v, vset(-facts[m].scaled_sum[g]), less);
          }
        }
      }
    }
    a += MR * 32;
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) w[v] += C::kLines * 64;
  }
  if constexpr (WIDE) {
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) sums.add(m, v, t[m][v], vset(facts[m].scale[0]));
    }
  }
}

// The same with one scale for the whole block.
template <class C, int MR, int NV>
INLINE void coded_block_128(
    const CodesFormat& format, CodedSums<MR, NV>& sums, const char* const (&super)[NV], const int8_t* a) {
  auto facts = reinterpret_cast<const BlockFacts*>(a + MR * 128);
  const bool min = format.min != EK_CODES_NO_MIN;
  vi c[MR][NV];
  const char* w[NV];
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) {
    w[v] = super[v] + format.header;
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) c[m][v] = vi_set(min ? 0 : -C::kOffset * facts[m].sum);
  }
  for (int g = 0; g < 4; g++) {
    dot_codes<C, 0, 8, MR, NV>(c, w, a);
    a += MR * 32;
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) w[v] += C::kLines * 64;
  }
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) {
    const vf scale = set_scale(format, super[v], 0);
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) sums.add(m, v, vi_float(c[m][v]), vmul(scale, vset(facts[m].scale[0])));
    if (!min) continue;
    const vf less = set_min(format, super[v], 0, scale);
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) sums.add(m, v, vset(-facts[m].scaled), less);
  }
}

template <class C, int GROUP, bool WIDE, bool FINE, int MR, int NV>
static void coded_tile(const GemmJob& job, int64_t row, int64_t panel, const char* ahead, int64_t lines) {
  const CodesFormat& format = *job.codes;
  CodedSums<MR, NV> sums;
  const char* super[NV];
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) {
    super[v] = job.w + (panel + v) * job.panel_bytes;
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) vstore(sums.f[m][v], vzero());
  }
  auto a = static_cast<const int8_t*>(job.a) + job.chunks / 4 * coded_block_bytes<FINE>(row);
  const int64_t blocks = format.super / 128;
  for (int64_t chunk = 0; chunk < job.chunks; chunk += 4 * blocks) {
    for (int64_t block = 0; block < blocks; block++) {
      for (int64_t i = 0; i < 4 * lines; i++, ahead += 64) __builtin_prefetch(ahead, 0, 2);
      if constexpr (GROUP == 128) {
        coded_block_128<C, MR, NV>(format, sums, super, a);
      } else {
        coded_block<C, GROUP, WIDE, FINE, MR, NV>(format, sums, super, block, a);
      }
      a += coded_block_bytes<FINE>(MR);
    }
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) super[v] += format.super_bytes;
  }
#pragma GCC unroll 8
  for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) finish(job, vload(sums.f[m][v]), row + m, (panel + v) * 16);
  }
}

// Rows of a tile: with 15 bits there are two sets of sums of integers.
template <int GROUP, bool WIDE, bool FINE>
static constexpr int coded_rows() {
  return FINE && kQuantRows > 4 ? 4 : kQuantRows;
}

template <class C, int GROUP, bool WIDE, bool FINE>
static void coded_panels(const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes) {
  constexpr int kRows = coded_rows<GROUP, WIDE, FINE>();
  const RowTiles tiles(job.rows, kRows);
  const int64_t shares = tiles.count * job.chunks;
  const int64_t lines = next == nullptr || job.rows <= 2 ? 0 : (next_bytes / 64 + shares - 1) / shares;
  const char* end = next + next_bytes;
  for (int64_t t = 0; t < tiles.count; t++) {
    with_rows(tiles.rows(t), [&](auto rows) INLINE_LAMBDA {
      constexpr int MR = decltype(rows)::value;
      if constexpr (MR <= kRows) {
        constexpr int NV = MR <= 2 && !FINE ? 2 * kQuantWide : kQuantWide;
        int64_t p = first;
        int64_t ahead = next < end ? lines : 0;
        for (; p + NV <= last; p += NV, ahead = 0) {
          coded_tile<C, GROUP, WIDE, FINE, MR, NV>(job, tiles.start(t), p, next, ahead);
        }
        for (; p < last; p++, ahead = 0) {
          coded_tile<C, GROUP, WIDE, FINE, MR, 1>(job, tiles.start(t), p, next, ahead);
        }
      }
    });
    next += lines * job.chunks * 64;
  }
}
