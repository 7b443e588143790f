// y = x W^T on tensor cores: 128 columns of y x 64 rows per block, W on the row side of the mma.
//
// Shared memory: a ring of four stages, each W [128][32 k] then x [64][32 k] of 16-bit elements, 64 bytes a row, in
// which 16-byte chunk c of row r lies at c ^ (r >> 1 & 3): eight rows of one chunk touch all banks once.
#pragma once

constexpr int TileN = 128, TileRows = 64, TileK = 32, TileStages = 4;
constexpr u32 TileStageBytes = (TileN + TileRows) * TileK * 2;
static_assert(TileStages * TileStageBytes == EKC_LINEAR_TILED_SHARED, "shared memory of the tiled product");

DEV u32 tile_offset(int row, int chunk) { return row * 64 + ((chunk ^ (row >> 1 & 3)) << 4); }

// Starts the copies of k columns [k0, k0 + 32) of both operands; what is out of range becomes zero.
DEV void tile_fetch(const EkcLinear& p, u32 stage, i64 first_n, i64 first_row, int k0) {
  UNROLL for (int i = 0; i < (TileN + TileRows) * 4 / 256; i++) {
    const int item = thread_index() + i * 256, row = item >> 2, chunk = item & 3, k = k0 + chunk * 8;
    const bool is_weight = row < TileN;
    const i64 source_row = is_weight ? first_n + row : first_row + row - TileN;
    const bool present = k < p.k && source_row < (is_weight ? p.n : p.rows);
    const u64 base = is_weight ? p.weight : p.x;
    const i64 at = present ? source_row * (is_weight ? p.weight_stride : p.x_stride) + k : 0;
    copy_async(stage + tile_offset(row, chunk), (const void*)(base + at * 2), present ? 16 : 0);
  }
}

// A warp's 32 columns x 32 rows: two tiles of 16 columns by four of 8 rows.
struct TileSums {
  float slice[2][4][4], total[2][4][4];
};

DEV void tile_clear(TileSums& sums) {
  UNROLL for (int i = 0; i < 2; i++) {
    UNROLL for (int j = 0; j < 4; j++) {
      UNROLL for (int e = 0; e < 4; e++) sums.slice[i][j][e] = sums.total[i][j][e] = 0;
    }
  }
}

// Where a warp's part of a block begins.
DEV int tile_warp_n() { return (thread_index() >> 5 & 3) * 32; }
DEV int tile_warp_row() { return (thread_index() >> 7) * 32; }

// sums += W x^T of 64 bytes of k; weights [TileN] and x [TileRows] rows of 64 bytes.
template <class M, class Sum>
DEV void tile_multiply(Sum (&sums)[2][4][4], u32 weights, u32 x) {
  const int lane = lane_index();
  const int a_row = tile_warp_n() + (lane & 15), b_row = tile_warp_row() + (lane & 7) + (lane >> 4) * 8;
  UNROLL for (int k = 0; k < 2; k++) {
    u32 a[2][4], b[2][4];
    UNROLL for (int i = 0; i < 2; i++) load_matrix4(a[i], weights + tile_offset(a_row + i * 16, k * 2 + (lane >> 4)));
    UNROLL for (int i = 0; i < 2; i++) load_matrix4(b[i], x + tile_offset(b_row + i * 16, k * 2 + (lane >> 3 & 1)));
    UNROLL for (int i = 0; i < 2; i++) {
      UNROLL for (int j = 0; j < 4; j++) {
        M::multiply(sums[i][j], a[i], b[j >> 1][(j & 1) * 2], b[j >> 1][(j & 1) * 2 + 1]);
      }
    }
  }
}

// total += slice; slice = 0.
DEV void tile_close_slice(TileSums& sums) {
  UNROLL for (int i = 0; i < 2; i++) {
    UNROLL for (int j = 0; j < 4; j++) {
      UNROLL for (int e = 0; e < 4; e++) {
        sums.total[i][j][e] += sums.slice[i][j][e];
        sums.slice[i][j][e] = 0;
      }
    }
  }
}

// store(row, n, sum) for what a thread has of a tile and is there.
template <class Sum, class F>
DEV void tile_each(const EkcLinear& p, const Sum (&sums)[2][4][4], i64 first_n, i64 first_row, F store) {
  const int lane = lane_index(), g = lane >> 2, t = lane & 3;
  UNROLL for (int i = 0; i < 2; i++) {
    UNROLL for (int j = 0; j < 4; j++) {
      UNROLL for (int e = 0; e < 4; e++) {
        const i64 n = first_n + tile_warp_n() + i * 16 + g + (e >> 1) * 8;
        const i64 row = first_row + tile_warp_row() + j * 8 + 2 * t + (e & 1);
        if (n < p.n && row < p.rows) store(row, n, sums[i][j][e]);
      }
    }
  }
}

template <class T>
DEV void tile_store(const EkcLinear& p, const TileSums& sums, i64 first_n, i64 first_row) {
  tile_each(p, sums.total, first_n, first_row, [&](i64 row, i64 n, float sum) INLINED {
    finish_linear<T>(p, row, n, sum);
  });
}

DEV int tile_count(const EkcLinear& p) { return (p.k + TileK - 1) / TileK; }

// multiply(stage, step, is_last) for so many steps of K in order; those past its end are of zeros.
template <class F>
DEV void tile_steps(const EkcLinear& p, int steps, i64 first_n, i64 first_row, F multiply) {
  const u32 ring = shared_base();
  UNROLL for (int s = 0; s < TileStages - 1; s++) {
    if (s < steps) tile_fetch(p, ring + s * TileStageBytes, first_n, first_row, s * TileK);
    copy_commit();
  }
  NO_UNROLL for (int step = 0; step < steps; step++) {
    copy_wait<TileStages - 2>();
    sync_block();
    const int next = step + TileStages - 1;
    if (next < steps) {
      tile_fetch(p, ring + next % TileStages * TileStageBytes, first_n, first_row, next * TileK);
    }
    copy_commit();
    multiply(ring + step % TileStages * TileStageBytes, step, step + 1 == steps);
  }
}

template <class T>
DEV void linear_tiled(const EkcLinear& p) {
  const i64 first_row = (i64)block_x() * TileRows, first_n = (i64)block_y() * TileN;
  TileSums sums;
  tile_clear(sums);
  tile_steps(p, tile_count(p), first_n, first_row, [&](u32 stage, int step, bool is_last) INLINED {
    tile_multiply<Mma<T>>(sums.slice, stage, stage + TileN * 64);
    if ((step + 1) % (EKC_LINEAR_SLICE / TileK) == 0 || is_last) tile_close_slice(sums);
  });
  tile_store<T>(p, sums, first_n, first_row);
}
