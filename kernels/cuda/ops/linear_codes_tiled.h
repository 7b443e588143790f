// y = x W^T for many rows, W of 4 or 8 bits: 128 columns of y x 64 rows per block. A warp makes fragments of the codes
// of 16 columns, as they lie in memory, and multiplies them with all rows.
//
// Shared memory: a ring of stages of 64 columns of K: eight warps' blocks of codes, then x [64 rows][64 k], swizzled as
// in the skinny form.
#pragma once

template <class Source>
struct CodesTile {
  static constexpr int Stages = 3;
  static constexpr u32 WeightBytes = 8 * Source::Bytes, StageBytes = WeightBytes + TileRows * 128;
  static constexpr u32 Table = EKC_CODES_TILED_SHARED - 64;
  static_assert(Stages * StageBytes <= Table, "shared memory");
};

template <class Source>
DEV void codes_tile_multiply(float (&sums)[8][4], const Source& source, u32 weights, u32 x) {
  const int lane = lane_index(), row = (lane & 7) + (lane >> 4) * 8;
  u32 words[Source::Bits];
  Source::words(words, weights);
  UNROLL for (int k = 0; k < 4; k++) {
    u32 a[4], b[4][4];
    UNROLL for (int i = 0; i < 4; i++) load_matrix4(b[i], x + skinny_offset(row + i * 16, k * 2 + (lane >> 3 & 1)));
    source.fragment(a, words, k);
    UNROLL for (int j = 0; j < 8; j++) {
      Mma<typename Source::Type>::multiply(sums[j], a, b[j >> 1][(j & 1) * 2], b[j >> 1][(j & 1) * 2 + 1]);
    }
  }
}

template <class Source>
DEV void codes_tile_store(const EkcLinear& p, const float (&sums)[8][4], i64 first_n, i64 first_row) {
  const int lane = lane_index(), g = lane >> 2, t = lane & 3;
  UNROLL for (int j = 0; j < 8; j++) {
    UNROLL for (int e = 0; e < 4; e++) {
      const i64 n = first_n + g + (e >> 1) * 8, row = first_row + j * 8 + 2 * t + (e & 1);
      if (n < p.n && row < p.rows) finish_linear<typename Source::Type>(p, row, n, sums[j][e]);
    }
  }
}

template <class Source>
DEV void codes_tiled(const EkcLinear& p, Source source) {
  typedef CodesTile<Source> Tile;
  const int warp = thread_index() >> 5, lane = lane_index(), steps = (p.k + 63) / 64, last_n = (p.n - 1) / 16 * 16;
  const i64 first_row = (i64)block_x() * TileRows;
  // Warps past the last column do its work again and keep it to themselves.
  const int own_n = (int)block_y() * TileN + warp * 16, first_n = own_n < last_n ? own_n : last_n;
  const u32 ring = shared_base();
  const CodesInputs x = codes_inputs_of(p, first_row, thread_index(), 32, ring + Tile::WeightBytes);
  const auto fetch = [&](int step) INLINED {
    const u32 stage = step % Tile::Stages * Tile::StageBytes;
    Source::fetch(ring + stage + warp * Source::Bytes + lane * 16, source.at(first_n, step * 64) + lane * 16);
    codes_fetch_inputs<TileRows / 32, 32>(x, step * 64, stage);
  };
  float slice[8][4], total[8][4];
  UNROLL for (int j = 0; j < 8; j++) {
    UNROLL for (int e = 0; e < 4; e++) slice[j][e] = total[j][e] = 0;
  }
  source.read_ahead(first_n, 0);
  UNROLL for (int s = 0; s < Tile::Stages - 1; s++) {
    if (s < steps) fetch(s);
    copy_commit();
  }
  NO_UNROLL for (int step = 0; step < steps; step++) {
    copy_wait<Tile::Stages - 2>();
    sync_block();
    if (step + Tile::Stages - 1 < steps) fetch(step + Tile::Stages - 1);
    copy_commit();
    if (source.begins_group(step * 64)) {
      const int ahead = step * 64 + source.period;
      source.turn();
      source.read_ahead(first_n, ahead < p.k ? ahead : 0);
    }
    const u32 stage = ring + step % Tile::Stages * Tile::StageBytes;
    codes_tile_multiply(slice, source, stage + warp * Source::Bytes + lane * 16, stage + Tile::WeightBytes);
    if ((step + 1) % (EKC_LINEAR_SLICE / 64) != 0 && step + 1 != steps) continue;
    UNROLL for (int j = 0; j < 8; j++) {
      UNROLL for (int e = 0; e < 4; e++) {
        total[j][e] += slice[j][e];
        slice[j][e] = 0;
      }
    }
  }
  if (own_n == first_n) codes_tile_store<Source>(p, total, first_n, first_row);
}

template <class T, int TYPE>
DEV void linear_codes_tiled(const EkcQuantizedLinear& p) {
  const u32 table = shared_base() + EKC_CODES_TILED_SHARED - 64;
  load_table<TYPE>(p.codes, table);
  with_codes<T, TYPE>(p, table, [&](auto source) INLINED { codes_tiled(p.linear, source); });
}
