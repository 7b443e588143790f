// Scores of a tile of up to 16 query rows become weights. Included inside the namespace of one ISA level.
#pragma once

// 2^t of weights, t at most about 0: relative error 3e-6, a thousandth of what bf16 rounds away.
INLINE vf weight_of(vf t) {
#if defined(__AVX512F__)
  // Above the whole number below t; of minus infinity nothing is left, and the scaling makes it 0.
  const vf f = _mm512_reduce_ps(t, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  vf p = vset(0.0134266843f);
  p = vfma(p, f, vset(0.0522424742f));
  p = vfma(p, f, vset(0.241280205f));
  p = vfma(p, f, vset(0.693044845f));
  return vscale(vfma(p, f, vset(1.0f)), t);
#else
  return vexp2_down(t);
#endif
}

// 32 weights of consecutive tokens.
INLINE void store_weights(bf16_t* to, vf low, vf high) {
#ifdef __AVX512BF16__
  _mm512_storeu_si512(to, pack_bf16(low, high));
#else
  vstore(to, low);
  vstore(to + 16, high);
#endif
}

// Lane m is the largest of line m.
INLINE vf largest_of_lines(const float (&lines)[16 * 16]) {
#if defined(__AVX512F__)
  // Halves, quarters, pairs, ones: two lines become one at each step.
  vf a[8], b[4], c[2];
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) {
    const vf x = vload(lines + i * 16), y = vload(lines + (i + 8) * 16);
    a[i] = vmax(_mm512_shuffle_f32x4(x, y, 0x44), _mm512_shuffle_f32x4(x, y, 0xee));
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    b[i] = vmax(_mm512_shuffle_f32x4(a[i], a[i + 4], 0x88), _mm512_shuffle_f32x4(a[i], a[i + 4], 0xdd));
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; i++) {
    c[i] = vmax(_mm512_unpacklo_ps(b[i], b[i + 2]), _mm512_unpackhi_ps(b[i], b[i + 2]));
  }
  const vf d = vmax(_mm512_unpacklo_ps(c[0], c[1]), _mm512_unpackhi_ps(c[0], c[1]));
  return _mm512_shuffle_f32x4(d, d, 0xd8);
#else
  float most[16];
  for (int m = 0; m < 16; m++) most[m] = vmaximum(vload(lines + m * 16));
  return vload(most);
#endif
}

// Scores of tokens [from, until) become weights, 32 at a time; lanes of `sum` add them up.
template <bool kScaled>
INLINE void weigh_tokens(
    bf16_t* weights, const float* scores, const float* scales, vf scale, vf top, vf& sum, int from, int until) {
  vf odd = vzero();
#pragma GCC unroll 4
  for (int token = from; token < until; token += 32) {
    vf low = weight_of(vfma(vload(scores + token), scale, top));
    vf high = weight_of(vfma(vload(scores + token + 16), scale, top));
    sum = vadd(sum, low);
    odd = vadd(odd, high);
    if (kScaled) {
      low = vmul(low, vload(scales + token));
      high = vmul(high, vload(scales + token + 16));
    }
    store_weights(weights + token, low, high);
  }
  sum = vadd(sum, odd);
}

// Scores of row m, as multiples of `scale`, become weights.
template <class State>
INLINE void weigh_row(State& st, const TileUnit& unit, int m, float scale, float top) {
  float* sums = st.sums + (unit.tile * 16 + m) * 16;
  const vf times = vset(scale), less = vset(-top);
  const float* scales = st.value_scales[unit.step];
  vf sum = vmul(vload(sums), vset(st.factor[unit.slot][m]));
  if (unit.last - unit.first == kStepTiles) {
    weigh_tokens<State::kScaled>(st.weight_row(m), st.score_row(m), scales, times, less, sum, 0, kStep);
  } else {
    weigh_tokens<State::kScaled>(
        st.weight_row(m), st.score_row(m), scales, times, less, sum, unit.first * 16, unit.last * 16);
  }
  vstore(sums, sum);
}

// Largest scores of each of a unit's rows, lane by lane.
template <class State>
INLINE void find_largest(
    const AttentionJob& job, State& st, const TileUnit& unit, bool bent, float (&most)[16 * 16]) {
  const int rows = st.unit_rows(unit), row = unit.tile * st.tile_rows;
  for (int m = rows; m < 16; m++) vstore(most + m * 16, vset(kMinusInfinity));
  if (unit.whole && !bent && !State::kScaled) {
    const float* scores = st.score_row(0);
    for (int m = 0; m < rows; m++, scores += kScoreRow) {
      vf top = vload(scores);
#pragma GCC unroll 8
      for (int t = 1; t < kStepTiles; t++) top = vmax(top, vload(scores + t * 16));
      vstore(most + m * 16, top);
    }
    return;
  }
  for (int m = 0; m < rows; m++) {
    if (State::kScaled) {
      for (int token = unit.first * 16; token < unit.last * 16; token += 16) {
        float* at = st.score_row(m) + token;
        vstore(at, vmul(vload(at), vload(st.key_scales[unit.step] + token)));
      }
    }
    if (bent) bend_scores(job, st, m, row + m, unit.base, unit.first, unit.last);
    vstore(most + m * 16, largest_scores(st, m, row + m, unit.base, unit.first, unit.last));
  }
}

// The largest score of each row so far, and the factors for what was accumulated before.
template <class State>
INLINE void raise_tops(const AttentionJob& job, State& st, const TileUnit& unit, bool bent, float scale) {
  alignas(64) float most[16 * 16];
  find_largest(job, st, unit, bent, most);
  float* tops = st.tops + unit.tile * 16;
  const vf before = vload(tops), none = vset(kMinusInfinity);
  // A score that is NaN makes weights that are NaN, whether it was seen here or not.
  const vf now = vmax(before, vmul(largest_of_lines(most), vset(scale)));
  vstore(tops, now);
  // A row that has seen nothing yet has nothing to scale.
  vstore(st.factor[unit.slot], vexp2(vselect(vless(none, now), vsub(before, now), vzero())));
}
