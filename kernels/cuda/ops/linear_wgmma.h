// y = x W^T by wgmma (sm_90a): tiles of 128 columns of y and NT rows. W is on the row side of wgmma whatever NT is, and
// K is added up in the slices of the other forms, so an element's sum is made in one order for 1 row and for 1,000.
//
// Shared memory: a ring of stages, each W [128][64 k] then x [NT][64 k] of 16-bit elements, 128 bytes a row, in the
// 128-byte swizzle that tensor copies write and wgmma reads. One thread of warpgroup 2 fills it, as far ahead as there
// are stages, over the ends of tiles; warpgroups 0 and 1 multiply 64 columns each. A stage's `full` mbarrier counts its
// bytes, its `empty` one the warps that are done with it.
//
// With C = 2 two CTAs are a cluster: their tiles are neighbours in rows, each fetches half of the 128 columns' weights
// for both, and a stage is empty when both are done with it. Both go through the same sequence of stages.
#pragma once

template <int NT, int C>
struct WgmmaForm {
  static constexpr int Stages = EKC_LINEAR_WGMMA_STAGES(NT), TileN = 128, StepK = 64;
  static constexpr u32 WeightBytes = TileN * StepK * 2, StageBytes = WeightBytes + NT * StepK * 2;
  static constexpr int SliceSteps = EKC_LINEAR_SLICE / StepK, ConsumerThreads = 256;
  static constexpr bool MaySplit = C == 1;
  static constexpr int OutRows = NT < 32 ? NT : 32, OutPitch = 20;
  static constexpr u32 OutBytes = OutRows * OutPitch * 4;  // of a warp
  // The producer's registers for the consumers' sums, where these do not fit in an even share.
  static constexpr bool MovesRegisters = NT > 64;
  static_assert(Stages * StageBytes + 8 * OutBytes + Stages * 16 + 4 <= EKC_LINEAR_WGMMA_SHARED(NT), "memory");
};

// A place in the ring: the n-th stage that is used has slot n % stages, and its phase has parity n / stages % 2.
template <int Stages>
struct RingPlace {
  u32 slot, parity;
  DEV_MEMBER void next() {
    if (++slot < Stages) return;
    slot = 0;
    parity ^= 1;
  }
};

// One CTA's part of a tile.
struct WgmmaUnit {
  int tile, first_n, first_row, first_step, end_step;
};

// Units: the parts of a tile together, tiles of rows before tiles of columns within a group of tiles of rows, so that
// what runs at one time shares both operands in L2.
template <int NT, int C>
DEV WgmmaUnit wgmma_unit(const EkcLinearWgmma& p, int index) {
  typedef WgmmaForm<NT, C> F;
  const int splits = F::MaySplit ? p.splits : 1;
  const int row_tiles = (p.linear.rows + NT * C - 1) / (NT * C), n_tiles = (p.linear.n + F::TileN - 1) / F::TileN;
  const int tile = index / splits, part = index - tile * splits;
  const int first = tile / (p.group_rows * n_tiles) * p.group_rows, left = row_tiles - first;
  const int rows = left < p.group_rows ? left : p.group_rows, place = tile - first * n_tiles;
  const int slices = (p.linear.k + EKC_LINEAR_SLICE - 1) / EKC_LINEAR_SLICE;
  const int steps = (p.linear.k + F::StepK - 1) / F::StepK, end = slices * (part + 1) / splits * F::SliceSteps;
  const int row = (first + place % rows) * NT * C + (C > 1 ? (int)cluster_rank() * NT : 0);
  return {tile, place / rows * F::TileN, row, slices * part / splits * F::SliceSteps, end < steps ? end : steps};
}

template <int NT, int C>
DEV int wgmma_units(const EkcLinearWgmma& p) {
  typedef WgmmaForm<NT, C> F;
  const int row_tiles = (p.linear.rows + NT * C - 1) / (NT * C);
  return row_tiles * ((p.linear.n + F::TileN - 1) / F::TileN) * (F::MaySplit ? p.splits : 1);
}

// Where a CTA's mbarriers and buffers lie.
struct WgmmaPlaces {
  u32 ring, out, barriers, flag;
};

DEV u32 wgmma_full(u32 barriers, u32 slot) { return barriers + slot * 16; }
DEV u32 wgmma_empty(u32 barriers, u32 slot) { return barriers + slot * 16 + 8; }

template <int NT, int C>
DEV void wgmma_produce(const EkcLinearWgmma& p, u64 maps, const WgmmaPlaces& places) {
  typedef WgmmaForm<NT, C> F;
  const u64 weight_map = maps, x_map = maps + sizeof(EkcTensorMap);
  const int units = wgmma_units<NT, C>(p);
  RingPlace<F::Stages> at = {0, 1};  // a slot that was never used is empty
  NO_UNROLL for (int index = block_x() / C; index < units; index += grid_x() / C) {
    const WgmmaUnit unit = wgmma_unit<NT, C>(p, index);
    NO_UNROLL for (int step = unit.first_step; step < unit.end_step; step++) {
      const u32 full = wgmma_full(places.barriers, at.slot), stage = places.ring + at.slot * F::StageBytes;
      const u32 empty = wgmma_empty(places.barriers, at.slot);
      mbarrier_wait(empty, at.parity);
      mbarrier_expect(full, F::StageBytes);
      if (C == 1) {
        tensor_copy(stage, weight_map, step * F::StepK, unit.first_n, full);
      } else {
        const u32 part = cluster_rank() * (F::WeightBytes / C);
        tensor_copy_to(
            stage + part, weight_map, step * F::StepK, unit.first_n + cluster_rank() * (F::TileN / C), full,
            (1 << C) - 1);
      }
      tensor_copy(stage + F::WeightBytes, x_map, step * F::StepK, unit.first_row, full);
      at.next();
    }
  }
}

// A warp is done with a stage, its own CTA's and what the others' copies will write there.
template <int C>
DEV void wgmma_release(u32 empty) {
  const u32 lane = lane_index();
  if (C == 1 && lane == 0) mbarrier_arrive(empty);
  if (C > 1 && lane < C) mbarrier_arrive_at(empty, lane);
}

DEV u64 wgmma_partial(const EkcLinearWgmma& p, int tile, int slice, int rows, int row, int column) {
  const int slices = (p.linear.k + EKC_LINEAR_SLICE - 1) / EKC_LINEAR_SLICE;
  return p.partials + ((((i64)tile * slices + slice) * rows + row) * 128 + column) * 4;
}

// Gives body(row, column, sum) of a unit in an order that fills lines of memory: a warp's 16 columns go through shared
// memory, some rows at a time, for its lanes hold them by 2 rows x 8 columns.
template <int NT, class F>
DEV void wgmma_out(const float (&sums)[NT / 2], u32 out, F body) {
  constexpr int Rows = WgmmaForm<NT, 1>::OutRows, Pitch = WgmmaForm<NT, 1>::OutPitch;
  const int warp = thread_index() >> 5, lane = lane_index(), g = lane >> 2, t = lane & 3;
  const u32 mine = out + warp * WgmmaForm<NT, 1>::OutBytes;
  UNROLL for (int first = 0; first < NT; first += Rows) {
    UNROLL for (int i = 0; i < Rows / 2; i++) {
      const int row = (i >> 2) * 8 + 2 * t + (i & 1), column = g + (i >> 1 & 1) * 8;
      shared_store(mine + (row * Pitch + column) * 4, float_bits(sums[first / 2 + i]));
    }
    sync_warp();
    NO_UNROLL for (int row = lane >> 4; row < Rows; row += 2) {
      const float sum = bits_float(shared_load(mine + (row * Pitch + (lane & 15)) * 4));
      body(first + row, warp * 16 + (lane & 15), sum);
    }
    sync_warp();
  }
}

// Adds up a slice's stages. A stage is given back when the products after it have been issued and its own are done. The
// first is apart: it adds to nothing, and were that for a register to say, ptxas would write `sums` in front of it in
// the loop, where products are in flight, and therefore wait for each product (C7515).
template <class T, int NT, int C>
DEV void wgmma_slice(
    float (&sums)[NT / 2], const WgmmaPlaces& places, RingPlace<WgmmaForm<NT, C>::Stages>& at, int steps) {
  typedef WgmmaForm<NT, C> F;
  const u32 half = (thread_index() >> 7) * (F::WeightBytes / 2);
  const auto issue = [&](bool is_first) INLINED {
    const u32 stage = places.ring + at.slot * F::StageBytes;
    mbarrier_wait(wgmma_full(places.barriers, at.slot), at.parity);
    const u64 weight = wgmma_tile(stage + half, 1024, Swizzle::Bytes128);
    const u64 x = wgmma_tile(stage + F::WeightBytes, 1024, Swizzle::Bytes128);
    wgmma_fence();
    UNROLL for (int k = 0; k < F::StepK / 16; k++) {
      Wgmma<T, NT>::multiply(sums, weight + k * 2, x + k * 2, !is_first || k > 0);
    }
    wgmma_commit();
  };
  issue(true);
  u32 before = at.slot;
  at.next();
  NO_UNROLL for (int step = 1; step < steps; step++) {
    issue(false);
    wgmma_wait_but<1>();
    wgmma_release<C>(wgmma_empty(places.barriers, before));
    before = at.slot;
    at.next();
  }
  Wgmma<T, NT>::wait(sums);
  wgmma_release<C>(wgmma_empty(places.barriers, before));
}

template <class T, int NT, int C>
DEV void wgmma_multiply(
    const EkcLinearWgmma& p, const WgmmaUnit& unit, const WgmmaPlaces& places,
    RingPlace<WgmmaForm<NT, C>::Stages>& at, float (&total)[NT / 2]) {
  typedef WgmmaForm<NT, C> F;
  UNROLL for (int e = 0; e < NT / 2; e++) total[e] = 0;
  NO_UNROLL for (int step = unit.first_step; step < unit.end_step; step += F::SliceSteps) {
    const int left = unit.end_step - step;
    float sums[NT / 2];
    wgmma_slice<T, NT, C>(sums, places, at, left < F::SliceSteps ? left : F::SliceSteps);
    if (!F::MaySplit || p.splits == 1) {
      UNROLL for (int e = 0; e < NT / 2; e++) total[e] += sums[e];
      continue;
    }
    wgmma_out<NT>(sums, places.out, [&](int row, int column, float sum) INLINED {
      if (unit.first_row + row >= p.linear.rows) return;
      store((float*)wgmma_partial(p, unit.tile, step / F::SliceSteps, NT, row, column), sum);
    });
  }
}

// The last of a tile's CTAs adds up what all of them have left, in the order of slices.
template <class T, int NT, int C>
DEV void wgmma_combine(const EkcLinearWgmma& p, const WgmmaUnit& unit, u32 flag) {
  typedef WgmmaForm<NT, C> F;
  u32* counter = (u32*)p.counters + unit.tile;
  fence_gpu();
  barrier_sync(1, F::ConsumerThreads);
  if (thread_index() == 0) {
    const bool is_last = atomic_add_acq_rel(counter, 1) == (u32)p.splits - 1;
    if (is_last) store(counter, 0u);
    shared_store(flag, is_last);
  }
  barrier_sync(1, F::ConsumerThreads);
  if (shared_load(flag) == 0) return;
  fence_gpu();
  const int slices = (p.linear.k + EKC_LINEAR_SLICE - 1) / EKC_LINEAR_SLICE;
  const int left = p.linear.rows - unit.first_row, rows = left < NT ? left : NT;
  for (int item = thread_index(); item < rows * F::TileN; item += F::ConsumerThreads) {
    const int row = item / F::TileN, column = item % F::TileN;
    if (unit.first_n + column >= p.linear.n) continue;
    float total = 0;
    for (int s = 0; s < slices; s++) {
      total += load_fresh((const float*)wgmma_partial(p, unit.tile, s, NT, row, column));
    }
    finish_linear<T>(p.linear, unit.first_row + row, unit.first_n + column, total);
  }
}

template <class T, int NT, int C>
DEV void wgmma_consume(const EkcLinearWgmma& p, const WgmmaPlaces& places) {
  typedef WgmmaForm<NT, C> F;
  const int units = wgmma_units<NT, C>(p);
  RingPlace<F::Stages> at = {0, 0};
  NO_UNROLL for (int index = block_x() / C; index < units; index += grid_x() / C) {
    const WgmmaUnit unit = wgmma_unit<NT, C>(p, index);
    float total[NT / 2];
    wgmma_multiply<T, NT, C>(p, unit, places, at, total);
    if (F::MaySplit && p.splits > 1) {
      wgmma_combine<T, NT, C>(p, unit, places.flag);
      continue;
    }
    wgmma_out<NT>(total, places.out, [&](int row, int column, float sum) INLINED {
      const i64 r = unit.first_row + row, n = unit.first_n + column;
      if (r < p.linear.rows && n < p.linear.n) finish_linear<T>(p.linear, r, n, sum);
    });
  }
}

// maps: the address of p.weight_map.
template <class T, int NT, int C>
DEV void linear_wgmma(const EkcLinearWgmma& p, u64 maps) {
  typedef WgmmaForm<NT, C> F;
  const u32 ring = shared_base(), out = ring + F::Stages * F::StageBytes, barriers = out + 8 * F::OutBytes;
  const WgmmaPlaces places = {ring, out, barriers, barriers + F::Stages * 16};
  if (thread_index() == 0) {
    UNROLL for (int s = 0; s < F::Stages; s++) {
      mbarrier_init(wgmma_full(barriers, s), 1);
      mbarrier_init(wgmma_empty(barriers, s), F::ConsumerThreads / 32 * C);
    }
    mbarrier_fence_init();
    tensor_map_prefetch(maps);
    tensor_map_prefetch(maps + sizeof(EkcTensorMap));
  }
  if (C == 1) sync_block();
  else cluster_sync();
  if (thread_index() >= F::ConsumerThreads) {
    if (F::MovesRegisters) registers_lower<40>();
    // Elected, not picked by number: ptxas then knows that one lane issues copies, and makes no loop over lanes.
    if (thread_index() < F::ConsumerThreads + 32 && elect_one()) wgmma_produce<NT, C>(p, maps, places);
  } else {
    if (F::MovesRegisters) registers_raise<232>();
    wgmma_consume<T, NT, C>(p, places);
  }
  if (C > 1) cluster_sync();  // others still arrive at this CTA's mbarriers
}
