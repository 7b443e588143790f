// y = x W^T for up to 16 rows: every weight is read once, straight from memory into the warp that multiplies it.
//
// A tile is 16 columns of y. A unit is one slice of K of one tile, and a warp's work; sums of units meet in shared
// memory and are added in the order of slices, as the tiled form adds them. A block owns a run of tiles and does them
// in groups of at most MaxUnits units. Each warp has a ring of stages of its own, and fetches ahead over units and
// groups; the first weights before the launches in front have ended.
//
// Stage: 16 rows of W as the source has them, then x [8 NT][64 k], 128 bytes a row, chunk c of row r at c ^ (r & 7).
// NT: tiles of 8 rows of x. A source fetches 16 rows x 64 k of W into a stage and makes mma fragments of them; what it
// reads besides (scales), it begins to read a stage ahead, and turns to when the stage begins. Sums add a stage to
// those of a unit and finish an output: their type is Sums::Sum.
#pragma once

template <int NT, class Source>
struct Skinny {
  static constexpr int Stages = 4;
  static constexpr u32 StageBytes = Source::Bytes + 8 * NT * 128;
  static constexpr u32 UnitBytes = 16 * 8 * NT * 4;
  static constexpr int MaxUnits = EKC_LINEAR_SKINNY_SUMS / (int)UnitBytes;
  static_assert(8 * Stages * StageBytes + EKC_LINEAR_SKINNY_SUMS <= EKC_LINEAR_SKINNY_SHARED, "shared memory");
  static_assert(MaxUnits * EKC_LINEAR_SLICE >= EKC_LINEAR_SKINNY_MAX_K, "a tile must fit in a group");
};

// A block's share of the tiles, and how it is cut.
struct SkinnyWork {
  int first_tile, end_tile, group_tiles, slices;
};

// Where a stage's weights are.
struct SkinnyPlace {
  int first_n, k0;
};

// unit: in the group, tile * slices + slice.
DEV SkinnyPlace skinny_place(const SkinnyWork& w, int group, int unit) {
  return {(group + unit / w.slices) * 16, unit % w.slices * EKC_LINEAR_SLICE};
}

// A place in a warp's sequence of stages.
struct SkinnyCursor {
  int group;  // first tile of the group
  int unit;
  SkinnyPlace at;
};

DEV int skinny_units(const SkinnyWork& w, int group) {
  const int tiles = w.end_tile - group < w.group_tiles ? w.end_tile - group : w.group_tiles;
  return tiles * w.slices;
}

// Moves to the warp's next unit that exists, if this one does not.
DEV void skinny_settle(const SkinnyWork& w, SkinnyCursor& c, int warp) {
  while (c.group < w.end_tile && c.unit >= skinny_units(w, c.group)) {
    c.group += w.group_tiles;
    c.unit = warp;
  }
  c.at = skinny_place(w, c.group, c.unit);
}

DEV void skinny_advance(const EkcLinear& p, const SkinnyWork& w, SkinnyCursor& c, int warp) {
  c.at.k0 += 64;
  if (c.at.k0 % EKC_LINEAR_SLICE != 0 && c.at.k0 < p.k) return;
  c.unit += 8;
  skinny_settle(w, c, warp);
}

DEV u32 skinny_offset(int row, int chunk) { return row * 128 + ((chunk ^ (row & 7)) << 4); }

// Rows of 16-bit weights, swizzled as x is.
template <class T>
struct PlainSource {
  static constexpr u32 Bytes = 16 * 128;
  const EkcLinear& p;

  DEV_MEMBER PlainSource(const EkcLinear& p) : p(p) {}
  DEV_MEMBER void read_ahead(int, int) {}
  DEV_MEMBER void turn() {}
  DEV_MEMBER void fetch(int first_n, int k0, u32 stage) const {
    UNROLL for (int i = 0; i < 4; i++) {
      const int item = lane_index() + i * 32, row = item >> 3, chunk = item & 7, k = k0 + chunk * 8;
      const bool present = k < p.k && first_n + row < p.n;
      const i64 at = present ? (i64)(first_n + row) * p.weight_stride + k : 0;
      copy_async(stage + skinny_offset(row, chunk), (const void*)(p.weight + at * 2), present ? 16 : 0);
    }
  }
  DEV_MEMBER void fragment(u32 (&a)[4], u32 stage, int k16, int, int) const {
    const int lane = lane_index();
    load_matrix4(a, stage + skinny_offset(lane & 15, k16 * 2 + (lane >> 4)));
  }
};

template <int NT, class Source>
DEV void skinny_fetch_inputs(const EkcLinear& p, int k0, u32 stage) {
  UNROLL for (int i = 0; i < 2 * NT; i++) {
    const int item = lane_index() + i * 32, row = item >> 3, chunk = item & 7, k = k0 + chunk * 8;
    const bool present = k < p.k && row < p.rows;
    const i64 at = present ? row * p.x_stride + k : 0;
    const u32 to = stage + Source::Bytes + skinny_offset(row, chunk);
    copy_async(to, (const void*)(p.x + at * 2), present ? 16 : 0);
  }
}

template <class M, class Sum, int NT, class Source>
DEV void skinny_multiply(Sum (&sums)[NT][4], const Source& source, u32 stage, int first_n, int k0) {
  const int lane = lane_index();
  UNROLL for (int half = 0; half < 2; half++) {
    u32 b[NT][4];
    UNROLL for (int n = 0; n < NT; n++) {
      load_matrix4(b[n], stage + Source::Bytes + skinny_offset(n * 8 + (lane & 7), half * 4 + (lane >> 3)));
    }
    UNROLL for (int k = 0; k < 2; k++) {
      u32 a[4];
      source.fragment(a, stage, half * 2 + k, first_n, k0);
      UNROLL for (int n = 0; n < NT; n++) M::multiply(sums[n], a, b[n][2 * k], b[n][2 * k + 1]);
    }
  }
}

// Products of 16-bit numbers.
template <class T>
struct PlainSums {
  typedef float Sum;
  const EkcLinear& p;

  DEV_MEMBER PlainSums(const EkcLinear& p) : p(p) {}
  template <int NT, class Source>
  DEV_MEMBER void add(float (&sums)[NT][4], const Source& source, u32 stage, int first_n, int k0) const {
    skinny_multiply<Mma<T>>(sums, source, stage, first_n, k0);
  }
  DEV_MEMBER void finish(i64 row, i64 n, float total) const { finish_linear<T>(p, row, n, total); }
};

DEV void sum_add(float& total, u32 bits) { total += bits_float(bits); }
DEV void sum_add(i32& total, u32 bits) { total += (i32)bits; }

// Sums of a unit: [16 columns][8 NT rows] of 4 bytes.
template <class Sum, int NT>
DEV void skinny_put(const Sum (&sums)[NT][4], u32 unit) {
  const int lane = lane_index(), g = lane >> 2, t = lane & 3;
  UNROLL for (int n = 0; n < NT; n++) {
    const u32 at = unit + (g * 8 * NT + n * 8 + 2 * t) * 4;
    shared_store2(at, u32x2{sum_bits(sums[n][0]), sum_bits(sums[n][1])});
    shared_store2(at + 8 * 8 * NT * 4, u32x2{sum_bits(sums[n][2]), sum_bits(sums[n][3])});
  }
}

// The whole block adds up the units of a group and finishes its outputs.
template <int NT, class Source, class Sums>
DEV void skinny_finish(const EkcLinear& p, const SkinnyWork& w, const Sums& math, int group, u32 sums) {
  const int tiles = skinny_units(w, group) / w.slices;
  for (int item = thread_index(); item < tiles * 16 * p.rows; item += 256) {
    const int row = item / (tiles * 16), column = item % (tiles * 16), n = group * 16 + column;
    if (n >= p.n) continue;
    const u32 at = sums + column / 16 * w.slices * Skinny<NT, Source>::UnitBytes + (column % 16 * 8 * NT + row) * 4;
    typename Sums::Sum total = 0;
    for (int s = 0; s < w.slices; s++) sum_add(total, shared_load(at + s * Skinny<NT, Source>::UnitBytes));
    math.finish(row, n, total);
  }
}

template <int NT, class Source, class Sums>
DEV void linear_skinny(const EkcLinear& p, Source source, const Sums& math) {
  typedef Skinny<NT, Source> S;
  const int warp = thread_index() >> 5, tiles = (p.n + 15) / 16;
  const u32 ring = shared_base() + warp * (S::Stages * S::StageBytes);
  const u32 sums = shared_base() + 8 * S::Stages * S::StageBytes;
  SkinnyWork w;
  w.first_tile = (int)((i64)tiles * block_x() / grid_x());
  w.end_tile = (int)((i64)tiles * (block_x() + 1) / grid_x());
  w.slices = (p.k + EKC_LINEAR_SLICE - 1) / EKC_LINEAR_SLICE;
  w.group_tiles = S::MaxUnits / w.slices;
  SkinnyCursor fetch = {w.first_tile, warp, {}};
  skinny_settle(w, fetch, warp);
  SkinnyCursor weights = fetch;
  UNROLL for (int s = 0; s < S::Stages - 1; s++) {
    if (weights.group < w.end_tile) {
      source.fetch(weights.at.first_n, weights.at.k0, ring + s * S::StageBytes);
      skinny_advance(p, w, weights, warp);
    }
  }
  wait_for_previous();
  UNROLL for (int s = 0; s < S::Stages - 1; s++) {
    if (fetch.group < w.end_tile) {
      skinny_fetch_inputs<NT, Source>(p, fetch.at.k0, ring + s * S::StageBytes);
      skinny_advance(p, w, fetch, warp);
    }
    copy_commit();
  }
  int slot = 0;
  NO_UNROLL for (int group = w.first_tile; group < w.end_tile; group += w.group_tiles) {
    SkinnyPlace at = skinny_place(w, group, warp);
    source.read_ahead(at.first_n, at.k0);
    NO_UNROLL for (int unit = warp; unit < skinny_units(w, group); unit += 8) {
      typename Sums::Sum unit_sums[NT][4];
      UNROLL for (int n = 0; n < NT; n++) {
        UNROLL for (int e = 0; e < 4; e++) unit_sums[n][e] = 0;
      }
      const SkinnyPlace next = skinny_place(w, group, unit + 8);
      const int end = at.k0 + EKC_LINEAR_SLICE < p.k ? at.k0 + EKC_LINEAR_SLICE : p.k;
      NO_UNROLL for (int k0 = at.k0; k0 < end; k0 += 64) {
        const bool is_last = k0 + 64 >= end;
        source.turn();
        source.read_ahead(is_last ? next.first_n : at.first_n, is_last ? next.k0 : k0 + 64);
        copy_wait<S::Stages - 2>();
        sync_warp();
        if (fetch.group < w.end_tile) {
          const u32 stage = ring + (slot + S::Stages - 1) % S::Stages * S::StageBytes;
          source.fetch(fetch.at.first_n, fetch.at.k0, stage);
          skinny_fetch_inputs<NT, Source>(p, fetch.at.k0, stage);
          skinny_advance(p, w, fetch, warp);
        }
        copy_commit();
        math.add(unit_sums, source, ring + slot * S::StageBytes, at.first_n, k0);
        slot = (slot + 1) % S::Stages;
      }
      skinny_put(unit_sums, sums + unit * S::UnitBytes);
      at = next;
    }
    sync_block();
    skinny_finish<NT, Source>(p, w, math, group, sums);
    sync_block();
  }
}

// The number of tiles of x changes no bit of a result.
template <class Source, class Sums>
DEV void linear_skinny(const EkcLinear& p, const Source& source, const Sums& math) {
  if (p.rows <= 8) linear_skinny<1>(p, source, math);
  else linear_skinny<2>(p, source, math);
}
