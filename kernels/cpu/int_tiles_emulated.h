// The integer tiles in scalar code, as their definition has them.
#pragma once

struct Tiles {
  static MEMBER void configure() {}
  static MEMBER void release() {}
  static void multiply(int32_t* c, const int8_t* a, const char* b) {
    auto lines = reinterpret_cast<const uint8_t*>(b);
    for (int m = 0; m < 16; m++) {
      for (int n = 0; n < 16; n++) {
        int32_t sum = 0;
        for (int k = 0; k < 32; k++) sum += a[m * 32 + k] * lines[k / 4 * 64 + n * 4 + k % 4];
        c[m * 16 + n] = sum;
      }
    }
  }
};
