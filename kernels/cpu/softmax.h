// Scores of a tile of query rows become weights. Included inside the namespace of one ISA level.
#pragma once

// One thread's state of an item.
template <class S>
struct AttentionState : AttentionRows {
  typedef typename S::P P;
  float factor[kMostRows];
  const char* tiles[kKvTile / 16];
  int ahead_first, ahead_last;    // which of ahead are to be fetched
  const char* ahead[kKvTile / 16];  // the same of the next KV tile
  alignas(64) float scores[kMostRows * kKvTile];
  alignas(64) P weights[kMostRows * kKvTile];
  float* acc;                     // [rows][dim] of the current part
  P* query;                       // [rows][dim]

  MEMBER float* score_row(int m) { return scores + m * kKvTile; }
};

// Scores of a row with a cap or a bias by distance, as multiples of log2 e.
template <class State>
static void bend_scores(
    const AttentionJob& job, State& st, int m, int row, int64_t base, int first, int last) {
  const vf scale = vset(job.scale * 1.44269504f);
  const vf cap_scale = vset(job.soft_cap > 0 ? job.scale / job.soft_cap : 0);
  const vf cap_log2 = vset(job.soft_cap * 1.44269504f);
  const vf self = vset(static_cast<float>(st.high[row] - 1 - base));
  for (int t = first; t < last; t++) {
    float* at = st.score_row(m) + t * 16;
    vf s = vload(at);
    const vf lane = vadd(viota(), vset(static_cast<float>(t * 16)));
    s = job.soft_cap > 0 ? vmul(vtanh(vmul(s, cap_scale)), cap_log2) : vmul(s, scale);
    if (job.slopes != nullptr) s = vfma(vsub(lane, self), vset(st.slope[row]), s);
    vstore(at, s);
  }
}

// Hides tokens [tile, until) of 16 that a row does not see.
template <class State>
INLINE void hide_scores(State& st, int m, int row, int64_t base, int tile, int until) {
  const vf low = vset(static_cast<float>(st.low[row] - base)), high = vset(static_cast<float>(st.high[row] - base));
  for (; tile < until; tile++) {
    float* at = st.score_row(m) + tile * 16;
    const vf lane = vadd(viota(), vset(static_cast<float>(tile * 16))), none = vset(kMinusInfinity);
    vstore(at, vselect(vless(lane, low), none, vselect(vless(lane, high), vload(at), none)));
  }
}

// Largest scores of a row, lane by lane, among those it sees; the others become minus infinity.
template <class State>
INLINE vf largest_scores(State& st, int m, int row, int64_t base, int first, int last) {
  const int64_t low = st.low[row] - base, high = st.high[row] - base;
  const int from = low > first * 16 ? low < last * 16 ? static_cast<int>(low + 15) / 16 : last : first;
  const int until = high < last * 16 ? high > from * 16 ? static_cast<int>(high) / 16 : from : last;
  hide_scores(st, m, row, base, first, from);
  hide_scores(st, m, row, base, until, last);
  vf max = vset(kMinusInfinity);
  for (int t = first; t < last; t++) max = vmax(max, vload(st.score_row(m) + t * 16));
  return max;
}

// Scores of a row, as multiples of `unit`, become weights; returns their sum.
template <class S>
INLINE float weights_of(const KvJob& kv, AttentionState<S>& st, int m, float unit, float top, int first, int last) {
  const float* scores = st.score_row(m);
  auto weights = st.weights + m * kKvTile;
  vf sum = vzero();
  for (int t = first; t < last; t++) {
    const vf p = vexp2_down(vsub(vmul(vload(scores + t * 16), vset(unit)), vset(top)));
    sum = vadd(sum, p);
    if (S::kScaleBytes != 0) {
      // A weight of zero stays zero: the scale of a slot that nobody wrote may be anything.
      const vf scale = vload(reinterpret_cast<const float*>(st.tiles[t] + kv.tile_bytes));
      S::store(weights + t * 16, vselect(vless(vzero(), p), vmul(p, scale), p));
    } else {
      S::store(weights + t * 16, p);
    }
  }
  return vsum(sum);
}

// Online softmax of one row tile: scores become weights, and the factors for what was accumulated before.
template <class S, int MR>
INLINE void softmax_tile(
    const AttentionJob& job, AttentionState<S>& st, int row, int64_t base, int first, int last) {
  const bool bent = job.soft_cap > 0 || job.slopes != nullptr || !(job.scale > 0);
  const float unit = bent ? 1 : job.scale * 1.44269504f;
  float fall[16] = {};
  for (int m = 0; m < MR; m++) {
    if (bent) bend_scores(job, st, m, row + m, base, first, last);
    const float before = st.max[row + m];
    const float here = vmaximum(largest_scores(st, m, row + m, base, first, last)) * unit;
    // Not (here <= before), so that NaN becomes the new maximum and shows in the output.
    const float now = here <= before ? before : here;
    fall[m] = now == kMinusInfinity ? 0 : before - now;
    st.max[row + m] = now;
  }
  vstore(fall, vexp2(vload(fall)));
  for (int m = 0; m < MR; m++) {
    const float top = st.max[row + m];
    st.factor[m] = fall[m];
    // A row that has seen nothing yet has weights of zero.
    const float sum = weights_of(job.kv, st, m, unit, top == kMinusInfinity ? 0 : top, first, last);
    st.sum[row + m] = st.sum[row + m] * fall[m] + sum;
  }
}
