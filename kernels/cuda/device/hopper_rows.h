// wgmma with its left side in registers: what attention multiplies values by. Only modules of sm_90a include this.
#pragma once

#include "hopper.h"

#ifndef EMU

// Until at most LEFT groups are unfinished; d is what the groups that are finished by then have written.
template <int COUNT>
struct WgmmaSums;
template <>
struct WgmmaSums<32> {
  template <int LEFT>
  DEV void wait(float (&d)[32]) {
    asm volatile("wgmma.wait_group.sync.aligned %32;" : EKC_D32("+f", 0) : "n"(LEFT) : "memory");
  }
};
template <>
struct WgmmaSums<64> {
  template <int LEFT>
  DEV void wait(float (&d)[64]) {
    asm volatile("wgmma.wait_group.sync.aligned %64;" : EKC_D64("+f", 0) : "n"(LEFT) : "memory");
  }
};

template <class T, int N>
struct WgmmaRows;
// multiply: d += a b, m64nNk16; a is the warp's 16 rows as mma takes them, b [16][N] as wgmma_columns says.
#define EKC_WGMMA_ROWS(T, types, n, registers, outputs, a0, a1, a2, a3, b)                                          \
  template <>                                                                                                      \
  struct WgmmaRows<T, n> {                                                                                         \
    DEV void multiply(float (&d)[n / 2], const u32 (&a)[4], u64 b_tile) {                                          \
      asm volatile("{.reg .pred p; setp.eq.u32 p, 0, 0; "                                                          \
                   "wgmma.mma_async.sync.aligned.m64n" #n "k16.f32." types " {" registers "}, {%" #a0 ", %" #a1    \
                   ", %" #a2 ", %" #a3 "}, %" #b ", p, 1, 1, 1;}"                                                  \
                   : outputs                                                                                       \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b_tile)                                       \
                   : "memory");                                                                                    \
    }                                                                                                              \
  };
#define EKC_WGMMA_ROWS_SIZES(T, types)                                         \
  EKC_WGMMA_ROWS(T, types, 64, EKC_R32_0, EKC_D32("+f", 0), 32, 33, 34, 35, 36)      \
  EKC_WGMMA_ROWS(T, types, 128, EKC_R64_0, EKC_D64("+f", 0), 64, 65, 66, 67, 68)
EKC_WGMMA_ROWS_SIZES(bf16, "bf16.bf16")
EKC_WGMMA_ROWS_SIZES(f16, "f16.f16")
#undef EKC_WGMMA_ROWS_SIZES
#undef EKC_WGMMA_ROWS

DEV void pause() { asm volatile("nanosleep.u32 20;" ::: "memory"); }

// v, of which the compiler knows nothing, so that what follows from it is not computed earlier.
DEV int opaque(int v) {
  asm volatile("" : "+r"(v));
  return v;
}

#endif

// Where a right operand lies whose columns are contiguous: lines of 64 columns of 16 bits in the swizzle of 128 bytes,
// the next 64 columns column_bytes on, the next eight k group_bytes on.
DEV u64 wgmma_columns(u32 address, u32 column_bytes, u32 group_bytes) {
  return (u64)((address & 0x3ffff) >> 4) | (u64)(column_bytes >> 4) << 16 | (u64)(group_bytes >> 4) << 32 |
      (u64)Swizzle::Bytes128 << 62;
}
