// Attention by products of 16 x 16 tiles of bf16 (AMX): scores are queries times K as the cache holds it, outputs are
// weights times V of 32 tokens at a time, and while the weights of one tile of rows are made, the tiles multiply for
// the next one and the one before. Every number of rows takes this path. Tiles hides the instructions; included inside
// a namespace of its own per kind of tiles.
#pragma once

#include "attention_tile_steps.h"
#include "softmax_tiles.h"

// Products that run while weights are made, in slices of four tile products: values of one unit, scores of another.
template <class T, class Tiles>
struct TileWork {
  TileAttention<T, Tiles>& st;
  TileUnit scored, weighed;
  bool scores, values;
  int at = 0, slice = 0;          // first of the four tiles of C (of tokens, of columns), and of what is summed

  MEMBER bool step() {
    if (values) {
      value_slice();
    } else if (scores) {
      score_slice();
    } else {
      return false;
    }
    return true;
  }

  MEMBER void score_slice() {
    const TileUnit& u = scored;
    const int first = u.first + at, n = u.last - first;
    const int64_t chunk = slice * 1024L;
    const char* const* k = st.keys[u.step] + first;
    if (slice == 0) zero();
    st.tiles.template load<4>(
        st.query + (u.tile * st.chunks + slice) * static_cast<int64_t>(st.tile_rows) * 32);
    st.tiles.template load<6>(k[0] + chunk);
    st.tiles.template multiply<0, 4, 6>();
    st.tiles.template load<7>(k[1] + chunk);
    st.tiles.template multiply<1, 4, 7>();
    if (n > 2) {
      st.tiles.template load<6>(k[2] + chunk);
      st.tiles.template multiply<2, 4, 6>();
      st.tiles.template load<7>(k[3] + chunk);
      st.tiles.template multiply<3, 4, 7>();
    }
    if (++slice < st.chunks) return;
    slice = 0;
    store(st.scores[u.slot] + first * 16, kScoreRow * 4, n);
    at += 4;
    if (n <= 4) scores = false;
  }

  MEMBER void value_slice() {
    const TileUnit& u = weighed;
    const int n = st.columns - at, pair = u.first / 2 + slice;
    float* acc = st.acc + static_cast<int64_t>(u.tile) * st.tile_rows * st.dim + at * 16;
    if (slice == 0) {
      scale_acc(acc, u.slot, n);
      load(acc, st.dim * 4L, n);
    }
    const char* v = st.step_values(u.step) + (pair * st.columns + at) * 1024L;
    st.tiles.template load<4>(st.weights[u.slot] + pair * 32, kWeightRow * 2);
    st.tiles.template load<6>(v);
    st.tiles.template multiply<0, 4, 6>();
    if (n > 1) {
      st.tiles.template load<7>(v + 1024);
      st.tiles.template multiply<1, 4, 7>();
    }
    if (n > 2) {
      st.tiles.template load<6>(v + 2048);
      st.tiles.template multiply<2, 4, 6>();
    }
    if (n > 3) {
      st.tiles.template load<7>(v + 3072);
      st.tiles.template multiply<3, 4, 7>();
    }
    if (++slice < (u.last - u.first) / 2) return;
    slice = 0;
    store(acc, st.dim * 4L, n);
    at += 4;
    if (n > 4) return;
    values = false;
    at = 0;
  }

  MEMBER void scale_acc(float* acc, int slot, int n) {
    for (int m = 0; m < st.tile_rows; m++, acc += st.dim) {
      const float factor = st.factor[slot][m];
      if (factor == 1) continue;
      for (int c = 0; c < n && c < 4; c++) vstore(acc + c * 16, vmul(vload(acc + c * 16), vset(factor)));
    }
  }

  MEMBER void zero() {
    st.tiles.template zero<0>();
    st.tiles.template zero<1>();
    st.tiles.template zero<2>();
    st.tiles.template zero<3>();
  }
  MEMBER void load(const float* from, int64_t stride, int n) {
    st.tiles.template load<0>(from, stride);
    if (n > 1) st.tiles.template load<1>(from + 16, stride);
    if (n > 2) st.tiles.template load<2>(from + 32, stride);
    if (n > 3) st.tiles.template load<3>(from + 48, stride);
  }
  MEMBER void store(float* to, int64_t stride, int n) {
    st.tiles.template store<0>(to, stride);
    if (n > 1) st.tiles.template store<1>(to + 16, stride);
    if (n > 2) st.tiles.template store<2>(to + 32, stride);
    if (n > 3) st.tiles.template store<3>(to + 48, stride);
  }
};

// Weights of a unit, and meanwhile what there is to multiply.
template <class T, class Tiles>
INLINE void weigh_unit(
    const AttentionJob& job, TileAttention<T, Tiles>& st, const TileUnit& unit, TileWork<T, Tiles>& work) {
  const bool bent = job.soft_cap > 0 || job.slopes != nullptr || !(job.scale > 0);
  const float scale = bent ? 1 : job.scale * 1.44269504f;
  st.slot = unit.slot;
  raise_tops(job, st, unit, bent, scale);
  const int rows = st.unit_rows(unit);
  for (int m = 0; m < rows; m++) {
    work.step();
    for (int t = 0; t < st.num_ahead; t++) fetch_share(st.ahead[t], 2 * job.kv.tile_bytes, m, rows);
    const float top = st.tops[unit.tile * 16 + m];
    weigh_row(st, unit, m, scale, top == kMinusInfinity ? 0 : top);
  }
  while (work.step()) {
  }
}

template <class T, class Tiles>
static void attend_tiles_part(
    const AttentionJob& job, TileAttention<T, Tiles>& st, const AttentionItem& item, int64_t part, int64_t until) {
  const int64_t size = static_cast<int64_t>(st.row_tiles) * st.tile_rows * st.dim;
  for (int64_t i = 0; i < size; i += 16) vstore(st.acc + i, vzero());
  for (float& x : st.tops) x = kMinusInfinity;
  for (float& x : st.sums) x = 0;
  const int32_t* table = job.block_tables + static_cast<int64_t>(item.request) * job.max_blocks;
  const int64_t end = st.last < part + kKvPart ? st.last : part + kKvPart;
  TileUnits<T, Tiles> units{job, st, table, item.kv_head, part, end, until};
  TileUnit before = {}, now = {}, next = {};
  bool has_before = false, has_now = units.next(now);
  TileWork<T, Tiles> first{st, now, now, has_now, false};
  while (first.step()) {
  }
  while (has_now) {
    const bool has_next = units.next(next);
    TileWork<T, Tiles> work{st, next, before, has_next, has_before};
    weigh_unit(job, st, now, work);
    before = now;
    has_before = true;
    now = next;
    has_now = has_next;
  }
  TileWork<T, Tiles> last{st, before, before, false, has_before};
  while (last.step()) {
  }
  for (int r = 0; r < st.rows; r++) {
    const int at = r / st.tile_rows * 16 + r % st.tile_rows;
    st.max[r] = st.tops[at];
    st.sum[r] = vsum(vload(st.sums + at * 16));
  }
}

// Tiles of rows, as even as they can be, and the queries as tiles of A.
template <class T, class Tiles>
static void start_tiles(const AttentionJob& job, TileAttention<T, Tiles>& st, const AttentionItem& item) {
  st.row_tiles = (st.rows + 15) / 16;
  st.tile_rows = (st.rows + st.row_tiles - 1) / st.row_tiles;
  const int64_t queries = static_cast<int64_t>(st.row_tiles) * st.tile_rows * st.chunks * 64;
  if (st.rows < st.row_tiles * st.tile_rows || st.dim % 32 != 0) {
    __builtin_memset(st.query, 0, static_cast<size_t>(queries));
    __builtin_memset(st.weights, 0, sizeof st.weights);
  }
  bf16_t* line = st.query;
  start_item(job, st, item, [&](int r, int d, vf x) INLINE_LAMBDA {
    if (d == 0) line = st.query + (r / st.tile_rows * st.chunks * st.tile_rows + r % st.tile_rows) * 32;
    vstore(line + d / 32 * st.tile_rows * 32 + d % 32, x);
  });
  for (int i = 0; i < st.row_tiles; i++) {
    st.tile_first[i] = st.all_last[i] = INT64_MAX;
    st.tile_last[i] = st.all_first[i] = 0;
  }
  for (int r = 0; r < st.rows; r++) {
    const int tile = r / st.tile_rows;
    const int64_t low = st.low[r], high = st.high[r];
    if (low < st.tile_first[tile]) st.tile_first[tile] = low;
    if (low > st.all_first[tile]) st.all_first[tile] = low;
    if (high > st.tile_last[tile]) st.tile_last[tile] = high;
    if (high < st.all_last[tile]) st.all_last[tile] = high;
  }
  st.tiles.configure(st.tile_rows, st.tile_rows);
}

// The first part becomes the total, with the bits of merge_part for a total of nothing, which costs a prompt of a few
// hundred tokens a quarter of its softmax.
static void take_part(AttentionTotal& total, const AttentionRows& part, const float* acc) {
  for (int r = 0; r < total.rows; r++) {
    if (part.sum[r] == 0) continue;
    total.max[r] = part.max[r];
    total.sum[r] = part.sum[r];
    const int64_t at = static_cast<int64_t>(r) * total.dim;
    for (int d = 0; d < total.dim; d += 16) vstore(total.acc + at + d, vadd(vload(acc + at + d), vzero()));
  }
}

template <class T, class Tiles>
static void attend_by_tiles(const AttentionJob& job, const AttentionItem& item, char* scratch) {
  typedef TileAttention<T, Tiles> State;
  static_assert(
      sizeof(State) + (2 * kMaxAttentionRows + 16) * kMaxHeadDim * 4 + (kMaxAttentionRows + 16) * kMaxHeadDim * 2 +
      6 * kStep * kMaxHeadDim * 2 + 4096 <= kThreadScratch, "an item fits a thread's scratch");
  auto& st = *reinterpret_cast<State*>(scratch);
  st.rows = item.tokens * item.heads;
  st.dim = job.kv.padded_dim;
  st.chunks = (st.dim + 31) / 32;
  st.columns = st.dim / 16;
  AttentionTotal total;
  total.rows = st.rows;
  total.dim = st.dim;
  total.acc = reinterpret_cast<float*>(scratch + (sizeof st + 63) / 64 * 64);
  st.acc = total.acc + static_cast<int64_t>(st.rows) * st.dim;
  st.values = reinterpret_cast<char*>(st.acc + (kMaxAttentionRows + 16L) * st.dim);
  st.key_copies = st.values + 3L * (kStepTiles / 2) * st.columns * 1024;
  st.query = reinterpret_cast<bf16_t*>(st.key_copies + 3 * kStepTiles * st.key_bytes());
  start_tiles(job, st, item);
  if (item.partial != nullptr) {
    attend_tiles_part(job, st, item, item.part, item.part + kKvPart);
    __builtin_memcpy(item.partial, st.max, sizeof st.max);
    __builtin_memcpy(item.partial + kMaxAttentionRows, st.sum, sizeof st.sum);
    __builtin_memcpy(
        item.partial + 2 * kMaxAttentionRows, st.acc, static_cast<size_t>(st.rows) * static_cast<size_t>(st.dim) * 4);
  } else {
    start_total(total);
    const int64_t first = st.first / kKvPart * kKvPart;
    for (int64_t part = first; part < st.last; part += kKvPart) {
      attend_tiles_part(job, st, item, part, st.last);
      if (part == first) {
        take_part(total, st, st.acc);
      } else {
        merge_part(total, st.max, st.sum, st.acc);
      }
    }
    write_output(job, item, total);
  }
  // A live tile state makes every context switch and signal frame 8 KB larger.
  st.tiles.release();
}

// What is not multiplied as bf16 takes another level's way.
template <class Tiles, const IsaTable& kBase>
static void tile_attention(const AttentionJob& job, const AttentionItem& item, char* scratch) {
  if (!job.kv.dot) return kBase.attention(job, item, scratch);
  switch (job.kv.dtype) {
    case EK_I8: return attend_by_tiles<i8_t, Tiles>(job, item, scratch);
    case EK_F8_E4M3: return attend_by_tiles<e4m3_t, Tiles>(job, item, scratch);
    default: return attend_by_tiles<bf16_t, Tiles>(job, item, scratch);
  }
}

template <class Tiles, const IsaTable& kBase>
static void tile_attention_merge(
    const AttentionJob& job, const AttentionItem& item, const float* partials, int64_t parts, char* scratch) {
  if (!job.kv.dot) return kBase.attention_merge(job, item, partials, parts, scratch);
  attention_merge(job, item, partials, parts, scratch);
}
