// The integer tiles of the processor, two sets of three: C, A (signed, 16 rows x 32 k), B (8 lines).
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
    for (int i = 0; i < 6; i++) {
      config.row_bytes[i] = bytes[i % 3];
      config.rows[i] = rows[i % 3];
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(config) : "memory");
  }
  static void release() { __asm__ volatile("tilerelease" : : : "memory"); }
  // Unsigned lines, of so many parts of 32 k one behind the other; A and B in turns, C where it is.
  template <int PARTS>
  static MEMBER void multiply(int32_t* c, const int8_t* a, const char* b) {
    __asm__ volatile("tilezero %%tmm0" : : : "memory");
#pragma GCC unroll 4
    for (int part = 0; part < PARTS; part++) {
      if (part % 2 == 0) {
        __asm__ volatile(
            "tileloadd (%0,%2,1), %%tmm1\n\t"
            "tileloadd (%1,%3,1), %%tmm2\n\t"
            "tdpbsud %%tmm2, %%tmm1, %%tmm0"
            :
            : "r"(a + part * 512), "r"(b + part * 512), "r"(32L), "r"(64L)
            : "memory");
      } else {
        __asm__ volatile(
            "tileloadd (%0,%2,1), %%tmm4\n\t"
            "tileloadd (%1,%3,1), %%tmm5\n\t"
            "tdpbsud %%tmm5, %%tmm4, %%tmm0"
            :
            : "r"(a + part * 512), "r"(b + part * 512), "r"(32L), "r"(64L)
            : "memory");
      }
    }
    __asm__ volatile("tilestored %%tmm0, (%0,%1,1)" : : "r"(c), "r"(64L) : "memory");
  }
  // Signed lines, with one set or the other, so that two may be under way.
  template <int SET>
  static MEMBER void multiply_signed(int32_t* c, const int8_t* a, const char* b) {
    __asm__ volatile(
        "tilezero %%tmm%c5\n\t"
        "tileloadd (%1,%3,1), %%tmm%c6\n\t"
        "tileloadd (%2,%4,1), %%tmm%c7\n\t"
        "tdpbssd %%tmm%c7, %%tmm%c6, %%tmm%c5\n\t"
        "tilestored %%tmm%c5, (%0,%4,1)"
        :
        : "r"(c), "r"(a), "r"(b), "r"(32L), "r"(64L), "i"(3 * SET), "i"(3 * SET + 1), "i"(3 * SET + 2)
        : "memory");
  }
};
