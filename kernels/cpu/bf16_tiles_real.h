// The bf16 tiles of the processor: C is 0 to 3, A 4 and 5, B 6 and 7. Rows of the first or second kind are those of C 0
// and 1 and A 4, or of C 2 and 3 and A 5.
#pragma once

// Written as assembly with the whole configuration as an operand and memory as clobbered: g++ 12's own intrinsics let
// the stores that fill the configuration, or packed operands, move behind the instruction.
struct Tiles {
  void configure(int rows0, int rows1) {
    TileConfig config = {};
    config.palette = 1;
    const int second = rows1 > 0 ? rows1 : 1;
    const int rows[8] = {rows0, rows0, second, second, rows0, second, 16, 16};
    for (int i = 0; i < 8; i++) {
      config.row_bytes[i] = 64;
      config.rows[i] = static_cast<uint8_t>(rows[i]);
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(config) : "memory");
  }
  void release() { __asm__ volatile("tilerelease" : : : "memory"); }
  template <int T>
  MEMBER void zero() {
    __asm__ volatile("tilezero %%tmm%c0" : : "i"(T));
  }
  // Lines of 64 bytes, `stride` bytes apart.
  template <int T>
  MEMBER void load(const void* p, int64_t stride = 64) {
    __asm__ volatile("tileloadd (%1,%2,1), %%tmm%c0" : : "i"(T), "r"(p), "r"(stride) : "memory");
  }
  template <int C, int A, int B>
  MEMBER void multiply() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
  }
  template <int T>
  MEMBER void store(float* p, int64_t stride = 64) {
    __asm__ volatile("tilestored %%tmm%c0, (%1,%2,1)" : : "i"(T), "r"(p), "r"(stride) : "memory");
  }
};
