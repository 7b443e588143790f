// y = x W^T for up to 16 rows, W of 4 or 8 bits: linear_skinny with other work for a warp.
//
// A tile is 16 columns of y. A unit is one slice of K of one tile, eight stages of 64 columns. A block does its tiles
// in groups; of a group's units, by slices first, each warp has an equal run, so that neighbouring units mostly share a
// slice of x. A warp's ring has a slot for each stage of a unit with up to 8 rows of x: then x stays there for as long
// as the slice is the same, and only weights are fetched. With more rows the ring is half as long and x comes every
// time. A slot is filled again when its stage is done, with the stage that comes to it next.
#pragma once

template <int NT, class Source>
struct CodesSkinny {
  static constexpr int Stages = NT == 1 ? 8 : 4, UnitStages = EKC_LINEAR_SLICE / 64;
  static constexpr u32 InputBytes = 8 * NT * 128, WarpBytes = Stages * (InputBytes + Source::Bytes);
  static constexpr u32 UnitBytes = 16 * 8 * NT * 4;
  static constexpr u32 Sums = EKC_CODES_SKINNY_SUMS * NT;
  static constexpr int MaxUnits = (int)(Sums / UnitBytes);
  static constexpr u32 Table = EKC_CODES_SKINNY_SHARED(Source::Bits) - 64;
  static_assert(8 * WarpBytes + Sums <= Table, "shared memory");
  static_assert(MaxUnits * EKC_LINEAR_SLICE >= EKC_LINEAR_SKINNY_MAX_K, "a tile must fit in a group");
};

// A warp's place in its units: `left` of them in this group, this one included; none where the group is the end.
struct CodesUnit {
  int group, tile, slice, left;
};

DEV void codes_settle(const SkinnyWork& w, CodesUnit& u, int warp) {
  while (u.left <= 0) {
    u.tile = u.slice = 0;
    if (u.group >= w.end_tile) return;
    const int units = skinny_units(w, u.group), tiles = units / w.slices, first = units * warp / 8;
    u.left = units * (warp + 1) / 8 - first;
    u.slice = first / tiles;
    u.tile = first % tiles;
    if (u.left <= 0) u.group += w.group_tiles;
  }
}

DEV CodesUnit codes_next(const SkinnyWork& w, CodesUnit u, int warp) {
  u.left--;
  if (u.left <= 0) {
    u.group += w.group_tiles;
    codes_settle(w, u, warp);
  } else if (++u.tile >= w.group_tiles || u.group + u.tile >= w.end_tile) {
    u.tile = 0;
    u.slice++;
  }
  return u;
}

DEV int codes_first_n(const CodesUnit& u) { return (u.group + u.tile) * 16; }

// A run of stages to be fetched: as many as its columns have before `end`.
struct CodesFetch {
  u64 weights;
  int k, end;
  bool has_inputs;
};

// stage: of the unit, the first of the run. slice: of which x is there.
template <int NT, class Source>
DEV CodesFetch codes_fetch_of(
    const EkcLinear& p, const SkinnyWork& w, const Source& source, const CodesUnit& unit, int stage, int slice) {
  const int first = unit.slice * EKC_LINEAR_SLICE, last = first + EKC_LINEAR_SLICE;
  CodesFetch f;
  f.k = first + stage * 64;
  f.end = unit.group >= w.end_tile ? 0 : last < p.k ? last : p.k;
  f.weights = source.at(codes_first_n(unit), f.k) + lane_index() * 16;
  f.has_inputs = NT > 1 || unit.slice != slice;
  return f;
}

// A thread's part of the inputs of a stage: 8 columns of some rows.
struct CodesInputs {
  u64 from;  // of its first row and column 0
  u64 rows;  // bytes to the next of its rows
  u32 to;    // in slot 0
  int count, k_end;
};

// Of eight threads to a row, from first_row on; each has every `apart`-th.
DEV CodesInputs codes_inputs_of(const EkcLinear& p, i64 first_row, int thread, int apart, u32 slots) {
  const int chunk = thread & 7;
  const i64 row = first_row + (thread >> 3);
  CodesInputs x;
  x.from = p.x + (row * p.x_stride + chunk * 8) * 2;
  x.rows = p.x_stride * apart * 2;
  x.to = slots + skinny_offset(thread >> 3, chunk);
  x.count = p.rows > row ? (int)((p.rows - row + apart - 1) / apart) : 0;
  x.k_end = p.k - chunk * 8;
  return x;
}

// Rows that there are not stay what they were, and so do sums that nobody asks for; columns must be zeros.
template <int COUNT, int APART>
DEV void codes_fetch_inputs(const CodesInputs& x, int k0, u32 slot) {
  const u64 from = x.from + (u64)k0 * 2;
  UNROLL for (int i = 0; i < COUNT; i++) {
    const u32 to = ((x.to + slot) ^ (i * APART & 4) * 16) + i * APART * 128;
    if (i >= x.count) continue;
    if (k0 < x.k_end) copy_async(to, (const void*)(from + i * x.rows), 16);
    else shared_store4(to, u32x4{0, 0, 0, 0});
  }
}

// inputs, weights: where this lane's part of them begins.
template <int NT, class Source>
DEV void codes_multiply(float (&sums)[NT][4], const Source& source, u32 inputs, u32 weights) {
  typedef Mma<typename Source::Type> M;
  u32 words[Source::Bits];
  Source::words(words, weights);
  UNROLL for (int half = 0; half < 2; half++) {
    u32 b[NT][4];
    UNROLL for (int n = 0; n < NT; n++) load_matrix4(b[n], (inputs ^ half * 64) + n * 1024);
    UNROLL for (int k = 0; k < 2; k++) {
      u32 a[4];
      source.fragment(a, words, half * 2 + k);
      UNROLL for (int n = 0; n < NT; n++) M::multiply(sums[n], a, b[n][2 * k], b[n][2 * k + 1]);
    }
  }
}

// Two CTAs of an SM, which are likely to be half a grid apart, take neighbouring runs of tiles.
DEV SkinnyWork codes_work(const EkcLinear& p, int max_units) {
  const int tiles = (p.n + 15) / 16, grid = (int)grid_x(), half = grid / 2, block = (int)block_x();
  const int place = grid % 2 != 0 ? block : block < half ? 2 * block : 2 * (block - half) + 1;
  SkinnyWork w;
  w.first_tile = (int)((i64)tiles * place / grid);
  w.end_tile = (int)((i64)tiles * (place + 1) / grid);
  w.slices = (p.k + EKC_LINEAR_SLICE - 1) / EKC_LINEAR_SLICE;
  w.group_tiles = max_units / w.slices;
  return w;
}

template <int NT, class Source>
DEV void codes_skinny(const EkcLinear& p, Source source) {
  typedef CodesSkinny<NT, Source> S;
  typedef PlainSums<typename Source::Type> Math;
  // By a shuffle, so that the assembler knows that it is the same in all lanes.
  const int warp = shuffle(thread_index() >> 5, 0), lane = lane_index();
  const u32 inputs = shared_base() + warp * S::WarpBytes, weights = inputs + S::Stages * S::InputBytes + lane * 16;
  const u32 own_inputs = inputs + skinny_offset(lane & 7, lane >> 3), sums = shared_base() + 8 * S::WarpBytes;
  const CodesInputs x = codes_inputs_of(p, 0, lane, 4, inputs);
  const SkinnyWork w = codes_work(p, S::MaxUnits);
  CodesUnit unit = {w.first_tile, 0, 0, 0};
  codes_settle(w, unit, warp);
  source.read_ahead(codes_first_n(unit), unit.slice * EKC_LINEAR_SLICE);
  CodesFetch fetch = codes_fetch_of<NT>(p, w, source, unit, 0, -1);
  NO_UNROLL for (int s = 0; s < S::Stages; s++) {
    if (fetch.k + s * 64 < fetch.end) Source::fetch(weights + s * Source::Bytes, fetch.weights + s * Source::Bytes);
  }
  wait_for_previous();
  NO_UNROLL for (int s = 0; s < S::Stages; s++) {
    const int k = fetch.k + s * 64;
    if (k < fetch.end) codes_fetch_inputs<2 * NT, 4>(x, k, s * S::InputBytes);
    copy_commit();
  }
  NO_UNROLL for (int group = w.first_tile; group < w.end_tile; group += w.group_tiles) {
    NO_UNROLL while (unit.group == group) {
      float unit_sums[NT][4];
      UNROLL for (int n = 0; n < NT; n++) {
        UNROLL for (int e = 0; e < 4; e++) unit_sums[n][e] = 0;
      }
      const CodesUnit next = codes_next(w, unit, warp);
      const int first_n = codes_first_n(unit), first_k = unit.slice * EKC_LINEAR_SLICE;
      NO_UNROLL for (int run = 0; run < S::UnitStages; run += S::Stages) {
        const bool is_last = run + S::Stages == S::UnitStages;
        fetch = codes_fetch_of<NT>(p, w, source, is_last ? next : unit, is_last ? 0 : run + S::Stages, unit.slice);
        NO_UNROLL for (int s = 0; s < S::Stages; s++) {
          const int k0 = first_k + (run + s) * 64;
          copy_wait<S::Stages - 1>();
          sync_warp();
          if (k0 < p.k) {  // the last slice may be shorter, its slots are not
            if (source.begins_group(k0)) {
              const int ahead = k0 + source.period;
              const bool is_here = ahead < p.k && ahead < first_k + EKC_LINEAR_SLICE;
              source.turn();
              source.read_ahead(
                  is_here ? first_n : codes_first_n(next), is_here ? ahead : next.slice * EKC_LINEAR_SLICE);
            }
            codes_multiply<NT>(unit_sums, source, own_inputs + s * S::InputBytes, weights + s * Source::Bytes);
          }
          sync_warp();
          if (fetch.k < fetch.end) {
            Source::fetch(weights + s * Source::Bytes, fetch.weights);
            if (fetch.has_inputs) codes_fetch_inputs<2 * NT, 4>(x, fetch.k, s * S::InputBytes);
          }
          copy_commit();
          fetch.k += 64;
          fetch.weights += Source::Bytes;
        }
      }
      skinny_put(unit_sums, sums + (unit.tile * w.slices + unit.slice) * S::UnitBytes);
      unit = next;
    }
    sync_block();
    skinny_finish<NT, Source>(p, w, Math(p), group, sums);
    sync_block();
  }
}

// The number of tiles of x changes no bit of a result.
template <class T, int TYPE>
DEV void linear_codes_skinny(const EkcQuantizedLinear& p) {
  const u32 table = shared_base() + EKC_CODES_SKINNY_SHARED(Packed<TYPE>::Bits) - 64;
  load_table<TYPE>(p.codes, table);
  with_codes<T, TYPE>(p, table, [&](auto source) INLINED {
    if (p.linear.rows <= 8) codes_skinny<1>(p.linear, source);
    else codes_skinny<2>(p.linear, source);
  });
}
