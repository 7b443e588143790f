// The integer tiles in scalar code, as their definition has them. C is 0 to 3, A 4 and 5, B 6 and 7.
#pragma once

struct Tiles {
  int32_t c[4][256];
  uint8_t ab[4][1024];
  int configured = 0;  // k that a tile takes

  void configure(int k) { configured = k; }
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
  template <int C, int A, int B, bool SIGNED>
  void multiply() {
    if (configured == 0) __builtin_trap();
    for (int m = 0; m < 16; m++) {
      for (int k = 0; k < configured; k += 4) {
        auto a = reinterpret_cast<const int8_t*>(ab[A - 4] + m * 64 + k);
        const uint8_t* line = ab[B - 4] + k * 16;
        for (int n = 0; n < 16; n++, line += 4) {
          int32_t sum = c[C][m * 16 + n];
          for (int i = 0; i < 4; i++) sum += a[i] * (SIGNED ? static_cast<int8_t>(line[i]) : int{line[i]});
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
};
