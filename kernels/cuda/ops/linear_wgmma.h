// y = x W^T of 16-bit numbers by wgmma: K is added up in the slices of the other forms.
#pragma once

template <class T>
struct WgmmaProduct {
  typedef float Sum;
  const EkcLinear& p;

  DEV_MEMBER WgmmaProduct(const EkcLinear& p) : p(p) {}
  static DEV_MEMBER int pieces(const WgmmaWork& w) { return w.slices(); }
  template <int NT, int C, class Leave>
  DEV_MEMBER void multiply(
      const WgmmaUnit& unit, const WgmmaPlaces& places, RingPlace<WgmmaForm<NT, C>::Stages>& at,
      float (&total)[NT / 2], bool is_split, Leave leave) const {
    wgmma_slices<NT, C>(
        unit, total, is_split,
        [&](float(&sums)[NT / 2], int, int steps) INLINED { wgmma_run<T, NT, C>(sums, places, at, steps); }, leave);
  }
  DEV_MEMBER void finish(i64 row, i64 n, float sum) const { finish_linear<T>(p, row, n, sum); }
};

// maps: the address of p.weight_map.
template <class T, int NT, int C>
DEV void linear_wgmma(const EkcLinearWgmma& p, u64 maps) {
  constexpr int StepColumns = 64;
  const WgmmaWork work = {p.linear.rows, p.linear.n, (p.linear.k + StepColumns - 1) / StepColumns, StepColumns,
                          p.splits, p.group_rows, p.partials, p.counters};
  wgmma_kernel<WgmmaProduct<T>, NT, C>(WgmmaProduct<T>(p.linear), work, maps, 0, 0);
}
