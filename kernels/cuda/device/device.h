// What every kernel includes: number types, intrinsics and the KERNEL macro, for clang's PTX or for the CPU emulation.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;

struct alignas(16) u32x4 {
  u32 x, y, z, w;
};
struct alignas(8) u32x2 {
  u32 x, y;
};

#ifdef EMU
#include "../emulation/ptx.h"
#else
#include "ptx.h"
#endif
#include "numbers.h"
#include "mma.h"
