// The integer tiles in scalar code, as their definition has them. C is 0 to 3, A 4 and 5, B 6 and 7.
#pragma once

struct Tiles {
  int32_t c[4][256];
  uint8_t ab[4][1024];
  int configured = 0;  // bytes of a row of A

  void configure(int bytes) { configured = bytes; }
  void release() { configured = 0; }
  template <int T>
  void zero() {
    if (configured == 0) __builtin_trap();
    for (int32_t& x : c[T]) x = 0;
  }
  template <int T>
  void load(const void* p) {
    if (configured == 0) __builtin_trap();
    auto from = static_cast<const uint8_t*>(p);
    if (T >= 6) {
      __builtin_memcpy(ab[T - 4], from, static_cast<size_t>(configured) * 16);
    } else {
      for (int m = 0; m < 16; m++) __builtin_memcpy(ab[T - 4] + m * 64, from + m * 64, static_cast<size_t>(configured));
    }
  }
  template <int C, int A, int B, int NUMBERS>
  void multiply() {
    if (configured == 0) __builtin_trap();
    if (NUMBERS == kFloats) return multiply_floats(c[C], ab[A - 4], ab[B - 4]);
    for (int m = 0; m < 16; m++) {
      for (int k = 0; k < configured; k += 4) {
        auto a = reinterpret_cast<const int8_t*>(ab[A - 4] + m * 64 + k);
        const uint8_t* line = ab[B - 4] + k * 16;
        for (int n = 0; n < 16; n++, line += 4) {
          int32_t sum = c[C][m * 16 + n];
          for (int i = 0; i < 4; i++) {
            sum += a[i] * (NUMBERS == kSignedBytes ? static_cast<int8_t>(line[i]) : int{line[i]});
          }
          c[C][m * 16 + n] = sum;
        }
      }
    }
  }
  template <int T>
  void store(int32_t* p) {
    if (configured == 0) __builtin_trap();
    __builtin_memcpy(p, c[T], sizeof c[T]);
  }

 private:
  // Even and odd k are summed apart, from zero, and added to c at the end. Whole numbers need no flushing to zero.
  static void multiply_floats(int32_t* c, const uint8_t* a, const uint8_t* b) {
    for (int m = 0; m < 16; m++) {
      float sums[2][16] = {};
      for (int k = 0; k < 32; k++) {
        const float x = element(a + m * 64 + k * 2);
        for (int n = 0; n < 16; n++) {
          sums[k % 2][n] = __builtin_fmaf(x, element(b + k / 2 * 64 + n * 4 + k % 2 * 2), sums[k % 2][n]);
        }
      }
      for (int n = 0; n < 16; n++) {
        const float sum = bits_float(static_cast<uint32_t>(c[m * 16 + n])) + (sums[0][n] + sums[1][n]);
        c[m * 16 + n] = static_cast<int32_t>(float_bits(sum));
      }
    }
  }
  static float element(const uint8_t* p) {
    uint16_t x;
    __builtin_memcpy(&x, p, sizeof x);
    return bits_float(static_cast<uint32_t>(x) << 16);
  }
};
