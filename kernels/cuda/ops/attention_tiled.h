// Attention of many queries: 64 rows per block of 4 warps, keys and values shared through two stages.
//
// Shared memory: 2 stages of [step keys][D] then [step values][D] in tiles of 16 tokens; for an 8-bit cache, one such
// stage of 16-bit elements; then the sums of finished chunks, [D / 2][128 threads], which a thread keeps for itself;
// then the queries of wide heads.
#pragma once

// Starts the copies of the pages of one step; pages past the end of the sequence become zeros.
template <int D, u32 TileBytes>
DEV void tiled_fetch(const EkcAttention& p, u32 stage, int sequence, int kv_head, int first, int context) {
  constexpr int ChunksOfPage = TileBytes / 16;
  UNROLL for (int page = 0; page < EKC_ATTENTION_STEP(D) / 16; page++) {
    const int position = first + page * 16;
    const bool present = position < context;
    const i64 tile = present ? page_of(p, sequence, position) * p.num_kv_heads + kv_head : 0;
    UNROLL for (int i = 0; i < 2 * ChunksOfPage / 128; i++) {
      const int item = thread_index() + i * 128, chunk = item % ChunksOfPage;
      const bool is_value = item >= ChunksOfPage;
      const u64 from = (is_value ? p.values : p.keys) + (u64)tile * TileBytes + chunk * 16;
      const u32 to = stage + (is_value ? EKC_ATTENTION_STEP(D) / 16 * TileBytes : 0) + page * TileBytes + chunk * 16;
      copy_async(to, (const void*)from, present ? 16 : 0);
    }
  }
}

// Merges the finished chunk into the totals in shared memory.
template <class T, int D>
DEV void tiled_merge(AttentionTile<T, D>& a, float (&maximum)[2], float (&sum)[2], u32 totals, bool first_chunk) {
  tile_close_chunk(a);
  const u32 mine = totals + thread_index() * 4;
  UNROLL for (int h = 0; h < 2; h++) {
    const Merge merge = merge_row(maximum[h], sum[h], a, h);
    UNROLL for (int n = 0; n < D / 8; n++) {
      UNROLL for (int e = 2 * h; e < 2 * h + 2; e++) {
        const u32 at = mine + (n * 4 + e) * 512;
        const float old = first_chunk ? 0.f : bits_float(shared_load(at));
        shared_store(at, float_bits(merge_value(merge, old, a.output[n][e])));
      }
    }
  }
  tile_reset(a);
}

template <class T, int D>
DEV void tiled_store(const EkcAttention& p, const Rows& rows, const float (&sum)[2], u32 totals) {
  const int lane = lane_index(), g = lane >> 2, t = lane & 3;
  UNROLL for (int h = 0; h < 2; h++) {
    const int index = rows.first + g + h * 8;
    if (index >= rows.count) continue;
    T* out = (T*)p.output + row_offset(p, rows, index, p.output_stride);
    UNROLL for (int n = 0; n < D / 8; n++) {
      const u32 at = totals + thread_index() * 4 + (n * 4 + 2 * h) * 512;
      const float first = bits_float(shared_load(at)), second = bits_float(shared_load(at + 512));
      output_pair(p, out, n * 8 + 2 * t, first, second, sum[h]);
    }
  }
}

// The whole block makes 16-bit tiles of a stage of 8-bit ones.
template <class T, int D>
DEV void tiled_widen(u32 to, u32 from) {
  NO_UNROLL for (int tile = 0; tile < 2 * EKC_ATTENTION_STEP(D) / 16; tile++) {
    widen_tile<T, D>(to + tile * (16 * D * 2), from + tile * Narrow<D>::TileBytes, thread_index(), 128);
  }
}

// NARROW: the cache is e4m3.
template <class T, int D, bool NARROW>
DEV void attention_tiled(const EkcAttention& p) {
  constexpr int Step = EKC_ATTENTION_STEP(D);
  constexpr u32 TileBytes = NARROW ? Narrow<D>::TileBytes : 16 * D * 2, StageBytes = 2 * Step / 16 * TileBytes;
  constexpr u32 WideBytes = 2 * Step * D * 2;
  const int kv_head = block_y(), sequence = block_z(), warp = thread_index() >> 5;
  Rows rows = sequence_rows(p, sequence, kv_head, block_x() * 64);
  if (is_split(rows) || rows.first >= rows.count) return;
  const int block_end = rows.first + 64 < rows.count ? rows.first + 64 : rows.count;
  const int context = row_position(rows, block_end - 1) + 1;
  const int begin = first_key(p, row_position(rows, rows.first)) / Step * Step;
  rows.first += warp * 16;
  const int warp_end = row_position(rows, rows.first + 15 < rows.count ? rows.first + 15 : rows.count - 1) + 1;

  const u32 shared = shared_base(), wide = shared + 2 * StageBytes;
  const u32 totals = wide + (NARROW ? WideBytes : 0);
  AttentionTile<T, D> a;
  tile_load_query(a, p, rows, totals + 64 * D * 4 + warp * EKC_ATTENTION_QUERY_BYTES(D));
  tile_reset(a);
  float maximum[2] = {Masked, Masked}, sum[2] = {0, 0};
  bool first_chunk = true;
  tiled_fetch<D, TileBytes>(p, shared, sequence, kv_head, begin, context);
  copy_commit();
  int stage = 0;
  NO_UNROLL for (int first = begin; first < context; first += Step) {
    if (first + Step < context) {
      tiled_fetch<D, TileBytes>(p, shared + (stage ^ 1) * StageBytes, sequence, kv_head, first + Step, context);
    }
    copy_commit();
    copy_wait<1>();
    sync_block();
    if (NARROW) {
      tiled_widen<T, D>(wide, shared + stage * StageBytes);
      sync_block();
    }
    if (rows.first < rows.count && first < warp_end) {
      const u32 keys = NARROW ? wide : shared + stage * StageBytes, values = keys + Step * D * 2;
      float s[Step / 8][4];
      tile_scores<Step / 16>(a, s, keys);
      tile_softmax(a, s, p, first);
      UNROLL for (int page = 0; page < Step / 16; page++) {
        tile_values(a, s[2 * page], s[2 * page + 1], values + page * (16 * D * 2));
      }
    }
    if ((first + Step) % EKC_ATTENTION_CHUNK == 0 || first + Step >= context) {
      tiled_merge(a, maximum, sum, totals, first_chunk);
      first_chunk = false;
    }
    sync_block();
    stage ^= 1;
  }
  tiled_store<T, D>(p, rows, sum, totals);
}
