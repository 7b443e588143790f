// The integer tiles of the processor: C is 0 to 3, A (signed, 16 rows of 32 or 64 k) 4 and 5, B (lines of 16 columns x
// 4 k) 6 and 7. Of bf16, which is signed, there are half as many k.
#pragma once

// Assembly for the reasons that amx_real.cpp gives.
struct Tiles {
  // Bytes of a row of A.
  void configure(int bytes) {
    TileConfig config = {};
    config.palette = 1;
    for (int i = 0; i < 8; i++) {
      config.row_bytes[i] = static_cast<uint16_t>(i == 4 || i == 5 ? bytes : 64);
      config.rows[i] = static_cast<uint8_t>(i >= 6 ? bytes / 4 : 16);
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(config) : "memory");
  }
  void release() { __asm__ volatile("tilerelease" : : : "memory"); }
  template <int T>
  MEMBER void zero() {
    __asm__ volatile("tilezero %%tmm%c0" : : "i"(T));
  }
  // Rows lie 64 bytes apart.
  template <int T>
  MEMBER void load(const void* p) {
    __asm__ volatile("tileloadd (%1,%2,1), %%tmm%c0" : : "i"(T), "r"(p), "r"(64L) : "memory");
  }
  // C += A times B.
  template <int C, int A, int B, int NUMBERS>
  MEMBER void multiply() {
    if (NUMBERS == kFloats) {
      __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
    } else if (NUMBERS == kSignedBytes) {
      __asm__ volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
    } else {
      __asm__ volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
    }
  }
  template <int T>
  MEMBER void store(int32_t* p) {
    __asm__ volatile("tilestored %%tmm%c0, (%1,%2,1)" : : "i"(T), "r"(p), "r"(64L) : "memory");
  }
};
