// What the two tensor-core forms of attention share. A warp owns 16 rows of one kv head; a row is a (query token, head
// of the group) pair, so that a kv head's keys are read once for all the query heads that use them. Keys are taken in
// steps of EKC_ATTENTION_STEP within chunks of EKC_ATTENTION_CHUNK at fixed positions: an online softmax per chunk,
// chunks merged in ascending order. That order is all that a row's bits depend on.
//
// Fragments (lane = 4 g + t): scores and output of rows g (elements 0, 1) and g + 8 (2, 3), columns 2t and 2t + 1.
#pragma once

// The 16 rows of a warp.
struct Rows {
  int first, count;      // flattened rows of the sequence: [first, first + 16), of count in all
  int group;             // query heads of a kv head
  int first_query;       // row of the batch of the sequence's first query
  int first_position;    // its position
  int kv_head;
};

DEV Rows sequence_rows(const EkcAttention& p, int sequence, int kv_head, int first) {
  const int start = load((const int*)p.cu_seqlens_q + sequence);
  const int queries = load((const int*)p.cu_seqlens_q + sequence + 1) - start;
  const int group = p.num_heads / p.num_kv_heads;
  const int context = load((const int*)p.context_lens + sequence);
  return Rows{first, queries * group, group, start, context - queries, kv_head};
}

DEV bool is_split(const Rows& rows) { return rows.count <= 16; }

// First element of row `index` (flattened) in the query or output.
DEV i64 row_offset(const EkcAttention& p, const Rows& rows, int index, i64 stride) {
  const int head = rows.kv_head * rows.group + index % rows.group;
  return (rows.first_query + index / rows.group) * stride + (i64)head * p.head_dim;
}

// Position of a row, or -1, which sees no key.
DEV int row_position(const Rows& rows, int index) {
  return index < rows.count ? rows.first_position + index / rows.group : -1;
}

// First key that position sees.
DEV int first_key(const EkcAttention& p, int position) {
  return p.sliding_window > 0 && position >= p.sliding_window ? position - p.sliding_window + 1 : 0;
}

// What a lane knows of its rows g and g + 8.
struct RowState {
  float maximum[2], sum[2];  // sum is this lane's part
  int position[2];
  float slope[2];
};

DEV void load_rows(RowState& a, const EkcAttention& p, const Rows& rows) {
  UNROLL for (int h = 0; h < 2; h++) {
    const int index = rows.first + (int)(lane_index() >> 2) + h * 8;
    a.position[h] = row_position(rows, index);
    const int head = rows.kv_head * rows.group + (index < rows.count ? index % rows.group : 0);
    a.slope[h] = p.alibi_slopes == 0 ? 0.f : load((const float*)p.alibi_slopes + head);
  }
}

DEV void reset_rows(RowState& a) {
  UNROLL for (int h = 0; h < 2; h++) {
    a.maximum[h] = Masked;
    a.sum[h] = 0;
  }
}

// query: fragments, or for wide heads, whose output leaves no registers for them, the address of the rows as a tile.
template <class T, int D>
struct AttentionTile : RowState {
  static constexpr bool KeepsQuery = EKC_ATTENTION_QUERY_BYTES(D) == 0;
  u32 query[KeepsQuery ? D / 16 : 1][4];
  float output[D / 8][4];
};

template <class T, int D>
DEV void tile_reset(AttentionTile<T, D>& a) {
  UNROLL for (int n = 0; n < D / 8; n++) {
    UNROLL for (int e = 0; e < 4; e++) a.output[n][e] = 0;
  }
  reset_rows(a);
}

// Two neighbouring elements of a query row, zero past its end; rows have an even number.
template <class T>
DEV u32 query_pair(const T* row, int d, int head_dim, bool present) {
  return present && d < head_dim ? load((const u32*)(row + d)) : 0;
}

// Two neighbouring elements of an output row, if it has them.
template <class T>
DEV void output_pair(const EkcAttention& p, T* row, int d, float first, float second, float sum) {
  if (d >= p.head_dim) return;
  store((u32*)(row + d), Mma<T>::pack(first / sum * p.value_scale, second / sum * p.value_scale));
}

// Address of 16-byte chunk `chunk` of token `row` in a tile of D 16-bit elements, as the paged cache has it.
template <int D>
DEV u32 tile_address(u32 tile, int row, int chunk) {
  return tile + (row >> 3) * (16 * D) + (chunk >> 3) * 1024 + (row & 7) * 128 + (((chunk & 7) ^ (row & 7)) << 4);
}

// tile_address of chunk 2 * pair + odd, from that of chunk `odd`: one instruction that holds no register, for a tile is
// aligned to 1,024 bytes.
DEV u32 pair_address(u32 first, int pair) { return (first ^ (pair & 3) << 5) + (pair >> 2) * 1024; }

// place: EKC_ATTENTION_QUERY_BYTES(D) of the warp's own.
template <class T, int D>
DEV void tile_load_query(AttentionTile<T, D>& a, const EkcAttention& p, const Rows& rows, u32 place) {
  const int lane = lane_index(), g = lane >> 2, t = lane & 3;
  UNROLL for (int h = 0; h < 2; h++) {
    const int index = rows.first + g + h * 8;
    const bool present = index < rows.count;
    const T* row = (const T*)p.query + (present ? row_offset(p, rows, index, p.query_stride) : 0);
    UNROLL for (int k = 0; k < D / 16; k++) {
      const u32 low = query_pair(row, k * 16 + 2 * t, p.head_dim, present);
      const u32 high = query_pair(row, k * 16 + 2 * t + 8, p.head_dim, present);
      if constexpr (AttentionTile<T, D>::KeepsQuery) {
        a.query[k][h] = low;
        a.query[k][h + 2] = high;
      } else {
        shared_store(tile_address<D>(place, g + h * 8, 2 * k) + t * 4, low);
        shared_store(tile_address<D>(place, g + h * 8, 2 * k + 1) + t * 4, high);
      }
    }
  }
  load_rows(a, p, rows);
  if constexpr (!AttentionTile<T, D>::KeepsQuery) {
    sync_warp();
    a.query[0][0] = tile_address<D>(place, lane & 15, lane >> 4);
  }
}

// The fragment of columns 16 k on.
template <class T, int D>
DEV void tile_query(const AttentionTile<T, D>& a, int k, u32 (&fragment)[4]) {
  if constexpr (AttentionTile<T, D>::KeepsQuery) {
    UNROLL for (int i = 0; i < 4; i++) fragment[i] = a.query[k][i];
  } else {
    load_matrix4(fragment, pair_address(a.query[0][0], k));
  }
}

// Bytes of a cached token of up to D columns of e4m3, and of a tile of 16.
template <int D>
struct Narrow {
  static constexpr int RowBytes = (D + 127) / 128 * 128;
  static constexpr u32 TileBytes = 16 * RowBytes;
};

// Makes 16-bit elements of items first, first + step, ... of a tile's D pairs (row, 16-byte chunk).
template <class T, int D>
DEV void widen_tile(u32 to, u32 from, int first, int step) {
  for (int item = first; item < D; item += step) {
    const int row = item / (D / 16), chunk = item % (D / 16);
    const u32 at = from + (row >> 3) * 8 * Narrow<D>::RowBytes + (chunk >> 3) * 1024 + (row & 7) * 128;
    const u32x4 v = shared_load4(at + (((chunk & 7) ^ (row & 7)) << 4));
    const u32 words[4] = {v.x, v.y, v.z, v.w};
    u32 wide[8];
    UNROLL for (int i = 0; i < 8; i++) {
      const u32 pair = words[i >> 1] >> (16 * (i & 1));
      wide[i] = Mma<T>::pack(from_e4m3((u8)pair), from_e4m3((u8)(pair >> 8)));
    }
    shared_store4(tile_address<D>(to, row, 2 * chunk), u32x4{wide[0], wide[1], wide[2], wide[3]});
    shared_store4(tile_address<D>(to, row, 2 * chunk + 1), u32x4{wide[4], wide[5], wide[6], wide[7]});
  }
}

// multiply(i, matrices) for i from 0 to N - 1 on what load(i, matrices) brought two turns before: in the order of the
// source a product would wait for its own load.
template <int N, class Load, class Multiply>
DEV void ahead_of_products(const Load& load, const Multiply& multiply) {
  u32 b[3][4];
  load(0, b[0]);
  load(1, b[1]);
  UNROLL for (int i = 0; i < N; i++) {
    if (i + 2 < N) load(i + 2, b[(i + 2) % 3]);
    multiply(i, b[i % 3]);
  }
}

// scores of 16 keys a page, for several pages that lie side by side.
template <int PAGES, class T, int D>
DEV void tile_scores(const AttentionTile<T, D>& a, float (*s)[4], u32 keys) {
  const int lane = lane_index(), matrix = lane >> 3, key = (matrix >> 1) * 8 + (lane & 7);
  const u32 first = tile_address<D>(keys, key, matrix & 1);
  UNROLL for (int n = 0; n < 2 * PAGES; n++) {
    UNROLL for (int e = 0; e < 4; e++) s[n][e] = 0;
  }
  u32 query[4];
  ahead_of_products<D / 16 * PAGES>(
      [&](int i, u32 (&b)[4]) INLINED { load_matrix4(b, pair_address(first, i / PAGES) + i % PAGES * (16 * D * 2)); },
      [&](int i, const u32 (&b)[4]) INLINED {
        const int page = i % PAGES;
        if (page == 0) tile_query(a, i / PAGES, query);
        Mma<T>::multiply(s[2 * page], query, b[0], b[1]);
        Mma<T>::multiply(s[2 * page + 1], query, b[2], b[3]);
      });
}

DEV bool is_plain(const EkcAttention& p) { return p.soft_cap == 0 && p.alibi_slopes == 0; }

// What scores are multiplied by in the softmax: finish_scores has done it where they are not plain.
DEV float score_scale(const EkcAttention& p, bool plain) { return plain ? p.scale * p.key_scale * LogBase2OfE : 1.f; }

template <int STEP>
DEV void finish_scores(const RowState& a, float (*s)[4], const EkcAttention& p, int first) {
  const int t = lane_index() & 3;
  UNROLL for (int n = 0; n < STEP / 8; n++) {
    UNROLL for (int e = 0; e < 4; e++) {
      const int key = first + n * 8 + 2 * t + (e & 1);
      s[n][e] = finish_score(p, s[n][e] * p.key_scale, a.slope[e >> 1], key - a.position[e >> 1]);
    }
  }
}

// Scores of a step become probabilities; maximum and sum follow, and what was summed up before is to be multiplied by
// `correction`. first: position of the step's first key. ALL: every row sees every key of the step.
template <int STEP, bool ALL>
DEV void softmax_rows(
    RowState& a, float (*s)[4], float scale, const EkcAttention& p, int first, float (&correction)[2]) {
  const int t = lane_index() & 3;
  UNROLL for (int h = 0; h < 2; h++) {
    const int last = a.position[h], start = first_key(p, last);
    const auto sees = [&](int n, int e) INLINED {
      const int key = first + n * 8 + 2 * t + (e & 1);
      return ALL || (key >= start && key <= last);
    };
    float top = Masked;
    UNROLL for (int n = 0; n < STEP / 8; n++) {
      UNROLL for (int e = 2 * h; e < 2 * h + 2; e++) {
        s[n][e] = sees(n, e) ? s[n][e] * scale : Masked;
        top = max_float(top, s[n][e]);
      }
    }
    top = max_float(top, bits_float(shuffle_xor(float_bits(top), 1)));
    top = max_float(top, bits_float(shuffle_xor(float_bits(top), 2)));
    top = max_float(top, a.maximum[h]);
    correction[h] = exp2_approx(a.maximum[h] - top);
    a.maximum[h] = top;
    float sum = a.sum[h] * correction[h];
    UNROLL for (int n = 0; n < STEP / 8; n++) {
      UNROLL for (int e = 2 * h; e < 2 * h + 2; e++) {
        s[n][e] = sees(n, e) ? exp2_approx(s[n][e] - top) : 0.f;
        sum += s[n][e];
      }
    }
    a.sum[h] = sum;
  }
}

template <int STEP>
DEV void softmax_step(
    RowState& a, float (*s)[4], float scale, const EkcAttention& p, int first, float (&correction)[2]) {
  bool all = true;
  UNROLL for (int h = 0; h < 2; h++) {
    all = all && first >= first_key(p, a.position[h]) && first + STEP - 1 <= a.position[h];
  }
  if (vote(all) == 0xffffffff) softmax_rows<STEP, true>(a, s, scale, p, first, correction);
  else softmax_rows<STEP, false>(a, s, scale, p, first, correction);
}

template <int COLUMNS>
DEV void scale_output(float (*output)[4], const float (&correction)[2]) {
  UNROLL for (int n = 0; n < COLUMNS / 8; n++) {
    UNROLL for (int e = 0; e < 4; e++) output[n][e] *= correction[e >> 1];
  }
}

template <class T, int D>
DEV void tile_softmax(
    AttentionTile<T, D>& a, float (&s)[EKC_ATTENTION_STEP(D) / 8][4], const EkcAttention& p, int first) {
  const bool plain = is_plain(p);
  if (!plain) finish_scores<EKC_ATTENTION_STEP(D)>(a, s, p, first);
  float correction[2];
  softmax_rows<EKC_ATTENTION_STEP(D), false>(a, s, score_scale(p, plain), p, first, correction);
  scale_output<D>(a.output, correction);
}

// output += probabilities of 16 keys times their values.
template <class T, int D>
DEV void tile_values(AttentionTile<T, D>& a, const float (&low)[4], const float (&high)[4], u32 values) {
  const int lane = lane_index(), matrix = lane >> 3, key = (matrix & 1) * 8 + (lane & 7);
  const u32 first = tile_address<D>(values, key, matrix >> 1);
  const u32 weights[4] = {Mma<T>::pack(low[0], low[1]), Mma<T>::pack(low[2], low[3]),
                          Mma<T>::pack(high[0], high[1]), Mma<T>::pack(high[2], high[3])};
  ahead_of_products<D / 16>(
      [&](int j, u32 (&b)[4]) INLINED { load_matrix4_transposed(b, pair_address(first, j)); },
      [&](int j, const u32 (&b)[4]) INLINED {
        Mma<T>::multiply(a.output[2 * j], weights, b[0], b[1]);
        Mma<T>::multiply(a.output[2 * j + 1], weights, b[2], b[3]);
      });
}

// The end of a chunk: sum becomes the row's.
DEV void tile_close_chunk(RowState& a) {
  UNROLL for (int h = 0; h < 2; h++) {
    a.sum[h] += bits_float(shuffle_xor(float_bits(a.sum[h]), 1));
    a.sum[h] += bits_float(shuffle_xor(float_bits(a.sum[h]), 2));
  }
}

// How two results of one row become one: the factors of each.
struct Merge {
  float maximum, left, right;
};
DEV Merge merge_factors(float left, float right) {
  const float top = max_float(left, right);
  return Merge{top, exp2_approx(left - top), exp2_approx(right - top)};
}
DEV float merge_value(const Merge& m, float left, float right) { return fma_float(left, m.left, right * m.right); }

// A row's maximum and sum take up those of a finished chunk; its output is to follow.
DEV Merge merge_row(float& maximum, float& sum, const RowState& chunk, int h) {
  const Merge merge = merge_factors(maximum, chunk.maximum[h]);
  maximum = merge.maximum;
  sum = merge_value(merge, sum, chunk.sum[h]);
  return merge;
}
