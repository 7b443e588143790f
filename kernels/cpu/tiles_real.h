// The tile instructions of the processor. Written as assembly with the whole configuration as an operand and memory as
// clobbered: g++ 12's own intrinsics let the stores that fill the configuration, or packed operands, move behind the
// instruction. Included inside a namespace of its own.
#pragma once

struct RealTiles {
  static void tell(TileConfig& config) {
    config.palette = 1;
    __asm__ volatile("ldtilecfg %0" : : "m"(config) : "memory");
  }
  void release() { __asm__ volatile("tilerelease" : : : "memory"); }
  template <int T>
  MEMBER void zero() {
    __asm__ volatile("tilezero %%tmm%c0" : : "i"(T));
  }
  // Rows or lines, `stride` bytes apart.
  template <int T>
  MEMBER void load(const void* p, int64_t stride = 64) {
    __asm__ volatile("tileloadd (%1,%2,1), %%tmm%c0" : : "i"(T), "r"(p), "r"(stride) : "memory");
  }
  template <int T>
  MEMBER void store(void* p, int64_t stride = 64) {
    __asm__ volatile("tilestored %%tmm%c0, (%1,%2,1)" : : "i"(T), "r"(p), "r"(stride) : "memory");
  }
  // C += A times B.
  template <int C, int A, int B, int NUMBERS = kFloats>
  MEMBER void multiply() {
    if (NUMBERS == kFloats) {
      __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
    } else if (NUMBERS == kSignedBytes) {
      __asm__ volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
    } else {
      __asm__ volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
    }
  }
};
