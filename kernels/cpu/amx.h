// Products of bf16 by tiles of 16 x 16 (AMX): panels of EK_FORMAT_BF16_DP are tiles of B as they lie. Every number of
// rows takes this path, one row too: a sum of another order for few rows would let the batch show in the result.
// Tiles hides the instructions; included inside a namespace of its own per kind of tiles.
#pragma once

// Zero at the start of a chunk of 32 k, C tiles are numbered row * 2 + column; A is 4 and 5, B is 6 and 7.
static constexpr int kTileRowsAmx = 16;

// Rows of tile t of so many.
INLINE int amx_rows(int64_t rows, int64_t t) {
  const int64_t left = rows - t * kTileRowsAmx;
  return static_cast<int>(left >= kTileRowsAmx ? kTileRowsAmx : left > 0 ? left : 0);
}

// Adds bias and old y in the order of the other levels and stores the valid columns.
static void amx_finish(const GemmJob& job, const float* c, int rows, int64_t row, int64_t column) {
  const int64_t n = job.n - column < 16 ? job.n - column : 16;
  for (int m = 0; m < rows; m++, c += 16) {
    float* y = job.y + (row + m) * job.y_stride + column;
    for (int64_t j = 0; j < n; j++) {
      float sum = c[j];
      if (job.bias != nullptr) sum += job.bias[column + j];
      if (job.accumulate) sum += y[j];
      y[j] = sum;
    }
  }
}

// Two row tiles (the second may be empty) times one or two panels, over all of k.
template <class Tiles, bool kTwoRows, bool kTwoPanels>
static void amx_tiles(
    Tiles& t, const GemmJob& job, int64_t row, int rows0, int rows1, int64_t panel, const char* fetch,
    int64_t lines) {
  t.template zero<0>();
  if (kTwoPanels) t.template zero<1>();
  if (kTwoRows) t.template zero<2>();
  if (kTwoRows && kTwoPanels) t.template zero<3>();
  auto a0 = static_cast<const char*>(job.a) + row * job.chunks * 64;
  const char* a1 = a0 + rows0 * job.chunks * 64;
  const char* b0 = job.w + panel * job.panel_bytes;
  const char* b1 = b0 + job.panel_bytes;
  for (int64_t c = 0; c < job.chunks; c++) {
    for (int64_t i = 0; i < lines; i++, fetch += 64) __builtin_prefetch(fetch, 0, 2);
    t.template load<4>(a0 + c * rows0 * 64);
    t.template load<6>(b0 + c * 1024);
    t.template multiply<0, 4, 6>();
    if (kTwoPanels) {
      t.template load<7>(b1 + c * 1024);
      t.template multiply<1, 4, 7>();
    }
    if (kTwoRows) {
      t.template load<5>(a1 + c * rows1 * 64);
      t.template multiply<2, 5, 6>();
      if (kTwoPanels) t.template multiply<3, 5, 7>();
    }
  }
  alignas(64) float sums[16 * 16];
  t.template store<0>(sums);
  amx_finish(job, sums, rows0, row, panel * 16);
  if (kTwoPanels) {
    t.template store<1>(sums);
    amx_finish(job, sums, rows0, row, panel * 16 + 16);
  }
  if (kTwoRows) {
    t.template store<2>(sums);
    amx_finish(job, sums, rows1, row + rows0, panel * 16);
  }
  if (kTwoRows && kTwoPanels) {
    t.template store<3>(sums);
    amx_finish(job, sums, rows1, row + rows0, panel * 16 + 16);
  }
}

// All rows of panels [first, last), as IsaTable::gemm.
template <class Tiles>
static void amx_gemm(const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes) {
  Tiles t;
  int configured0 = -1, configured1 = -1;
  const int64_t pairs = (job.rows + 2 * kTileRowsAmx - 1) / (2 * kTileRowsAmx);
  // The first products of each pair of row tiles fetch a share of what this thread reads next.
  const int64_t lines = next == nullptr ? 0 : (next_bytes / 64 + pairs * job.chunks - 1) / (pairs * job.chunks);
  for (int64_t pair = 0; pair < pairs; pair++) {
    const int rows0 = amx_rows(job.rows, pair * 2), rows1 = amx_rows(job.rows, pair * 2 + 1);
    if (rows0 != configured0 || rows1 != configured1) t.configure(rows0, rows1);
    configured0 = rows0;
    configured1 = rows1;
    const int64_t row = pair * 2 * kTileRowsAmx;
    int64_t ahead = next == nullptr || pair * lines * job.chunks * 64 >= next_bytes ? 0 : lines;
    const char* fetch = ahead == 0 ? nullptr : next + pair * lines * job.chunks * 64;
    for (int64_t p = first; p < last; p += 2, ahead = 0) {
      const bool two = p + 1 < last;
      if (rows1 > 0 && two) {
        amx_tiles<Tiles, true, true>(t, job, row, rows0, rows1, p, fetch, ahead);
      } else if (rows1 > 0) {
        amx_tiles<Tiles, true, false>(t, job, row, rows0, rows1, p, fetch, ahead);
      } else if (two) {
        amx_tiles<Tiles, false, true>(t, job, row, rows0, rows1, p, fetch, ahead);
      } else {
        amx_tiles<Tiles, false, false>(t, job, row, rows0, rows1, p, fetch, ahead);
      }
    }
  }
  // A live tile state makes every context switch and signal frame 8 KB larger.
  t.release();
}

// Rows of one tile: per 32 k, [rows][32] bf16, zeros past k. Null x only counts the tiles.
static int64_t amx_pack_activations(const PackActivationsJob& job, int64_t tile) {
  const int64_t count = (job.rows + kTileRowsAmx - 1) / kTileRowsAmx;
  if (job.x == nullptr) return count;
  const int rows = amx_rows(job.rows, tile);
  const float* x = job.x + tile * kTileRowsAmx * job.x_stride;
  auto a = reinterpret_cast<bf16_t*>(static_cast<char*>(job.a) + tile * kTileRowsAmx * job.row_bytes);
  for (int64_t k = 0; k < job.chunks * 32; k += 32) {
    const int64_t n = job.k - k < 32 ? job.k - k : 32;
    for (int m = 0; m < rows; m++, a += 32) {
      const float* from = x + m * job.x_stride + k;
      for (int64_t i = 0; i < n; i++) a[i] = to_bf16(from[i]);
      for (int64_t i = n > 0 ? n : 0; i < 32; i++) a[i] = {0};
    }
  }
  return count;
}

// Another level's table with the products of bf16 weights by tiles.
template <class Tiles, const IsaTable& kBase>
struct AmxTable {
  static int64_t group(const GemmJob& job) {
    return job.format == EK_FORMAT_BF16_DP ? 4 : kBase.gemm_group(job);
  }
  static int64_t pack(const PackActivationsJob& job, int64_t tile) {
    return job.format == EK_FORMAT_BF16_DP ? amx_pack_activations(job, tile) : kBase.pack_activations(job, tile);
  }
  static void gemm(const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t bytes, char* scratch) {
    if (job.format != EK_FORMAT_BF16_DP) return kBase.gemm(job, first, last, next, bytes, scratch);
    amx_gemm<Tiles>(job, first, last, next, bytes);
  }
  static void use(IsaTable& table) {
    table = kBase;
    table.gemm = gemm;
    table.gemm_group = group;
    table.pack_activations = pack;
  }
};
