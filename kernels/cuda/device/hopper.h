// Intrinsics of sm_90a: tensor copies, products of warpgroups, and registers that warpgroups give to one another. Only
// modules that are compiled for that target include this.
#pragma once

#ifdef EMU
#include "../emulation/hopper.h"
#else

// The generic address of the one parameter of the kernel `name`: where a tensor map may lie. clang has no
// __grid_constant__, and a plain address would be that of a copy on a stack.
#define PARAMETER_ADDRESS(name)                                                                             \
  ([&]() INLINED {                                                                                          \
    u64 address;                                                                                            \
    asm("{.reg .u64 t; mov.b64 t, " #name "_param_0; cvta.param.u64 %0, t;}" : "=l"(address));              \
    return address;                                                                                         \
  }())

// ---- barriers and copies

DEV void mbarrier_arrive(u32 barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
// What this thread wrote to shared memory is there for copies and wgmma that come after.
DEV void fence_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
DEV void tensor_map_prefetch(u64 map) { asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory"); }
// The box of a map at (column, row), to 128-byte aligned shared memory; what is outside of the tensor becomes zero and
// counts as bytes. By one thread.
DEV void tensor_copy(u32 to, u64 map, int column, int row, u32 barrier) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2,%3}], [%4];"
               ::"r"(to), "l"(map), "r"(column), "r"(row), "r"(barrier) : "memory");
}

// ---- clusters: blocks that run at one time and reach one another's shared memory

DEV u32 cluster_rank() {
  u32 v;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(v));
  return v;
}
// All threads of all blocks of the cluster.
DEV void cluster_sync() {
  asm volatile("barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;" ::: "memory");
}
// Arrives at the mbarrier that lies there in the block of that rank. It orders nothing that this thread wrote for the
// other block: with the scope of the cluster it would be a fence of all memory, and here it says that reads are over.
DEV void mbarrier_arrive_at(u32 barrier, u32 rank) {
  asm volatile("{.reg .b32 r; mapa.shared::cluster.u32 r, %0, %1; "
               "mbarrier.arrive.shared::cluster.b64 _, [r];}" ::"r"(barrier), "r"(rank) : "memory");
}
// tensor_copy to the same place in the blocks whose bits are set, each counting the bytes at its own mbarrier.
DEV void tensor_copy_to(u32 to, u64 map, int column, int row, u32 barrier, u32 blocks) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
               "[%0], [%1, {%2,%3}], [%4], %5;"
               ::"r"(to), "l"(map), "r"(column), "r"(row), "r"(barrier), "h"((u16)blocks) : "memory");
}

// ---- registers: all warps of a warpgroup

template <int N>
DEV void registers_raise() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N));
}
template <int N>
DEV void registers_lower() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N));
}

// ---- wgmma: four neighbouring warps, from a multiple of four on

// Comes before the first product, and whenever something else has touched the accumulators.
DEV void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DEV void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
// Waits until at most N groups are unfinished, so that the others' operands may be written.
template <int N>
DEV void wgmma_wait_but() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}

#define EKC_R4(a, b, c, d) "%" #a ", %" #b ", %" #c ", %" #d
#define EKC_R4_0 EKC_R4(0, 1, 2, 3)
#define EKC_R8_0 EKC_R4_0 ", " EKC_R4(4, 5, 6, 7)
#define EKC_R16_0 EKC_R8_0 ", " EKC_R4(8, 9, 10, 11) ", " EKC_R4(12, 13, 14, 15)
#define EKC_R32_0                                                                                        \
  EKC_R16_0 ", " EKC_R4(16, 17, 18, 19) ", " EKC_R4(20, 21, 22, 23) ", " EKC_R4(24, 25, 26, 27) ", "      \
  EKC_R4(28, 29, 30, 31)
#define EKC_R64_0                                                                                        \
  EKC_R32_0 ", " EKC_R4(32, 33, 34, 35) ", " EKC_R4(36, 37, 38, 39) ", " EKC_R4(40, 41, 42, 43) ", "      \
  EKC_R4(44, 45, 46, 47) ", " EKC_R4(48, 49, 50, 51) ", " EKC_R4(52, 53, 54, 55) ", "                     \
  EKC_R4(56, 57, 58, 59) ", " EKC_R4(60, 61, 62, 63)
#define EKC_D4(c, i) c(d[i]), c(d[i + 1]), c(d[i + 2]), c(d[i + 3])
#define EKC_D8(c, i) EKC_D4(c, i), EKC_D4(c, i + 4)
#define EKC_D16(c, i) EKC_D8(c, i), EKC_D8(c, i + 8)
#define EKC_D32(c, i) EKC_D16(c, i), EKC_D16(c, i + 16)
#define EKC_D64(c, i) EKC_D32(c, i), EKC_D32(c, i + 32)

// Operands of 8 bits: e4m3; or whole numbers, 0 to 255 by -128 to 127.
struct CodesE4M3 {};
struct CodesI8 {};

template <class T, int N>
struct Wgmma;
// multiply: d = (scale ? d : 0) + a b of 32 bytes of k, which are 16 elements or 32; a has 64 rows and b N, as their
// descriptors say. Warp w of the group has rows 16 w on, as mma has them; element e is of column
// 8 (e / 4) + 2 (lane % 4) + e % 2.
// wait: for all products; only what it gives back may be read, and the compiler cannot move a read before it.
#define EKC_WGMMA(T, SumType, n, types, tail, registers, outputs, a, b, scale)                                        \
  template <>                                                                                                      \
  struct Wgmma<T, n> {                                                                                             \
    typedef SumType Sum;                                                                                           \
    DEV void multiply(Sum (&d)[n / 2], u64 a_tile, u64 b_tile, u32 scale_d) {                                      \
      asm volatile("{.reg .pred p; setp.ne.u32 p, %" #scale ", 0; "                                                \
                   "wgmma.mma_async.sync.aligned.m64n" #n types " {" registers "}, %" #a ", %" #b ", p" tail ";}"  \
                   : outputs                                                                                       \
                   : "l"(a_tile), "l"(b_tile), "r"(scale_d)                                                        \
                   : "memory");                                                                                    \
    }                                                                                                              \
    DEV void wait(Sum (&d)[n / 2]) {                                                                               \
      asm volatile("wgmma.wait_group.sync.aligned 0;" : outputs::"memory");                                        \
    }                                                                                                              \
  };
#define EKC_WGMMA_SIZES(T, Sum, c, types, tail)                                     \
  EKC_WGMMA(T, Sum, 8, types, tail, EKC_R4_0, EKC_D4(c, 0), 4, 5, 6)                \
  EKC_WGMMA(T, Sum, 16, types, tail, EKC_R8_0, EKC_D8(c, 0), 8, 9, 10)              \
  EKC_WGMMA(T, Sum, 32, types, tail, EKC_R16_0, EKC_D16(c, 0), 16, 17, 18)          \
  EKC_WGMMA(T, Sum, 64, types, tail, EKC_R32_0, EKC_D32(c, 0), 32, 33, 34)          \
  EKC_WGMMA(T, Sum, 128, types, tail, EKC_R64_0, EKC_D64(c, 0), 64, 65, 66)
EKC_WGMMA_SIZES(bf16, float, "+f", "k16.f32.bf16.bf16", ", 1, 1, 0, 0")
EKC_WGMMA_SIZES(f16, float, "+f", "k16.f32.f16.f16", ", 1, 1, 0, 0")
EKC_WGMMA_SIZES(CodesE4M3, float, "+f", "k32.f32.e4m3.e4m3", ", 1, 1")
EKC_WGMMA_SIZES(CodesI8, i32, "+r", "k32.s32.u8.s8", "")
#undef EKC_WGMMA_SIZES
#undef EKC_WGMMA

#endif

// How 16-byte chunks of a line are permuted within 1,024-byte aligned blocks; a tensor map has the same.
enum class Swizzle : u32 { None = 0, Bytes128 = 1, Bytes64 = 2, Bytes32 = 3 };

// Where an operand of wgmma lies, its k contiguous: rows of 128, 64 or 32 bytes by the swizzle, groups of eight rows
// `group_bytes` apart. The next 32 bytes of k are the tile 32 bytes further.
DEV u64 wgmma_tile(u32 address, u32 group_bytes, Swizzle swizzle) {
  return (u64)((address & 0x3ffff) >> 4) | (u64)1 << 16 | (u64)(group_bytes >> 4) << 32 | (u64)swizzle << 62;
}
