// Products of coded weights with activations rounded to 8 or 15 bits. Included inside the namespace of one ISA level.
//
// Activations of one tile of rows lie per 128 k: [4][rows][32] s8 (with FINE 128 * high + low: then the same of the low
// parts), then per row its scales as f32 and one word for each of its parts: what the sum of the part's products starts
// from (s32), or what is multiplied by the part's minima (f32). Where minima meet sums as bytes, there are two words
// instead: of minus the sums of four parts the whole 64s, and what is left of each.
#pragma once

// What the words behind 128 rounded activations hold, for who writes them.
struct CodedShape {
  int rows;           // of a tile at most
  int scales, parts;
  bool fine, min, min_bytes;
  int32_t offset;     // of the codes

  int64_t row_bytes() const { return (fine ? 256 : 128) + 4 * (scales + parts); }
};

// Scales and minima that a kernel takes: all of them are looked at while it runs, unless it is made for some.
enum { kAnyScale = -1, kPlainScale = -2 };
enum { kAnyMin = -1 };

// What most models in GGUF have, and kernels of their own.
INLINE bool has_min_bytes(const CodesFormat& f) {
  return f.group == 32 && f.scale == EK_CODES_SCALE_SUPER && f.min == EK_CODES_SUPER_MIN;
}

// CODE: how codes are stored. GROUP: k of a scale (32 also stands for 64). SCALE and MIN: as above, or of the format.
template <class CODE, int GROUP, int SCALE, int MIN, bool FINE>
struct Coded {
  typedef CODE Code;
  static constexpr int kGroup = GROUP;
  static constexpr bool kFine = FINE;
  // Scales of two levels and those of less or more than 32 k go with one scale for 128 activations.
  static constexpr bool kWide = FINE || GROUP != 32 || SCALE != kPlainScale;
  static constexpr int kScales = kWide ? 1 : 4;
  // Minima of two levels: two dot products for four groups in place of four multiply-adds.
  static constexpr bool kMinBytes = kDotsOfFour && !FINE && GROUP == 32 && MIN == EK_CODES_SUPER_MIN;
  static constexpr int kParts = kMinBytes ? 2 : GROUP == 16 ? 8 : GROUP == 128 ? 1 : 4;
  static constexpr int kPlanes = FINE ? 2 : 1;
  static constexpr int64_t kRowBytes = 128 * kPlanes + 4 * (kScales + kParts);
  // With 15 bits there are two sets of sums.
  static constexpr int kRows = FINE && kCodedRows > 4 ? 4 : kCodedRows;

  static MEMBER CodedShape shape(const CodesFormat& f) {
    return {kRows, kScales, kParts, FINE, f.min != EK_CODES_NO_MIN, kMinBytes, CODE::kOffset};
  }

  static MEMBER bool has_min(const CodesFormat& f) { return MIN == kAnyMin ? f.min != EK_CODES_NO_MIN : MIN != 0; }

  static MEMBER vf scale(const CodesFormat& f, const char* super, int64_t set) {
    if constexpr (SCALE == EK_CODES_SCALE_SUPER) {
      auto sub = reinterpret_cast<const int8_t*>(super + f.sub_at + set * 16);
      return vmul(vload(reinterpret_cast<const f16_t*>(super)), vload_s8(sub));
    } else if constexpr (SCALE == kPlainScale) {
      return typed_floats(super + set * f.scale_bytes, f.scale);
    } else {
      return set_scale(f, super, set);
    }
  }

  static MEMBER vf less(const CodesFormat& f, const char* super, int64_t set, vf scale) {
    if constexpr (MIN == EK_CODES_SUPER_MIN) {
      auto sub = reinterpret_cast<const uint8_t*>(super + f.sub_min_at + set * 16);
      return vmul(vload(reinterpret_cast<const f16_t*>(super + f.min_at)), vload_u8(sub));
    } else {
      return set_min(f, super, set, scale);
    }
  }
};

// Sums of 16 columns stay in memory between scales, so that the registers are those of the dot products.
template <int MR, int NV>
struct CodedSums {
  alignas(64) float f[MR][NV][16];
  MEMBER void add(int m, int v, vf x, vf factor) { vstore(f[m][v], vfma(x, factor, vload(f[m][v]))); }
};

// The words of a block: scales of row m, then its parts.
struct BlockFacts {
  const float* words;
  int per_row;
  int scales;
  MEMBER const float* scale(int m) const { return words + m * per_row; }
  MEMBER const float* part(int m) const { return words + m * per_row + scales; }
};

template <class K, int MR>
INLINE BlockFacts block_facts(const int8_t* a) {
  return {reinterpret_cast<const float*>(a + MR * 128 * K::kPlanes), K::kScales + K::kParts, K::kScales};
}

// What sums of products start from.
template <int MR, int NV>
INLINE void start_sums(vi (&c)[MR][NV], const BlockFacts& facts, int part, bool zero) {
#pragma GCC unroll 16
  for (int m = 0; m < MR; m++) {
    const vi first = zero ? vi_set(0) : vi_set(static_cast<int32_t>(float_bits(facts.part(m)[part])));
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) c[m][v] = first;
  }
}

// One part of a block, as integers: steps [FIRST, LAST) of 32 k.
template <class K, int FIRST, int LAST, int MR, int NV>
INLINE void part_sums(
    vi (&c)[MR][NV], const BlockFacts& facts, int part, bool zero, const char* const (&w)[NV], const int8_t* a) {
  start_sums<MR, NV>(c, facts, part, zero || K::kFine);
  dot_codes<typename K::Code, FIRST, LAST, MR, NV>(c, w, a);
  if constexpr (K::kFine) {
    vi low[MR][NV];
    start_sums<MR, NV>(low, facts, part, zero);
    dot_codes<typename K::Code, FIRST, LAST, MR, NV>(low, w, a + MR * 128);
#pragma GCC unroll 16
    for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) c[m][v] = vi_add(vi_shift7(c[m][v]), low[m][v]);
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) vi_here(c[m][v]);
  }
}

// t += minima of four groups of 32 k times minus the sums of their activations.
template <int MR, int NV>
INLINE void take_minima(
    const CodesFormat& f, vf (&t)[MR][NV], const char* const (&super)[NV], int64_t block, const BlockFacts& facts) {
#ifdef __AVX512VNNI__
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) {
    const vi minima = vi_by_column(super[v] + f.sub_min_at + block * 64);
    const vf unit = vload(reinterpret_cast<const f16_t*>(super[v] + f.min_at));
#pragma GCC unroll 16
    for (int m = 0; m < MR; m++) {
      auto sums = reinterpret_cast<const int8_t*>(facts.part(m));
      vi less[1] = {vi_set(0)};
      dot_lines<1>(less, {minima}, sums);
      less[0] = vi_shift6(less[0]);
      dot_lines<1>(less, {minima}, sums + 4);
      t[m][v] = vfma(vi_float(less[0]), unit, t[m][v]);
    }
  }
#endif
}

// One 128-block of scales of 16, 32 or 64 k.
template <class K, int MR, int NV>
INLINE void coded_block(
    const CodesFormat& format, CodedSums<MR, NV>& sums, const char* const (&super)[NV], int64_t block,
    const int8_t* a) {
  const BlockFacts facts = block_facts<K, MR>(a);
  const bool min = K::has_min(format);
  constexpr int kHalves = K::kGroup == 16 ? 2 : 1;
  vf t[MR][NV];
  const char* w[NV];
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) {
    w[v] = super[v] + format.header + block * (K::Code::kLines * 256);
#pragma GCC unroll 16
    for (int m = 0; m < MR; m++) {
      if (K::kWide) t[m][v] = vzero();
    }
  }
  for (int g = 0; g < 4; g++) {
#pragma GCC unroll 2
    for (int half = 0; half < kHalves; half++) {
      vi c[MR][NV];
      const int part = g * kHalves + half;
      if constexpr (kHalves == 1) {
        part_sums<K, 0, 8, MR, NV>(c, facts, part, min, w, a);
      } else if (half == 0) {
        part_sums<K, 0, 4, MR, NV>(c, facts, part, min, w, a);
      } else {
        part_sums<K, 4, 8, MR, NV>(c, facts, part, min, w, a);
      }
      const int64_t set = kHalves == 2 ? block * 8 + part : (block * 128 + g * 32) >> format.group_shift;
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) {
        const vf scale = K::scale(format, super[v], set);
        const vf less = min && !K::kMinBytes ? K::less(format, super[v], set, scale) : vzero();
#pragma GCC unroll 16
        for (int m = 0; m < MR; m++) {
          if constexpr (K::kWide) {
            t[m][v] = vfma(vi_float(c[m][v]), scale, t[m][v]);
            if (min && !K::kMinBytes) t[m][v] = vfma(vset(facts.part(m)[part]), less, t[m][v]);
          } else {
            sums.add(m, v, vi_float(c[m][v]), vmul(scale, vset(facts.scale(m)[g])));
            if (min) sums.add(m, v, vset(facts.part(m)[part]), less);
          }
        }
      }
    }
    a += MR * 32;
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) w[v] += K::Code::kLines * 64;
  }
  if constexpr (K::kMinBytes) take_minima<MR, NV>(format, t, super, block, facts);
  if constexpr (K::kWide) {
#pragma GCC unroll 16
    for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) sums.add(m, v, t[m][v], vset(facts.scale(m)[0]));
    }
  }
}

// The same with one scale for the whole block.
template <class K, int MR, int NV>
INLINE void coded_block_128(
    const CodesFormat& format, CodedSums<MR, NV>& sums, const char* const (&super)[NV], const int8_t* a) {
  const BlockFacts facts = block_facts<K, MR>(a);
  const bool min = K::has_min(format);
  vi c[MR][NV];
  const char* w[NV];
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) w[v] = super[v] + format.header;
  start_sums<MR, NV>(c, facts, 0, min);
  for (int g = 0; g < 4; g++) {
    dot_codes<typename K::Code, 0, 8, MR, NV>(c, w, a);
    a += MR * 32;
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) w[v] += K::Code::kLines * 64;
  }
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) {
    const vf scale = K::scale(format, super[v], 0);
    if (!min) {
#pragma GCC unroll 16
      for (int m = 0; m < MR; m++) sums.add(m, v, vi_float(c[m][v]), vmul(scale, vset(facts.scale(m)[0])));
      continue;
    }
    const vf less = K::less(format, super[v], 0, scale);
#pragma GCC unroll 16
    for (int m = 0; m < MR; m++) {
      const vf x = vfma(vi_float(c[m][v]), vmul(scale, vset(facts.scale(m)[0])), vload(sums.f[m][v]));
      vstore(sums.f[m][v], vfma(vset(facts.part(m)[0]), less, x));
    }
  }
}

template <class K, int MR, int NV>
static void coded_tile(const GemmJob& job, int64_t row, int64_t panel, const char* ahead, int64_t lines) {
  const CodesFormat& format = *job.codes;
  CodedSums<MR, NV> sums;
  const char* super[NV];
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) {
    super[v] = job.w + (panel + v) * job.panel_bytes;
#pragma GCC unroll 16
    for (int m = 0; m < MR; m++) vstore(sums.f[m][v], vzero());
  }
  auto a = static_cast<const int8_t*>(job.a) + job.chunks / 4 * K::kRowBytes * row;
  const int64_t blocks = format.super / 128;
  for (int64_t chunk = 0; chunk < job.chunks; chunk += 4 * blocks) {
    for (int64_t block = 0; block < blocks; block++) {
      for (int64_t i = 0; i < 4 * lines; i++, ahead += 64) __builtin_prefetch(ahead, 0, 2);
      if constexpr (K::kGroup == 128) {
        coded_block_128<K, MR, NV>(format, sums, super, a);
      } else {
        coded_block<K, MR, NV>(format, sums, super, block, a);
      }
      a += K::kRowBytes * MR;
    }
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) super[v] += format.super_bytes;
  }
#pragma GCC unroll 16
  for (int m = 0; m < MR; m++) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) finish(job, vload(sums.f[m][v]), row + m, (panel + v) * 16);
  }
}

// Panels of a tile of so many rows.
template <class K>
static constexpr int coded_wide(int rows) {
  return rows > kQuantRows ? 1 : rows <= 2 && !K::kFine ? 2 * kQuantWide : kQuantWide;
}

template <class K>
static void coded_panels(const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes) {
  const RowTiles tiles(job.rows, K::kRows);
  const int64_t wide = coded_wide<K>(tiles.rows(0)), steps = (last - first + wide - 1) / wide;
  Ahead ahead(next, next_bytes, tiles.count * steps, job.chunks);
  for (int64_t t = 0; t < tiles.count; t++) {
    with_rows(tiles.rows(t), [&](auto rows) INLINE_LAMBDA {
      constexpr int MR = decltype(rows)::value;
      if constexpr (MR <= K::kRows) {
        constexpr int NV = coded_wide<K>(MR);
        int64_t p = first;
        for (; p + NV <= last; p += NV, ahead.at += ahead.step) {
          coded_tile<K, MR, NV>(job, tiles.start(t), p, ahead.at, ahead.share());
        }
        for (; p < last; p++, ahead.at += ahead.step) {
          coded_tile<K, MR, 1>(job, tiles.start(t), p, ahead.at, ahead.share());
        }
      }
    });
  }
}
