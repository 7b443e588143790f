// Causal attention over the paged cache, one code for decode and prefill: tiles of up to kTileRows query rows against
// tiles of 256 tokens at fixed positions, online softmax, partial results of 1024 tokens combined in order.
// A token outside a row's range adds exactly zero, so a row's bits do not depend on which rows share its tile.
// Included inside the namespace of one ISA level.
#pragma once

#include "attention_rows.h"
#include "softmax.h"

// How K, V, queries and probabilities are stored for one product.
template <class T>
struct AttentionF32 {
  typedef OpF32<T> Op;
  typedef float P;
  static constexpr int kPair = 1;
  static constexpr int kScaleBytes = KvElement<T>::kScaleBytes;
  static MEMBER void store(P* p, vf x) { vstore(p, x); }
  template <int MR, int NV>
  static MEMBER void odd_token(vf (&)[MR][NV], const typename Op::A*, int64_t, const char* const (&)[NV], int64_t) {}
};

#ifdef __AVX512BF16__
// Pairs of bf16 from pairs of another type.
template <class T>
struct OpDot : OpBf16 {
  static constexpr int64_t kLine = 32 * sizeof(T);
  static MEMBER W load(const char* w) { return load_bf16(reinterpret_cast<const T*>(w)); }
};
template <>
struct OpDot<bf16_t> : OpBf16 {};

template <class T>
struct AttentionDot {
  typedef OpDot<T> Op;
  typedef bf16_t P;
  static constexpr int kPair = 2;
  static constexpr int kScaleBytes = KvElement<T>::kScaleBytes;
  static MEMBER void store(P* p, vf x) { vstore(p, x); }
  // The last token of a context without its partner, whose slot may hold anything.
  template <int MR, int NV>
  static MEMBER void odd_token(
      vf (&c)[MR][NV], const uint32_t* p, int64_t p_row, const char* const (&w)[NV], int64_t at) {
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) {
      const __m512i even = _mm512_and_si512(Op::load(w[v] + at), _mm512_set1_epi32(0xffff));
#pragma GCC unroll 8
      for (int m = 0; m < MR; m++) c[m][v] = Op::step(c[m][v], even, p[m * p_row]);
    }
  }
};
#endif

static constexpr int64_t kFetchShares = 4;

// Scores of one row tile against token tiles [first, last) of the current KV tile.
template <class S, int MR, int NV>
INLINE void score_tiles(AttentionState<S>& st, int row, int tile, int64_t tile_step, int64_t tile_bytes) {
  typedef typename S::Op Op;
  vf c[MR][NV];
  const char* w[NV];
#pragma GCC unroll 8
  for (int v = 0; v < NV; v++) {
    w[v] = st.tiles[tile + v] + S::kScaleBytes;
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) c[m][v] = vzero();
  }
  auto q = reinterpret_cast<const typename Op::A*>(st.query + static_cast<int64_t>(row) * st.dim);
  const int64_t steps = st.dim / S::kPair;
  for (int64_t part = 0; part < kFetchShares; part++) {
    const int64_t from = steps * part / kFetchShares, to = steps * (part + 1) / kFetchShares;
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) {
      const int t = tile + v;
      if (t >= st.ahead_first && t < st.ahead_last) fetch_share(st.ahead[t], tile_bytes, part, kFetchShares);
    }
    multiply<Op, MR, NV>(c, q + from, steps, w, tile_step, to - from);
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) w[v] += (to - from) * tile_step;
  }
#pragma GCC unroll 8
  for (int v = 0; v < NV; v++) {
    if (S::kScaleBytes != 0) {
      const vf scale = vload(reinterpret_cast<const float*>(st.tiles[tile + v]));
#pragma GCC unroll 8
      for (int m = 0; m < MR; m++) c[m][v] = vmul(c[m][v], scale);
    }
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) vstore(st.scores + m * kKvTile + (tile + v) * 16, c[m][v]);
  }
}

// acc = acc * factor + weights V for NV * 16 dimensions of one row tile.
template <class S, int MR, int NV>
INLINE void weigh_values(
    AttentionState<S>& st, const KvJob& kv, int row, int dim, int64_t base, int first, int last) {
  typedef typename S::Op Op;
  vf c[MR][NV];
#pragma GCC unroll 8
  for (int m = 0; m < MR; m++) {
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) {
      c[m][v] = vmul(vload(st.acc + (row + m) * static_cast<int64_t>(st.dim) + dim + v * 16), vset(st.factor[m]));
    }
  }
  const int64_t step = kv.padded_dim / 16 * Op::kLine;
  for (int t = first; t < last; t++) {
    const char* w[NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) {
      w[v] = st.tiles[t] + kv.tile_bytes + S::kScaleBytes + (dim / 16 + v) * Op::kLine;
    }
    if (dim == 0 && t >= st.ahead_first && t < st.ahead_last) {
      fetch_share(st.ahead[t] + kv.tile_bytes, kv.tile_bytes, 0, 1);
    }
    const int64_t left = st.last - base - t * 16;
    const int64_t tokens = left < 16 ? left : 16;
    auto p = reinterpret_cast<const typename Op::A*>(st.weights + t * 16);
    multiply<Op, MR, NV>(c, p, kKvTile / S::kPair, w, step, tokens / S::kPair);
    if (S::kPair == 2 && tokens % 2 != 0) {
      S::template odd_token<MR, NV>(c, p + tokens / 2, kKvTile / 2, w, tokens / 2 * step);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < MR; m++) {
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) {
      vstore(st.acc + (row + m) * static_cast<int64_t>(st.dim) + dim + v * 16, c[m][v]);
    }
  }
}

// One row tile against one KV tile.
template <class S, int MR>
static void attend_tile(
    const AttentionJob& job, AttentionState<S>& st, int row, int64_t base, int first, int last) {
  constexpr int NV = wide(MR);
  const int64_t step = S::Op::kLine;
  int t = first;
  for (; t + NV <= last; t += NV) score_tiles<S, MR, NV>(st, row, t, step, job.kv.tile_bytes);
  for (; t < last; t++) score_tiles<S, MR, 1>(st, row, t, step, job.kv.tile_bytes);
  softmax_tile<S, MR>(job, st, row, base, first, last);
  int d = 0;
  for (; d + NV * 16 <= st.dim; d += NV * 16) {
    weigh_values<S, MR, NV>(st, job.kv, row, d, base, first, last);
  }
  for (; d < st.dim; d += 16) weigh_values<S, MR, 1>(st, job.kv, row, d, base, first, last);
}

template <class S>
static void attend_part(
    const AttentionJob& job, AttentionState<S>& st, const AttentionItem& item, int64_t part, int64_t until) {
  start_part(st, st.acc);
  const int32_t* table = job.block_tables + static_cast<int64_t>(item.request) * job.max_blocks;
  const RowTiles tiles(st.rows);
  for (int64_t base = part; base < part + kKvPart && base < st.last; base += kKvTile) {
    if (base + kKvTile <= st.first) continue;
    const int first = st.first > base ? static_cast<int>((st.first - base) / 16) : 0;
    const int64_t end = st.last < base + kKvTile ? st.last : base + kKvTile;
    const int last = static_cast<int>((end - base + 15) / 16);
    for (int t = first; t < last; t++) {
      const int64_t token = base + t * 16;
      st.tiles[t] =
          kv_tile(job.kv, table[token / job.kv.block_size], item.kv_head, token % job.kv.block_size);
    }
    st.ahead_first = st.ahead_last = 0;
    const int64_t next = base + kKvTile;
    if (tiles.count == 1 && next < until && next < st.last) {
      st.ahead_last = static_cast<int>(((st.last < next + kKvTile ? st.last : next + kKvTile) - next + 15) / 16);
      for (int t = 0; t < st.ahead_last; t++) {
        const int64_t token = next + t * 16;
        st.ahead[t] =
            kv_tile(job.kv, table[token / job.kv.block_size], item.kv_head, token % job.kv.block_size);
      }
    }
    for (int64_t i = 0; i < tiles.count; i++) {
      with_rows(tiles.rows(i), [&](auto rows) INLINE_LAMBDA {
        attend_tile<S, decltype(rows)::value>(job, st, static_cast<int>(tiles.start(i)), base, first, last);
      });
    }
  }
}

template <class S>
static void attend(const AttentionJob& job, const AttentionItem& item, char* scratch) {
  auto& st = *reinterpret_cast<AttentionState<S>*>(scratch);
  st.rows = item.tokens * item.heads;
  st.dim = job.kv.padded_dim;
  const int64_t size = static_cast<int64_t>(st.rows) * st.dim;
  AttentionTotal total;
  total.rows = st.rows;
  total.dim = st.dim;
  total.acc = reinterpret_cast<float*>(scratch + (sizeof st + 63) / 64 * 64);
  st.acc = total.acc + size;
  st.query = reinterpret_cast<typename S::P*>(st.acc + size);
  start_item(job, st, item, [&](int r, int d, vf x) INLINE_LAMBDA {
    S::store(st.query + static_cast<int64_t>(r) * st.dim + d, x);
  });
  if (item.partial != nullptr) {
    st.acc = item.partial + 2 * kMaxAttentionRows;
    attend_part(job, st, item, item.part, item.part + kKvPart);
    __builtin_memcpy(item.partial, st.max, sizeof st.max);
    __builtin_memcpy(item.partial + kMaxAttentionRows, st.sum, sizeof st.sum);
    return;
  }
  start_total(total);
  for (int64_t part = st.first / kKvPart * kKvPart; part < st.last; part += kKvPart) {
    attend_part(job, st, item, part, st.last);
    merge_part(total, st.max, st.sum, st.acc);
  }
  write_output(job, item, total);
}

static void attention(const AttentionJob& job, const AttentionItem& item, char* scratch) {
#ifdef __AVX512BF16__
  if (job.kv.dot) {
    switch (job.kv.dtype) {
      case EK_I8: return attend<AttentionDot<i8_t>>(job, item, scratch);
      case EK_F8_E4M3: return attend<AttentionDot<e4m3_t>>(job, item, scratch);
      default: return attend<AttentionDot<bf16_t>>(job, item, scratch);
    }
  }
#endif
  switch (job.kv.dtype) {
    case EK_F32: return attend<AttentionF32<float>>(job, item, scratch);
    case EK_F16: return attend<AttentionF32<f16_t>>(job, item, scratch);
    case EK_I8: return attend<AttentionF32<i8_t>>(job, item, scratch);
    case EK_F8_E4M3: return attend<AttentionF32<e4m3_t>>(job, item, scratch);
    default: return attend<AttentionF32<bf16_t>>(job, item, scratch);
  }
}
