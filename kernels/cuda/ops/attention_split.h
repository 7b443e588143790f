// Attention of few queries over long contexts: one warp per (sequence, chunk, kv head), and the combination of chunks.
//
// A warp has a ring of tiles of its own, filled in the order of use: the step's keys, page by page, then its values;
// for an 8-bit cache, one tile of 16-bit elements after it; then the queries of wide heads.
#pragma once

// One chunk of one sequence for one kv head.
struct SplitItem {
  int work, sequence, chunk, pages;  // work: index of the pair (chunk, kv head) in the whole line
};

// The sequence that owns chunk `line`; those without chunks own none.
DEV int sequence_of_chunk(const EkcAttention& p, int line) {
  const int* starts = (const int*)p.chunk_starts;
  int low = 0, high = p.num_sequences;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (load(starts + middle) <= line) low = middle;
    else high = middle;
  }
  return low;
}

// Starts the copy of the i-th tile of a chunk into its slot. page_id: lane j has the page of the chunk's page j.
template <int D, u32 TileBytes>
DEV void split_fetch(const EkcAttention& p, const SplitItem& item, int kv_head, u32 page_id, u32 ring, int i) {
  constexpr int Pages = EKC_ATTENTION_STEP(D) / 16;
  const int page = i / (2 * Pages) * Pages + i % Pages;
  const bool is_value = i / Pages % 2 == 1;
  const u32 id = shuffle(page_id, page);
  const bool present = page < item.pages;
  const i64 tile = present ? (i64)id * p.num_kv_heads + kv_head : 0;
  const u64 from = (is_value ? p.values : p.keys) + (u64)tile * TileBytes;
  const u32 to = ring + i % EKC_ATTENTION_SPLIT_SLOTS(D) * TileBytes;
  UNROLL for (int c = 0; c < (int)TileBytes / 512; c++) {
    const u32 at = (c * 32 + lane_index()) * 16;
    copy_async(to + at, (const void*)(from + at), present ? 16 : 0);
  }
}

// The result of a chunk: finished if the sequence has no other, else left in `partials`. Finds out anew whose it is,
// for what is kept through a chunk takes registers.
template <class T, int D>
DEV void split_store(const AttentionTile<T, D>& a, const EkcAttention& p, int work) {
  const int line = work / p.num_kv_heads, sequence = sequence_of_chunk(p, line);
  const Rows rows = sequence_rows(p, sequence, work - line * p.num_kv_heads, 0);
  const int* starts = (const int*)p.chunk_starts + sequence;
  const bool only = load(starts) == line && load(starts + 1) == line + 1;
  const int lane = lane_index(), g = lane >> 2, t = lane & 3;
  UNROLL for (int h = 0; h < 2; h++) {
    const int index = g + h * 8;
    if (index >= rows.count) continue;
    T* out = (T*)p.output + row_offset(p, rows, index, p.output_stride);
    float* partial = (float*)p.partials + ((i64)work * 16 + index) * (D + 2);
    if (!only && t == 0) {
      store(partial, a.maximum[h]);
      store(partial + 1, a.sum[h]);
    }
    UNROLL for (int n = 0; n < D / 8; n++) {
      const int d = n * 8 + 2 * t;
      const float first = a.output[n][2 * h], second = a.output[n][2 * h + 1];
      if (only) output_pair(p, out, d, first, second, a.sum[h]);
      else store((u32x2*)(partial + 2 + d), u32x2{float_bits(first), float_bits(second)});
    }
  }
}

template <class T, int D, bool NARROW>
DEV void split_chunk(const EkcAttention& p, const Rows& rows, const SplitItem& item, u32 ring) {
  constexpr int Step = EKC_ATTENTION_STEP(D), Pages = Step / 16, Slots = EKC_ATTENTION_SPLIT_SLOTS(D);
  constexpr u32 TileBytes = NARROW ? Narrow<D>::TileBytes : 16 * D * 2;
  const int first = item.chunk * EKC_ATTENTION_CHUNK, lane = lane_index();
  const int steps = (item.pages + Pages - 1) / Pages, tiles = steps * 2 * Pages;
  const u32 page_id = lane < item.pages ? (u32)page_of(p, item.sequence, first + lane * 16) : 0;
  NO_UNROLL for (int i = 0; i < Slots - 1; i++) {
    if (i < tiles) split_fetch<D, TileBytes>(p, item, rows.kv_head, page_id, ring, i);
    copy_commit();
  }
  AttentionTile<T, D> a;
  tile_load_query(a, p, rows, ring + Slots * TileBytes + (NARROW ? 16 * D * 2 : 0));
  tile_reset(a);
  int i = 0;
  NO_UNROLL for (int step = 0; step < steps; step++) {
    float s[Step / 8][4];
    UNROLL for (int part = 0; part < 2 * Pages; part++) {
      if (part == Pages) tile_softmax(a, s, p, first + step * Step);
      copy_wait<Slots - 2>();
      sync_warp();
      const int next = i + Slots - 1;
      if (next < tiles) split_fetch<D, TileBytes>(p, item, rows.kv_head, page_id, ring, next);
      copy_commit();
      u32 tile = ring + i % Slots * TileBytes;
      if (NARROW) {
        widen_tile<T, D>(ring + Slots * TileBytes, tile, lane, 32);
        tile = ring + Slots * TileBytes;
        sync_warp();
      }
      const int page = part % Pages;
      if (part < Pages) tile_scores<1>(a, s + 2 * page, tile);
      else tile_values(a, s[2 * page], s[2 * page + 1], tile);
      i++;
    }
  }
  sync_warp();  // the next chunk's copies go into slots that a slower lane may still read
  tile_close_chunk(a);
  split_store(a, p, item.work);
}

// Calls chunk(rows, item) for each chunk that falls to this warp.
template <class Chunk>
DEV void split_items(const EkcAttention& p, const Chunk& chunk) {
  const int total = load((const int*)p.chunk_starts + p.num_sequences) * p.num_kv_heads;
  NO_UNROLL for (int work = block_x() * 4 + (thread_index() >> 5); work < total; work += grid_x() * 4) {
    SplitItem item;
    item.work = work;
    const int line = work / p.num_kv_heads;
    item.sequence = sequence_of_chunk(p, line);
    item.chunk = line - load((const int*)p.chunk_starts + item.sequence);
    const Rows rows = sequence_rows(p, item.sequence, work - line * p.num_kv_heads, 0);
    const int context = load((const int*)p.context_lens + item.sequence);
    const int left = (context + 15) / 16 - item.chunk * (EKC_ATTENTION_CHUNK / 16);
    item.pages = left < EKC_ATTENTION_CHUNK / 16 ? left : EKC_ATTENTION_CHUNK / 16;
    const bool needed = (item.chunk + 1) * EKC_ATTENTION_CHUNK > first_key(p, rows.first_position);
    if (is_split(rows) && needed) chunk(rows, item);
  }
}

// NARROW: the cache is e4m3.
template <class T, int D, bool NARROW>
DEV void attention_split(const EkcAttention& p) {
  const u32 bytes = NARROW ? EKC_ATTENTION_SPLIT8_SHARED(D) : EKC_ATTENTION_SPLIT_SHARED(D);
  const u32 ring = shared_base() + (thread_index() >> 5) * (bytes / 4);
  split_items(p, [&](const Rows& rows, const SplitItem& item) INLINED {
    split_chunk<T, D, NARROW>(p, rows, item, ring);
  });
}

// One block per (row, query head), one thread per column: chunks merged in ascending order.
template <class T, int D>
DEV void attention_combine(const EkcAttention& p) {
  const int row = block_x(), head = block_y(), d = thread_index();
  const int sequence = sequence_of(p, row);
  if (sequence < 0) return;
  const int begin = load((const int*)p.chunk_starts + sequence);
  const int end = load((const int*)p.chunk_starts + sequence + 1);
  if (end - begin < 2) return;
  const Rows rows = sequence_rows(p, sequence, head / (p.num_heads / p.num_kv_heads), 0);
  const int token = row - rows.first_query, index = token * rows.group + head % rows.group;
  const int from = begin + first_key(p, rows.first_position + token) / EKC_ATTENTION_CHUNK;
  float maximum = Masked, sum = 0, output = 0;
  for (int line = from; line < end; line++) {
    const i64 at = (((i64)line * p.num_kv_heads + rows.kv_head) * 16 + index) * (D + 2);
    const float* partial = (const float*)p.partials + at;
    const Merge merge = merge_factors(maximum, load(partial));
    maximum = merge.maximum;
    sum = merge_value(merge, sum, load(partial + 1));
    output = merge_value(merge, output, load(partial + 2 + d));
  }
  T* out = (T*)p.output + row_offset(p, rows, index, p.output_stride);
  if (d < p.head_dim) store(out + d, Convert<T>::from(output / sum * p.value_scale));
}
