// attention_split with bulk copies (sm_90): a tile is one instruction of one thread instead of one per 512 bytes of
// every lane. The same steps in the same order, hence the same bits.
//
// Shared memory: 8 mbarriers per warp in the first 1,024 bytes, then the rings of attention_split. A slot's mbarrier
// counts the bytes of its tile; a slot is refilled when the whole warp has read it. Pages past the end are not copied
// and not multiplied: what they would add is zero.
#pragma once

// Copies of a warp over all its chunks: the n-th uses slot n % slots, and its phase has parity n / slots % 2.
struct BulkRing {
  u32 barriers, tiles, issued, used;
};

// The tile that is i-th in the order of use: a step's keys, page by page, then its values.
template <int D>
DEV u64 bulk_source(const EkcAttention& p, const SplitItem& item, int kv_head, u32 page_id, int i, u32 tile_bytes) {
  constexpr int Pages = EKC_ATTENTION_STEP(D) / 16;
  const int step = i / (2 * Pages), left = item.pages - step * Pages, pages = left < Pages ? left : Pages;
  const int place = i % (2 * Pages), page = step * Pages + (place < pages ? place : place - pages);
  const u64 tile = (u64)shuffle(page_id, page) * p.num_kv_heads + kv_head;
  return (place < pages ? p.keys : p.values) + tile * tile_bytes;
}

template <int D, u32 TileBytes>
DEV void bulk_fetch(
    const EkcAttention& p, const SplitItem& item, int kv_head, u32 page_id, BulkRing& ring, int i) {
  const u64 from = bulk_source<D>(p, item, kv_head, page_id, i, TileBytes);
  const u32 slot = ring.issued++ % EKC_ATTENTION_SPLIT_SLOTS(D);
  if (elect_one()) {
    mbarrier_expect(ring.barriers + slot * 8, TileBytes);
    bulk_copy(ring.tiles + slot * TileBytes, (const void*)from, TileBytes, ring.barriers + slot * 8);
  }
}

// Waits for the next tile, and gives its address.
template <int D, u32 TileBytes>
DEV u32 bulk_next(BulkRing& ring) {
  constexpr u32 Slots = EKC_ATTENTION_SPLIT_SLOTS(D);
  const u32 slot = ring.used % Slots, parity = ring.used / Slots & 1;
  ring.used++;
  mbarrier_wait(ring.barriers + slot * 8, parity);
  return ring.tiles + slot * TileBytes;
}

template <class T, int D, bool NARROW>
DEV void bulk_chunk(const EkcAttention& p, const Rows& rows, const SplitItem& item, BulkRing& ring) {
  constexpr int Step = EKC_ATTENTION_STEP(D), Pages = Step / 16, Slots = EKC_ATTENTION_SPLIT_SLOTS(D);
  constexpr u32 TileBytes = NARROW ? Narrow<D>::TileBytes : 16 * D * 2;
  const int first = item.chunk * EKC_ATTENTION_CHUNK, lane = lane_index(), tiles = 2 * item.pages;
  const u32 page_id = lane < item.pages ? (u32)page_of(p, item.sequence, first + lane * 16) : 0;
  const u32 wide = ring.tiles + Slots * TileBytes;
  int next = 0;
  NO_UNROLL for (; next < Slots && next < tiles; next++) {
    bulk_fetch<D, TileBytes>(p, item, rows.kv_head, page_id, ring, next);
  }
  AttentionTile<T, D> a;
  tile_load_query(a, p, rows, wide + (NARROW ? 16 * D * 2 : 0));
  tile_reset(a);
  NO_UNROLL for (int page0 = 0; page0 < item.pages; page0 += Pages) {
    float s[Step / 8][4];
    UNROLL for (int part = 0; part < 2 * Pages; part++) {
      const int page = part % Pages;
      if (part == Pages) tile_softmax(a, s, p, first + page0 * 16);
      if (page0 + page >= item.pages) {
        UNROLL for (int e = 0; e < 4; e++) s[2 * page][e] = s[2 * page + 1][e] = 0;
        continue;
      }
      u32 tile = bulk_next<D, TileBytes>(ring);
      if (NARROW) {
        widen_tile<T, D>(wide, tile, lane, 32);
        tile = wide;
        sync_warp();
      }
      if (part < Pages) tile_scores<1>(a, s + 2 * page, tile);
      else tile_values(a, s[2 * page], s[2 * page + 1], tile);
      sync_warp();  // every lane has read the slot that the next copy fills
      if (next < tiles) bulk_fetch<D, TileBytes>(p, item, rows.kv_head, page_id, ring, next++);
    }
  }
  tile_close_chunk(a);
  split_store(a, p, item.work);
}

template <class T, int D, bool NARROW>
DEV void attention_split_bulk(const EkcAttention& p) {
  const int warp = thread_index() >> 5;
  const u32 bytes = NARROW ? EKC_ATTENTION_SPLIT8_SHARED(D) : EKC_ATTENTION_SPLIT_SHARED(D);
  BulkRing ring = {shared_base() + warp * 64, shared_base() + 1024 + warp * (bytes / 4), 0, 0};
  if (lane_index() == 0) {
    for (int i = 0; i < EKC_ATTENTION_SPLIT_SLOTS(D); i++) mbarrier_init(ring.barriers + i * 8, 1);
    mbarrier_fence_init();
  }
  sync_warp();
  split_items(p, [&](const Rows& rows, const SplitItem& item) INLINED {
    bulk_chunk<T, D, NARROW>(p, rows, item, ring);
  });
}
