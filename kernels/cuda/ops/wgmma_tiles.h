// What products by wgmma (sm_90a) share: tiles of 128 columns of y and NT rows, a ring of stages that one thread fills
// by tensor copies, tiles that several CTAs work on, and the way of sums to memory. W is on the row side of wgmma
// whatever NT is, so an element's sum is made in one order for 1 row and for 1,000.
//
// Shared memory: a ring of stages, each W [128][128 bytes of k] then x [NT][128 bytes of k], in the 128-byte swizzle
// that tensor copies write and wgmma reads. One thread of warpgroup 2 fills it, as far ahead as there are stages, over
// the ends of tiles; warpgroups 0 and 1 multiply 64 columns each. A stage's `full` mbarrier counts its bytes, its
// `empty` one the warps that are done with it.
//
// With C = 2 two CTAs are a cluster: their tiles are neighbours in rows, each fetches half of the 128 columns' weights
// for both, and a stage is empty when both are done with it. Both go through the same sequence of stages.
#pragma once

template <int NT, int C>
struct WgmmaForm {
  static constexpr int Stages = EKC_LINEAR_WGMMA_STAGES(NT), TileN = 128, StepBytes = 128;
  static constexpr u32 WeightBytes = TileN * StepBytes, StageBytes = WeightBytes + NT * StepBytes;
  static constexpr int SliceSteps = EKC_LINEAR_SLICE * 2 / StepBytes, ConsumerThreads = 256;
  static constexpr bool MaySplit = C == 1;
  static constexpr int OutRows = NT < 32 ? NT : 32, OutPitch = 20;
  static constexpr u32 OutBytes = OutRows * OutPitch * 4;  // of a warp
  // What a scale per row takes, of each stage, behind all else.
  static constexpr u32 ScaleBytes = NT * 4;
  // The producer's registers for the consumers' sums, where these do not fit in an even share.
  static constexpr bool MovesRegisters = NT == 32 || NT > 64;
  static constexpr int ProducerRegisters = 40, ConsumerRegisters = NT == 32 ? 96 : 232;
  static constexpr u32 Bytes = Stages * StageBytes + 8 * OutBytes + Stages * 16 + 16;
  static_assert(Bytes <= EKC_LINEAR_WGMMA_SHARED(NT), "memory");
  static_assert(Bytes + Stages * ScaleBytes <= EKC_W8A8_WGMMA_SHARED(NT), "memory with scales");
};

// A product, cut.
struct WgmmaWork {
  int rows, n, steps, step_columns;  // steps: stages that K takes
  int splits, group_rows;
  u64 partials, counters;
  DEV_MEMBER int slices() const { return (steps + 7) / 8; }
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
  int tile, part, first_n, first_row, first_step, end_step;
};

// Units: the parts of a tile together, tiles of rows before tiles of columns within a group of tiles of rows, so that
// what runs at one time shares both operands in L2.
template <int NT, int C>
DEV WgmmaUnit wgmma_unit(const WgmmaWork& w, int index) {
  typedef WgmmaForm<NT, C> F;
  const int splits = F::MaySplit ? w.splits : 1;
  const int row_tiles = (w.rows + NT * C - 1) / (NT * C), n_tiles = (w.n + F::TileN - 1) / F::TileN;
  const int tile = index / splits, part = index - tile * splits;
  const int first = tile / (w.group_rows * n_tiles) * w.group_rows, left = row_tiles - first;
  const int rows = left < w.group_rows ? left : w.group_rows, place = tile - first * n_tiles;
  const int slices = w.slices(), end = slices * (part + 1) / splits * F::SliceSteps;
  const int row = (first + place % rows) * NT * C + (C > 1 ? (int)cluster_rank() * NT : 0);
  return {tile, part, place / rows * F::TileN, row, slices * part / splits * F::SliceSteps,
          end < w.steps ? end : w.steps};
}

template <int NT, int C>
DEV int wgmma_units(const WgmmaWork& w) {
  typedef WgmmaForm<NT, C> F;
  const int row_tiles = (w.rows + NT * C - 1) / (NT * C);
  return row_tiles * ((w.n + F::TileN - 1) / F::TileN) * (F::MaySplit ? w.splits : 1);
}

// Where a CTA's mbarriers and buffers lie.
struct WgmmaPlaces {
  u32 ring, out, barriers, flag, scales;
};

DEV u32 wgmma_full(u32 barriers, u32 slot) { return barriers + slot * 16; }
DEV u32 wgmma_empty(u32 barriers, u32 slot) { return barriers + slot * 16 + 8; }

// scales: f32 [stage of K][pitch] of rows, which go with the stages; or 0.
template <int NT, int C>
DEV void wgmma_produce(const WgmmaWork& w, u64 maps, const WgmmaPlaces& places, u64 scales, i64 pitch) {
  typedef WgmmaForm<NT, C> F;
  const u64 weight_map = maps, x_map = maps + sizeof(EkcTensorMap);
  const int units = wgmma_units<NT, C>(w);
  RingPlace<F::Stages> at = {0, 1};  // a slot that was never used is empty
  NO_UNROLL for (int index = block_x() / C; index < units; index += grid_x() / C) {
    const WgmmaUnit unit = wgmma_unit<NT, C>(w, index);
    NO_UNROLL for (int step = unit.first_step; step < unit.end_step; step++) {
      const u32 full = wgmma_full(places.barriers, at.slot), stage = places.ring + at.slot * F::StageBytes;
      const u32 empty = wgmma_empty(places.barriers, at.slot);
      const int column = step * w.step_columns;
      mbarrier_wait(empty, at.parity);
      mbarrier_expect(full, F::StageBytes + (scales != 0 ? F::ScaleBytes : 0));
      if (C == 1) {
        tensor_copy(stage, weight_map, column, unit.first_n, full);
      } else {
        const u32 part = cluster_rank() * (F::WeightBytes / C);
        tensor_copy_to(
            stage + part, weight_map, column, unit.first_n + cluster_rank() * (F::TileN / C), full, (1 << C) - 1);
      }
      tensor_copy(stage + F::WeightBytes, x_map, column, unit.first_row, full);
      if (scales != 0) {
        const void* from = (const void*)(scales + (step * pitch + unit.first_row) * 4);
        bulk_copy(places.scales + at.slot * F::ScaleBytes, from, F::ScaleBytes, full);
      }
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

// Products of one stage.
template <class T, int NT, int C>
DEV void wgmma_issue(
    typename Wgmma<T, NT>::Sum (&sums)[NT / 2], const WgmmaPlaces& places,
    const RingPlace<WgmmaForm<NT, C>::Stages>& at, bool is_first) {
  typedef WgmmaForm<NT, C> F;
  const u32 stage = places.ring + at.slot * F::StageBytes;
  const u32 half = (thread_index() >> 7) * (F::WeightBytes / 2);
  mbarrier_wait(wgmma_full(places.barriers, at.slot), at.parity);
  const u64 weight = wgmma_tile(stage + half, 1024, Swizzle::Bytes128);
  const u64 x = wgmma_tile(stage + F::WeightBytes, 1024, Swizzle::Bytes128);
  wgmma_fence();
  UNROLL for (int k = 0; k < F::StepBytes / 32; k++) {
    Wgmma<T, NT>::multiply(sums, weight + k * 2, x + k * 2, !is_first || k > 0);
  }
  wgmma_commit();
}

// Adds up some stages. One is given back when the products after it have been issued and its own are done. The first is
// apart: it adds to nothing, and were that for a register to say, ptxas would write `sums` in front of it in the loop,
// where products are in flight, and therefore wait for each product (C7515).
template <class T, int NT, int C>
DEV void wgmma_run(
    typename Wgmma<T, NT>::Sum (&sums)[NT / 2], const WgmmaPlaces& places,
    RingPlace<WgmmaForm<NT, C>::Stages>& at, int steps) {
  wgmma_issue<T, NT, C>(sums, places, at, true);
  u32 before = at.slot;
  at.next();
  NO_UNROLL for (int step = 1; step < steps; step++) {
    wgmma_issue<T, NT, C>(sums, places, at, false);
    wgmma_wait_but<1>();
    wgmma_release<C>(wgmma_empty(places.barriers, before));
    before = at.slot;
    at.next();
  }
  Wgmma<T, NT>::wait(sums);
  wgmma_release<C>(wgmma_empty(places.barriers, before));
}

// Gives body(row, column, sum) of a unit in an order that fills lines of memory: a warp's 16 columns go through shared
// memory, some rows at a time, for its lanes hold them by 2 rows x 8 columns.
template <int NT, class Sum, class F>
DEV void wgmma_out(const Sum (&sums)[NT / 2], u32 out, F body) {
  constexpr int Rows = WgmmaForm<NT, 1>::OutRows, Pitch = WgmmaForm<NT, 1>::OutPitch;
  const int warp = thread_index() >> 5, lane = lane_index(), g = lane >> 2, t = lane & 3;
  const u32 mine = out + warp * WgmmaForm<NT, 1>::OutBytes;
  UNROLL for (int first = 0; first < NT; first += Rows) {
    UNROLL for (int i = 0; i < Rows / 2; i++) {
      const int row = (i >> 2) * 8 + 2 * t + (i & 1), column = g + (i >> 1 & 1) * 8;
      shared_store(mine + (row * Pitch + column) * 4, sum_bits(sums[first / 2 + i]));
    }
    sync_warp();
    NO_UNROLL for (int row = lane >> 4; row < Rows; row += 2) {
      Sum sum;
      set_sum(sum, shared_load(mine + (row * Pitch + (lane & 15)) * 4));
      body(first + row, warp * 16 + (lane & 15), sum);
    }
    sync_warp();
  }
}

// Where a piece of a tile's sums lies that several CTAs work on.
template <int NT>
DEV u64 wgmma_partial(const WgmmaWork& w, int tile, int piece, int pieces, int row, int column) {
  return w.partials + ((((i64)tile * pieces + piece) * NT + row) * 128 + column) * 4;
}

// The last of a tile's CTAs adds up what all of them have left, in the order of pieces.
template <class Product, int NT, int C>
DEV void wgmma_combine(const Product& product, const WgmmaWork& w, const WgmmaUnit& unit, u32 flag) {
  typedef WgmmaForm<NT, C> F;
  u32* counter = (u32*)w.counters + unit.tile;
  fence_gpu();
  barrier_sync(1, F::ConsumerThreads);
  if (thread_index() == 0) {
    const bool is_last = atomic_add_acq_rel(counter, 1) == (u32)w.splits - 1;
    if (is_last) store(counter, 0u);
    shared_store(flag, is_last);
  }
  barrier_sync(1, F::ConsumerThreads);
  if (shared_load(flag) == 0) return;
  fence_gpu();
  const int pieces = Product::pieces(w), left = w.rows - unit.first_row, rows = left < NT ? left : NT;
  for (int item = thread_index(); item < rows * F::TileN; item += F::ConsumerThreads) {
    const int row = item / F::TileN, column = item % F::TileN;
    if (unit.first_n + column >= w.n) continue;
    typename Product::Sum total = 0, sum;
    for (int piece = 0; piece < pieces; piece++) {
      const float* at = (const float*)wgmma_partial<NT>(w, unit.tile, piece, pieces, row, column);
      set_sum(sum, float_bits(load_fresh(at)));
      total += sum;
    }
    product.finish(unit.first_row + row, unit.first_n + column, total);
  }
}

template <class Product, int NT, int C>
DEV void wgmma_consume(const Product& product, const WgmmaWork& w, const WgmmaPlaces& places) {
  typedef WgmmaForm<NT, C> F;
  typedef typename Product::Sum Sum;
  const int units = wgmma_units<NT, C>(w);
  const bool is_split = F::MaySplit && w.splits > 1;
  RingPlace<F::Stages> at = {0, 0};
  NO_UNROLL for (int index = block_x() / C; index < units; index += grid_x() / C) {
    const WgmmaUnit unit = wgmma_unit<NT, C>(w, index);
    Sum total[NT / 2];
    const auto leave = [&](const Sum(&sums)[NT / 2], int piece) INLINED {
      wgmma_out<NT>(sums, places.out, [&](int row, int column, Sum sum) INLINED {
        if (unit.first_row + row >= w.rows) return;
        const u64 to = wgmma_partial<NT>(w, unit.tile, piece, Product::pieces(w), row, column);
        store((u32*)to, sum_bits(sum));
      });
    };
    product.template multiply<NT, C>(unit, places, at, total, is_split, leave);
    if (is_split) {
      wgmma_combine<Product, NT, C>(product, w, unit, places.flag);
      continue;
    }
    wgmma_out<NT>(total, places.out, [&](int row, int column, Sum sum) INLINED {
      const i64 r = unit.first_row + row, n = unit.first_n + column;
      if (r < w.rows && n < w.n) product.finish(r, n, sum);
    });
  }
}

// Sums of slices of K apart, then added up in order; or left to the CTA that ends last.
template <int NT, int C, class Sum, class Slice, class Leave>
DEV void wgmma_slices(const WgmmaUnit& unit, Sum (&total)[NT / 2], bool is_split, Slice slice, Leave leave) {
  typedef WgmmaForm<NT, C> F;
  UNROLL for (int e = 0; e < NT / 2; e++) total[e] = 0;
  NO_UNROLL for (int step = unit.first_step; step < unit.end_step; step += F::SliceSteps) {
    const int left = unit.end_step - step;
    Sum sums[NT / 2];
    slice(sums, step, left < F::SliceSteps ? left : F::SliceSteps);
    if (is_split) {
      leave(sums, step / F::SliceSteps);
    } else {
      UNROLL for (int e = 0; e < NT / 2; e++) total[e] += sums[e];
    }
  }
}

// maps: the address of the weight's and then the inputs' map.
template <class Product, int NT, int C>
DEV void wgmma_kernel(const Product& product, const WgmmaWork& w, u64 maps, u64 scales, i64 pitch) {
  typedef WgmmaForm<NT, C> F;
  const u32 ring = shared_base(), out = ring + F::Stages * F::StageBytes, barriers = out + 8 * F::OutBytes;
  const WgmmaPlaces places = {ring, out, barriers, barriers + F::Stages * 16, ring + F::Bytes};
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
    if (F::MovesRegisters) registers_lower<F::ProducerRegisters>();
    // Elected, not picked by number: ptxas then knows that one lane issues copies, and makes no loop over lanes.
    if (thread_index() < F::ConsumerThreads + 32 && elect_one()) {
      wgmma_produce<NT, C>(w, maps, places, scales, pitch);
    }
  } else {
    if (F::MovesRegisters) registers_raise<F::ConsumerRegisters>();
    wgmma_consume<Product, NT, C>(product, w, places);
  }
  if (C > 1) cluster_sync();  // others still arrive at this CTA's mbarriers
}

// EKC_WGMMA_KERNEL(size in the name, rows of a tile, CTAs of a cluster, CTAs an SM, ...) for every size.
#define EKC_WGMMA_SIZES(...)                      \
  EKC_WGMMA_KERNEL(8, 8, 1, 2, __VA_ARGS__)       \
  EKC_WGMMA_KERNEL(16, 16, 1, 2, __VA_ARGS__)     \
  EKC_WGMMA_KERNEL(32, 32, 1, 2, __VA_ARGS__)     \
  EKC_WGMMA_KERNEL(64, 64, 1, 1, __VA_ARGS__)     \
  EKC_WGMMA_KERNEL(128, 128, 1, 1, __VA_ARGS__)   \
  EKC_WGMMA_KERNEL(_pair128, 128, 2, 1, __VA_ARGS__)
