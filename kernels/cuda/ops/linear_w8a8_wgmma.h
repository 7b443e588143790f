// y = x W^T with x and W of 8 bits by wgmma.
#pragma once

// Weights count from 0 to 255 in the products, for their zero of 128 is not theirs: 128 times the sum of a row's inputs
// goes off at the end. Sums are whole numbers, so nothing is apart from anything.
struct WgmmaIntegers {
  typedef i32 Sum;
  const EkcW8A8& p;
  u64 x_sums;

  DEV_MEMBER WgmmaIntegers(const EkcW8A8Wgmma& p) : p(p.product), x_sums(p.x_sums) {}
  static DEV_MEMBER int pieces(const WgmmaWork& w) { return w.splits; }
  template <int NT, int C, class Leave>
  DEV_MEMBER void multiply(
      const WgmmaUnit& unit, const WgmmaPlaces& places, RingPlace<WgmmaForm<NT, C>::Stages>& at,
      i32 (&total)[NT / 2], bool is_split, Leave leave) const {
    wgmma_run<CodesI8, NT, C>(total, places, at, unit.end_step - unit.first_step);
    if (is_split) leave(total, unit.part);
  }
  DEV_MEMBER void finish(i64 row, i64 n, i32 sum) const {
    finish_integers(p, row, n, sum - 128 * load((const i32*)x_sums + row));
  }
};

// What the tensor core has summed of 128 columns, which is a stage, goes to f32: it may keep as few as 14 bits of them.
// One group is in flight at a time; meanwhile the other warpgroup's products run.
struct WgmmaFloats {
  typedef float Sum;
  const EkcW8A8& p;

  DEV_MEMBER WgmmaFloats(const EkcW8A8Wgmma& p) : p(p.product) {}
  static DEV_MEMBER int pieces(const WgmmaWork& w) { return w.slices(); }

  template <int NT, int C>
  DEV_MEMBER void slice(
      float (&sums)[NT / 2], const WgmmaUnit& unit, const WgmmaPlaces& places,
      RingPlace<WgmmaForm<NT, C>::Stages>& at, int first_step, int steps) const {
    typedef WgmmaForm<NT, C> F;
    const int lane = lane_index(), t = lane & 3;
    const i64 n = unit.first_n + (thread_index() >> 5) * 16 + (lane >> 2);
    const bool is_scaled = has_groups(p);
    UNROLL for (int e = 0; e < NT / 2; e++) sums[e] = 0;
    NO_UNROLL for (int step = first_step; step < first_step + steps; step++) {
      float block[NT / 2], weight[2] = {1.f, 1.f};
      if (is_scaled) {
        UNROLL for (int i = 0; i < 2; i++) weight[i] = weight_factor(p, n + 8 * i, step * BlockK);
      }
      wgmma_issue<CodesE4M3, NT, C>(block, places, at, true);
      Wgmma<CodesE4M3, NT>::wait(block);
      if (!is_scaled) {
        UNROLL for (int e = 0; e < NT / 2; e++) sums[e] += block[e];
      } else {
        UNROLL for (int j = 0; j < NT / 8; j++) {
          u32x2 x = {float_bits(1.f), float_bits(1.f)};
          if (p.x_scales != 0) x = shared_load2(places.scales + at.slot * F::ScaleBytes + (j * 8 + 2 * t) * 4);
          UNROLL for (int e = 0; e < 4; e++) {
            const float factor = weight[e >> 1] * bits_float((e & 1) != 0 ? x.y : x.x);
            sums[4 * j + e] = fma_float(block[4 * j + e], factor, sums[4 * j + e]);
          }
        }
      }
      if (p.x_scales != 0) sync_warp();  // every lane has read the scales that the next copy writes over
      wgmma_release<C>(wgmma_empty(places.barriers, at.slot));
      at.next();
    }
  }

  template <int NT, int C, class Leave>
  DEV_MEMBER void multiply(
      const WgmmaUnit& unit, const WgmmaPlaces& places, RingPlace<WgmmaForm<NT, C>::Stages>& at,
      float (&total)[NT / 2], bool is_split, Leave leave) const {
    wgmma_slices<NT, C>(
        unit, total, is_split,
        [&](float(&sums)[NT / 2], int step, int steps) INLINED {
          slice<NT, C>(sums, unit, places, at, step, steps);
        },
        leave);
  }
  DEV_MEMBER void finish(i64 row, i64 n, float sum) const { finish_floats(p, row, n, sum); }
};

// maps: the address of p.weight_map.
template <class Product, int NT, int C>
DEV void linear_w8a8_wgmma(const EkcW8A8Wgmma& p, u64 maps) {
  const EkcLinear& l = p.product.linear;
  const WgmmaWork work = {l.rows, l.n, (l.k + BlockK - 1) / BlockK, BlockK, p.splits, p.group_rows, p.partials,
                          p.counters};
  wgmma_kernel<Product, NT, C>(Product(p), work, maps, p.product.x_scales, p.x_pitch);
}
