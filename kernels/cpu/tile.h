// The one inner loop of every float matrix product: c[m][v] += a[m][s] * w[v][s], s in order.
// Included inside the namespace of one ISA level.
#pragma once

// f32 products; weights of type T are widened.
template <class T>
struct OpF32 {
  typedef float A;
  typedef vf W;
  static constexpr int kPerStep = 1;
  static constexpr int64_t kLine = 16 * sizeof(T);
  static MEMBER W load(const char* w) { return vload(reinterpret_cast<const T*>(w)); }
  static MEMBER vf step(vf c, W w, A a) { return vfma(vset(a), w, c); }
};

#ifdef __AVX512BF16__
// Pairs of bf16 products; a and each lane of w hold two consecutive k.
struct OpBf16 {
  typedef uint32_t A;
  typedef __m512i W;
  static constexpr int kPerStep = 2;
  static constexpr int64_t kLine = 64;
  static MEMBER W load(const char* w) { return _mm512_loadu_si512(w); }
  static MEMBER vf step(vf c, W w, A a) {
    return _mm512_dpbf16_ps(
        c, reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(a))), reinterpret_cast<__m512bh>(w));
  }
};
#endif

template <int N>
struct Rows {
  static constexpr int value = N;
};

// a_row: elements from row to row of a. w_step: bytes from step to step.
template <class Op, int MR, int NV>
INLINE void multiply(
    vf (&c)[MR][NV], const typename Op::A* a, int64_t a_row, const char* const (&w)[NV], int64_t w_step,
    int64_t steps) {
#pragma GCC unroll 4
  for (int64_t s = 0; s < steps; s++) {
    typename Op::W line[NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) line[v] = Op::load(w[v] + s * w_step);
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++) {
      const typename Op::A x = a[m * a_row + s];
#pragma GCC unroll 8
      for (int v = 0; v < NV; v++) c[m][v] = Op::step(c[m][v], line[v], x);
    }
  }
}

#if defined(__AVX512F__)
// Rows of a tile, and of the one tile that a batch of 7 or 8 makes.
static constexpr int kTileRows = 6;
static constexpr int kMostRows = 8;
static constexpr int wide(int rows) { return rows <= 6 ? 4 : 3; }
#elif defined(__AVX2__)
static constexpr int kTileRows = 6;
static constexpr int kMostRows = 6;
static constexpr int wide(int rows) { return rows == 1 ? 4 : rows == 2 ? 2 : 1; }
#else
static constexpr int kTileRows = 2;
static constexpr int kMostRows = 2;
static constexpr int wide(int) { return 1; }
#endif

// Calls f with the number of rows as a constant.
template <class F>
INLINE void with_rows(int rows, F f) {
  switch (rows) {
    case 1: f(Rows<1>()); break;
    case 2: f(Rows<2>()); break;
#if defined(__AVX2__)
    case 3: f(Rows<3>()); break;
    case 4: f(Rows<4>()); break;
    case 5: f(Rows<5>()); break;
    case 6: f(Rows<6>()); break;
#endif
#if defined(__AVX512F__)
    case 7: f(Rows<7>()); break;
    case 8: f(Rows<8>()); break;
#endif
    default: break;
  }
}
