// The integer tiles of the processor: C is 0, A (signed, 16 rows x 32 k) 1, B (unsigned, 8 lines) 2.
#pragma once

struct alignas(64) IntTileConfig {
  uint8_t palette, start, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

// Assembly for the reasons that amx_real.cpp gives.
struct Tiles {
  static void configure() {
    IntTileConfig config = {};
    config.palette = 1;
    const uint16_t bytes[3] = {64, 32, 64};
    const uint8_t rows[3] = {16, 16, 8};
    for (int i = 0; i < 3; i++) {
      config.row_bytes[i] = bytes[i];
      config.rows[i] = rows[i];
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(config) : "memory");
  }
  static void release() { __asm__ volatile("tilerelease" : : : "memory"); }
  static MEMBER void multiply(int32_t* c, const int8_t* a, const char* b) {
    __asm__ volatile(
        "tilezero %%tmm0\n\t"
        "tileloadd (%1,%3,1), %%tmm1\n\t"
        "tileloadd (%2,%4,1), %%tmm2\n\t"
        "tdpbsud %%tmm2, %%tmm1, %%tmm0\n\t"
        "tilestored %%tmm0, (%0,%4,1)"
        :
        : "r"(c), "r"(a), "r"(b), "r"(32L), "r"(64L)
        : "memory");
  }
};
