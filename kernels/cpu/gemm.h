// Matrix products over packed panels. Included inside the namespace of one ISA level.
#pragma once

// Rows are split as evenly as possible: the first `extra` tiles have one row more.
struct RowTiles {
  int64_t count, base, extra;
  explicit MEMBER RowTiles(int64_t rows) : RowTiles(rows, rows <= kMostRows ? kMostRows : kTileRows) {}
  MEMBER RowTiles(int64_t rows, int64_t most) {
    count = (rows + most - 1) / most;
    base = rows / count;
    extra = rows % count;
  }
  MEMBER int64_t start(int64_t t) const { return t * base + (t < extra ? t : extra); }
  MEMBER int rows(int64_t t) const { return static_cast<int>(base + (t < extra ? 1 : 0)); }
};

// The panels that a thread reads next, fetched meanwhile in equal shares, one for each tile of rows and panels.
struct Ahead {
  const char* at;
  const char* end;
  int64_t lines, step;  // of a share: lines per 32 k, bytes
  MEMBER Ahead(const char* next, int64_t bytes, int64_t shares, int64_t chunks)
      : at(next), end(next + bytes) {
    lines = next == nullptr ? 0 : (bytes / 64 + shares * chunks - 1) / (shares * chunks);
    step = lines * chunks * 64;
  }
  // Lines per 32 k of this share; one that is spent, or is none, has none.
  MEMBER int64_t share() const { return at < end ? lines : 0; }
};

// Where a tile of packed activations is made. The lines it goes to lie in the caches of the threads that read the last
// product's: taking each from them costs 28 ns on a Zen 4, one after the other, writing past the caches 4 ns.
class PackedTile {
 public:
  MEMBER PackedTile(const PackActivationsJob& job, int64_t row, int64_t rows)
      : to_(static_cast<char*>(job.a) + row * job.row_bytes), bytes_(rows * job.row_bytes),
        staging_(job.staging) {}
  MEMBER char* at() const { return staging_ != nullptr ? staging_ : to_; }

  MEMBER void publish() const {
    if (staging_ == nullptr) return;
#if defined(__SSE2__)
    // Streaming stores are of whole 16 bytes.
    const int64_t head = -reinterpret_cast<intptr_t>(to_) & 15;
    int64_t i = head < bytes_ ? head : bytes_;
    __builtin_memcpy(to_, staging_, i);
    for (; i + 16 <= bytes_; i += 16) {
      const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(staging_ + i));
      _mm_stream_si128(reinterpret_cast<__m128i*>(to_ + i), x);
    }
    __builtin_memcpy(to_ + i, staging_ + i, bytes_ - i);
    _mm_sfence();
#else
    __builtin_memcpy(to_, staging_, bytes_);
#endif
  }

 private:
  char* to_;
  int64_t bytes_;
  char* staging_;
};

// Adds bias and old y in one fixed order and stores the valid columns.
INLINE void finish(const GemmJob& job, vf c, int64_t row, int64_t column) {
  float* y = job.y + row * job.y_stride + column;
  const int64_t n = job.n - column;
  if (n >= 16) {
    if (job.bias != nullptr) c = vadd(c, vload(job.bias + column));
    if (job.accumulate) c = vadd(c, vload(y));
    vstore(y, c);
  } else {
    if (job.bias != nullptr) c = vadd(c, vload_n(job.bias + column, n));
    if (job.accumulate) c = vadd(c, vload_n(y, n));
    vstore_n(y, c, n);
  }
}

template <class Op, int MR, int NV>
static void gemm_tile(const GemmJob& job, int64_t row, int64_t panel, const char* prefetch, int64_t lines) {
  constexpr int kSteps = 32 / Op::kPerStep;
  vf c[MR][NV];
  const char* w[NV];
#pragma GCC unroll 8
  for (int v = 0; v < NV; v++) {
    w[v] = job.w + (panel + v) * job.panel_bytes;
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) c[m][v] = vzero();
  }
  auto a = static_cast<const typename Op::A*>(job.a) + row * job.chunks * kSteps;
  for (int64_t chunk = 0; chunk < job.chunks; chunk++) {
    for (int64_t i = 0; i < lines; i++, prefetch += 64) __builtin_prefetch(prefetch, 0, 2);
    multiply<Op, MR, NV>(c, a, kSteps, w, Op::kLine, kSteps);
    a += MR * kSteps;
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) w[v] += kSteps * Op::kLine;
  }
#pragma GCC unroll 8
  for (int m = 0; m < MR; m++) {
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) finish(job, c[m][v], row + m, (panel + v) * 16);
  }
}

// Panels a thread takes at a time: what the widest tile of so many rows holds.
[[maybe_unused]] static int64_t gemm_group(const GemmJob& job) {
  return job.format < EK_FORMAT_Q8 && job.rows > kTileRows && job.rows <= kMostRows ? wide(kMostRows) : 4;
}

// All rows of panels [first, last); `next` is the panel this thread reads after them, or null.
template <class Op>
static void gemm_panels(const GemmJob& job, int64_t first, int64_t last, const char* next, int64_t next_bytes) {
  const RowTiles tiles(job.rows);
  const int64_t steps = (last - first + wide(tiles.rows(0)) - 1) / wide(tiles.rows(0));
  // One tile streams its panels once, and the hardware fetches ahead well enough.
  Ahead ahead(tiles.count == 1 ? nullptr : next, next_bytes, tiles.count * steps, job.chunks);
  for (int64_t t = 0; t < tiles.count; t++) {
    with_rows(tiles.rows(t), [&](auto rows) INLINE_LAMBDA {
      constexpr int MR = decltype(rows)::value;
      constexpr int NV = wide(MR);
      int64_t p = first;
      for (; p + NV <= last; p += NV, ahead.at += ahead.step) {
        gemm_tile<Op, MR, NV>(job, tiles.start(t), p, ahead.at, ahead.share());
      }
      for (; p < last; p++, ahead.at += ahead.step) {
        gemm_tile<Op, MR, 1>(job, tiles.start(t), p, ahead.at, ahead.share());
      }
    });
  }
}

// Activations of one row tile: per 32 k, [rows][32] as f32 or bf16, zeros past k.
template <class T>
static void pack_tile(const float* x, int64_t x_stride, int64_t k, int64_t chunks, int rows, T* a) {
  for (int64_t c = 0; c < chunks * 32; c += 32) {
    for (int m = 0; m < rows; m++, a += 32) {
      const float* p = x + m * x_stride + c;
      for (int64_t i = 0; i < 32; i += 16) {
        const int64_t n = k - c - i;
        vstore(a + i, n >= 16 ? vload(p + i) : n > 0 ? vload_n(p + i, n) : vzero());
      }
    }
  }
}
