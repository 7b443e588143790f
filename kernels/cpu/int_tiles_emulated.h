// The integer tiles in scalar code, as their definition has them.
#pragma once

struct Tiles {
  static MEMBER void configure() {}
  static MEMBER void release() {}
  template <int PARTS>
  static void multiply(int32_t* c, const int8_t* a, const char* b) {
    products<PARTS>(c, a, reinterpret_cast<const uint8_t*>(b));
  }
  template <int SET>
  static void multiply_signed(int32_t* c, const int8_t* a, const char* b) {
    products<1>(c, a, reinterpret_cast<const int8_t*>(b));
  }

 private:
  template <int PARTS, class BYTE>
  static void products(int32_t* c, const int8_t* a, const BYTE* lines) {
    for (int i = 0; i < 256; i++) c[i] = 0;
    for (int part = 0; part < PARTS; part++, a += 512, lines += 512) {
      for (int m = 0; m < 16; m++) {
        for (int n = 0; n < 16; n++) {
          for (int k = 0; k < 32; k++) c[m * 16 + n] += a[m * 32 + k] * lines[k / 4 * 64 + n * 4 + k % 4];
        }
      }
    }
  }
};
