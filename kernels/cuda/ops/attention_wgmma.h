// Attention of many queries by wgmma (sm_90a): 128 rows per block, 64 to a warpgroup. Steps, chunks, the order of k
// and what happens between products are those of attention_tiled, so that the bits are, if wgmma rounds as mma does.
//
// Shared memory: the queries of both warpgroups, then rings of a step's keys and of a step's values, as pages lie in
// the cache: keys are an operand with k contiguous, values one with columns contiguous. One thread of warpgroup 2
// fills the rings page by page; warpgroups 0 and 1 multiply. While the values of a step are multiplied, the scores of
// the next one are there and become probabilities.
#pragma once

template <int D>
struct WideAttention {
  static constexpr int Stages = EKC_ATTENTION_WGMMA_STAGES, Step = 64, Rows = 64, Consumers = 256;
  static constexpr u32 PageBytes = 16 * D * 2, StepBytes = Step * D * 2, QueryBytes = Rows * D * 2;
  static_assert(EKC_ATTENTION_STEP(D) == Step, "the steps of the other forms");
};

// Where a block's queries, rings and mbarriers lie: of each slot, keys full and empty, values full and empty.
struct WidePlaces {
  u32 queries, keys, values, barriers;
};
DEV u32 wide_full(u32 barriers, bool is_value, int step) {
  return barriers + (u32)step % EKC_ATTENTION_WGMMA_STAGES * 32 + (is_value ? 16 : 0);
}
DEV u32 wide_empty(u32 barriers, bool is_value, int step) { return wide_full(barriers, is_value, step) + 8; }
DEV u32 wide_parity(int step) { return (u32)step / EKC_ATTENTION_WGMMA_STAGES & 1; }

// The block's steps: so many from key `begin` on, of `context` keys that some row sees.
struct WideSpan {
  int begin, steps, context;
};

DEV WideSpan wide_span(const Rows& rows, int begin, int count) {
  const int end = rows.first + count < rows.count ? rows.first + count : rows.count;
  const int context = rows.first < rows.count ? row_position(rows, end - 1) + 1 : 0;
  return {begin, context > begin ? (context - begin + 63) / 64 : 0, context};
}

// Pages past the end are the last one again: their keys are masked, and their values, which are multiplied by zero, are
// numbers.
template <int D>
DEV void wide_produce(
    const EkcAttention& p, int sequence, int kv_head, const WideSpan& span, const WidePlaces& places) {
  typedef WideAttention<D> F;
  NO_UNROLL for (int step = 0; step < span.steps; step++) {
    u64 offsets[F::Step / 16];
    UNROLL for (int page = 0; page < F::Step / 16; page++) {
      const int position = span.begin + step * F::Step + page * 16;
      const i64 id = page_of(p, sequence, position < span.context ? position : span.context - 1);
      offsets[page] = (u64)(id * p.num_kv_heads + kv_head) * F::PageBytes;
    }
    UNROLL for (int half = 0; half < 2; half++) {
      const u32 full = wide_full(places.barriers, half, step);
      const u32 to = (half == 0 ? places.keys : places.values) + (u32)step % F::Stages * F::StepBytes;
      mbarrier_wait(wide_empty(places.barriers, half, step), wide_parity(step) ^ 1);
      mbarrier_expect(full, F::StepBytes);
      UNROLL for (int page = 0; page < F::Step / 16; page++) {
        const u64 from = (half == 0 ? p.keys : p.values) + offsets[page];
        bulk_copy(to + page * F::PageBytes, (const void*)from, F::PageBytes, full);
      }
    }
  }
}

// The queries of a warpgroup: halves of 64 columns, each 64 lines of 128 bytes in the swizzle. Two threads to a row.
template <class T, int D>
DEV void wide_load_queries(const EkcAttention& p, const Rows& rows, u32 to) {
  const int thread = thread_index() & 127, row = thread >> 1, index = rows.first + row;
  const bool present = index < rows.count;
  const T* from = (const T*)p.query + (present ? row_offset(p, rows, index, p.query_stride) : 0);
  NO_UNROLL for (int chunk = (thread & 1) * (D / 16); chunk < (thread & 1) * (D / 16) + D / 16; chunk++) {
    u32 v[4];
    UNROLL for (int i = 0; i < 4; i++) v[i] = query_pair(from, chunk * 8 + 2 * i, p.head_dim, present);
    const u32 at = to + (chunk >> 3) * 8192 + row * 128 + (((chunk & 7) ^ (row & 7)) << 4);
    shared_store4(at, u32x4{v[0], v[1], v[2], v[3]});
  }
}

template <int N>
DEV float (&flat(float (&v)[N][4]))[4 * N] {
  return reinterpret_cast<float(&)[4 * N]>(v);
}

template <class T, int D>
struct WideConsumer {
  typedef WideAttention<D> F;
  float s[F::Step / 8][4], output[D / 8][4], totals[D / 8][4];
  u32 weights[F::Step / 16][4];
  RowState row;
  float maximum[2], sum[2];  // of the finished chunks
};

template <class T, int D>
DEV void wide_scores(WideConsumer<T, D>& a, const WidePlaces& places, int step) {
  typedef WideAttention<D> F;
  mbarrier_wait(wide_full(places.barriers, false, step), wide_parity(step));
  const u64 query = wgmma_tile(places.queries, 1024, Swizzle::Bytes128);
  const u64 keys = wgmma_tile(places.keys + (u32)step % F::Stages * F::StepBytes, 16 * D, Swizzle::Bytes128);
  wgmma_fence();
  UNROLL for (int k = 0; k < D / 16; k++) {
    const u32 column = (k & 3) * 2;
    Wgmma<T, F::Step>::multiply(flat(a.s), query + (k >> 2) * 512 + column, keys + (k >> 2) * 64 + column, k > 0);
  }
  wgmma_commit();
}

template <class T, int D>
DEV void wide_values(WideConsumer<T, D>& a, const WidePlaces& places, int step) {
  typedef WideAttention<D> F;
  mbarrier_wait(wide_full(places.barriers, true, step), wide_parity(step));
  const u64 values = wgmma_columns(places.values + (u32)step % F::Stages * F::StepBytes, 1024, 16 * D);
  wgmma_fence();
  UNROLL for (int k = 0; k < F::Step / 16; k++) {
    WgmmaRows<T, D>::multiply(flat(a.output), a.weights[k], values + k * (F::PageBytes / 16));
  }
  wgmma_commit();
}

DEV void wide_release(u32 empty) {
  if (lane_index() == 0) mbarrier_arrive(empty);
}

template <class T, int D>
DEV void wide_pack(WideConsumer<T, D>& a) {
  UNROLL for (int k = 0; k < WideAttention<D>::Step / 16; k++) {
    UNROLL for (int i = 0; i < 4; i++) {
      const float* pair = &a.s[2 * k + (i >> 1)][2 * (i & 1)];
      a.weights[k][i] = Mma<T>::pack(pair[0], pair[1]);
    }
  }
}

// Merges a finished chunk into the totals.
template <class T, int D>
DEV void wide_merge(WideConsumer<T, D>& a, RowState& chunk) {
  tile_close_chunk(chunk);
  UNROLL for (int h = 0; h < 2; h++) {
    const Merge merge = merge_row(a.maximum[h], a.sum[h], chunk, h);
    UNROLL for (int n = 0; n < D / 8; n++) {
      UNROLL for (int e = 2 * h; e < 2 * h + 2; e++) {
        a.totals[n][e] = merge_value(merge, a.totals[n][e], a.output[n][e]);
        a.output[n][e] = 0;
      }
    }
  }
}

// Finds out anew whose rows these are, for what is kept through the steps takes registers.
template <class T, int D>
DEV void wide_store(const WideConsumer<T, D>& a, const EkcAttention& p) {
  const int first = block_x() * 2 * WideAttention<D>::Rows + (thread_index() >> 5) * 16;
  const Rows rows = sequence_rows(p, block_z(), block_y(), first);
  const int lane = lane_index(), g = lane >> 2, t = lane & 3;
  UNROLL for (int h = 0; h < 2; h++) {
    const int index = rows.first + g + h * 8;
    if (index >= rows.count) continue;
    T* out = (T*)p.output + row_offset(p, rows, index, p.output_stride);
    UNROLL for (int n = 0; n < D / 8; n++) {
      output_pair(p, out, n * 8 + 2 * t, a.totals[n][2 * h], a.totals[n][2 * h + 1], a.sum[h]);
    }
  }
}

// The scores of `step` become probabilities. PLAIN: while values are in flight; a soft cap divides, which takes a call.
template <bool PLAIN, class T, int D>
DEV void wide_softmax(WideConsumer<T, D>& a, const EkcAttention& p, int first, float (&correction)[2]) {
  if (!PLAIN) finish_scores<WideAttention<D>::Step>(a.row, a.s, p, first);
  softmax_step<WideAttention<D>::Step>(a.row, a.s, score_scale(p, PLAIN), p, first, correction);
}

template <bool PLAIN, class T, int D>
DEV void wide_steps(WideConsumer<T, D>& a, const EkcAttention& p, const WideSpan& mine, const WidePlaces& places) {
  typedef WideAttention<D> F;
  float correction[2];
  wide_scores(a, places, 0);
  WgmmaSums<F::Step / 2>::template wait<0>(flat(a.s));
  wide_release(wide_empty(places.barriers, false, 0));
  wide_softmax<PLAIN>(a, p, mine.begin, correction);
  wide_pack(a);
  NO_UNROLL for (int step = 1; step < mine.steps; step++) {
    const int first = mine.begin + step * F::Step;
    wide_scores(a, places, step);
    wide_values(a, places, step - 1);
    WgmmaSums<F::Step / 2>::template wait<PLAIN ? 1 : 0>(flat(a.s));
    wide_release(wide_empty(places.barriers, false, step));
    RowState chunk = a.row;
    const bool closes = first % EKC_ATTENTION_CHUNK == 0;
    if (closes) reset_rows(a.row);
    wide_softmax<PLAIN>(a, p, first, correction);
    // Never true, but it depends on every probability: ptxas would move the wait below in front of the softmax.
    if (vote(a.row.sum[0] + a.row.sum[1] < -1.f) != 0) pause();
    WgmmaSums<D / 2>::template wait<0>(flat(a.output));
    wide_release(wide_empty(places.barriers, true, step - 1));
    if (closes) wide_merge(a, chunk);
    else scale_output<D>(a.output, correction);
    wide_pack(a);
  }
  const int last = opaque(mine.steps) - 1;  // computed here, for through the steps no register is left for it
  wide_values(a, places, last);
  WgmmaSums<D / 2>::template wait<0>(flat(a.output));
  wide_release(wide_empty(places.barriers, true, last));
  wide_merge(a, a.row);
}

template <class T, int D>
DEV void wide_consume(const EkcAttention& p, Rows rows, const WideSpan& span, WidePlaces places) {
  typedef WideAttention<D> F;
  const int group = thread_index() >> 7;
  rows.first += group * F::Rows;
  places.queries += group * F::QueryBytes;
  const WideSpan mine = wide_span(rows, span.begin, F::Rows);
  if (mine.steps > 0) {
    wide_load_queries<T, D>(p, rows, places.queries);
    fence_async();
    barrier_sync(1 + group, 128);
    rows.first += (thread_index() >> 5 & 3) * 16;
    WideConsumer<T, D> a;
    load_rows(a.row, p, rows);
    reset_rows(a.row);
    UNROLL for (int n = 0; n < D / 8; n++) {
      UNROLL for (int e = 0; e < 4; e++) a.output[n][e] = a.totals[n][e] = 0;
    }
    UNROLL for (int h = 0; h < 2; h++) {
      a.maximum[h] = Masked;
      a.sum[h] = 0;
    }
    if (is_plain(p)) wide_steps<true>(a, p, mine, places);
    else wide_steps<false>(a, p, mine, places);
    wide_store(a, p);
  }
  // Steps that only the other warpgroup's rows see.
  NO_UNROLL for (int step = mine.steps; step < span.steps; step++) {
    UNROLL for (int half = 0; half < 2; half++) {
      mbarrier_wait(wide_full(places.barriers, half, step), wide_parity(step));
      wide_release(wide_empty(places.barriers, half, step));
    }
  }
}

template <class T, int D>
DEV void attention_wgmma(const EkcAttention& p) {
  typedef WideAttention<D> F;
  const int kv_head = block_y(), sequence = block_z();
  const Rows rows = sequence_rows(p, sequence, kv_head, block_x() * 2 * F::Rows);
  if (is_split(rows) || rows.first >= rows.count) return;
  const int begin = first_key(p, row_position(rows, rows.first)) / F::Step * F::Step;
  const WideSpan span = wide_span(rows, begin, 2 * F::Rows);
  const u32 keys = shared_base() + 2 * F::QueryBytes, values = keys + F::Stages * F::StepBytes;
  const WidePlaces places = {shared_base(), keys, values, values + F::Stages * F::StepBytes};
  if (thread_index() == 0) {
    for (int i = 0; i < 2 * F::Stages; i++) {
      mbarrier_init(places.barriers + i * 16, 1);
      mbarrier_init(places.barriers + i * 16 + 8, F::Consumers / 32);
    }
    mbarrier_fence_init();
  }
  sync_block();
  if (thread_index() >= F::Consumers) {
    registers_lower<24>();
    if (thread_index() < F::Consumers + 32 && elect_one()) wide_produce<D>(p, sequence, kv_head, span, places);
  } else {
    registers_raise<240>();
    wide_consume<T, D>(p, rows, span, places);
  }
}
