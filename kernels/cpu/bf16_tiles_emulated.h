// The bf16 tile instructions in scalar code, as their definition has them, so that the kernels around them are tested
// on every machine.
#pragma once

// Subnormal numbers count as zero, in operands and results.
INLINE float flushed(float x) { return __builtin_fabsf(x) < 1.17549435e-38f ? 0.0f : x; }

// a * b + s, rounded once, of two bf16 numbers: their product is exact in double, and beside it or beside s whatever a
// double would round away is too little to decide how the float is rounded.
INLINE float fused(float a, float b, float s) {
#ifdef __FMA__
  return __builtin_fmaf(a, b, s);
#else
  return static_cast<float>(static_cast<double>(a) * b + s);
#endif
}

struct Tiles {
  float c[4][16 * 16];
  uint16_t ab[4][16 * 32];
  int rows[8];
  bool configured = false;

  void configure(int rows0, int rows1) {
    const int second = rows1 > 0 ? rows1 : 1;
    const int all[8] = {rows0, rows0, second, second, rows0, second, 16, 16};
    for (int i = 0; i < 8; i++) rows[i] = all[i];
    configured = true;
  }
  void release() { configured = false; }
  template <int T>
  void zero() {
    if (!configured) __builtin_trap();
    for (float& x : c[T]) x = 0;
  }
  template <int T>
  void load(const void* p, int64_t stride = 64) {
    if (!configured) __builtin_trap();
    auto from = static_cast<const char*>(p);
    char* to = T < 4 ? reinterpret_cast<char*>(c[T % 4]) : reinterpret_cast<char*>(ab[T % 4]);
    for (int m = 0; m < rows[T]; m++) __builtin_memcpy(to + m * 64, from + m * stride, 64);
  }
  template <int T>
  void store(float* p, int64_t stride = 64) {
    if (!configured) __builtin_trap();
    auto to = reinterpret_cast<char*>(p);
    for (int m = 0; m < rows[T]; m++) __builtin_memcpy(to + m * stride, c[T] + m * 16, 64);
  }
  // Even and odd k are summed apart, from zero, and added to c at the end.
  template <int C, int A, int B>
  void multiply() {
    if (!configured || rows[A] != rows[C]) __builtin_trap();
    float b[2][16][16];
    for (int k = 0; k < 32; k++) {
      for (int n = 0; n < 16; n++) {
        b[k % 2][k / 2][n] = flushed(to_float(bf16_t{ab[B - 4][k / 2 * 32 + n * 2 + k % 2]}));
      }
    }
    for (int m = 0; m < rows[C]; m++) {
      float sums[2][16] = {};
      for (int k = 0; k < 32; k++) {
        const float a = flushed(to_float(bf16_t{ab[A - 4][m * 32 + k]}));
        for (int n = 0; n < 16; n++) sums[k % 2][n] = flushed(fused(a, b[k % 2][k / 2][n], sums[k % 2][n]));
      }
      for (int n = 0; n < 16; n++) {
        float& sum = c[C][m * 16 + n];
        sum = flushed(sum + flushed(sums[0][n] + sums[1][n]));
      }
    }
  }
};
