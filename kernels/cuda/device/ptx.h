// Intrinsics as PTX, for clang without a CUDA toolkit. No kernel contains inline assembly: emulation/ptx.h has the same
// functions for the CPU, and that is what lets one source run on both.
//
// Shared memory is addressed by 32-bit offsets from shared_base(), so that the emulation can check every access.
#pragma once

#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
// Inlining is forced everywhere: a function that is called costs a stack, and makes ptxas serialise wgmma.
#define DEV static __attribute__((device)) __inline__ __attribute__((always_inline))
#define DEV_MEMBER __attribute__((device)) __inline__ __attribute__((always_inline))
#define INLINED __attribute__((always_inline))
#define UNROLL _Pragma("unroll")
#define NO_UNROLL _Pragma("nounroll")
// The kernel `name` takes one structure by value; at most `threads` per block, at least `blocks` of them per SM. It
// lets the launch behind it begin, and waits for those in front of it, where launches are marked so.
#define KERNEL(name, Args, threads, blocks)      \
  DEV void name##_body(const Args& p);           \
  EARLY_KERNEL(name, Args, threads, blocks) {    \
    wait_for_previous();                         \
    name##_body(p);                              \
  }                                              \
  DEV void name##_body(const Args& p)
// A kernel that calls wait_for_previous itself, after it has begun to fetch weights.
#define EARLY_KERNEL(name, Args, threads, blocks)                                    \
  DEV void name##_early(const Args& p);                                              \
  extern "C" __attribute__((global)) __attribute__((launch_bounds(threads, blocks))) \
  void name(const Args p) {                                                          \
    release_next();                                                                  \
    name##_early(p);                                                                 \
  }                                                                                  \
  DEV void name##_early(const Args& p)

extern __shared__ __attribute__((aligned(1024))) u8 dynamic_shared_memory[];

#define EKC_SPECIAL_REGISTER(name, reg)     \
  DEV u32 name() {                          \
    u32 v;                                  \
    asm("mov.u32 %0, %%" reg ";" : "=r"(v)); \
    return v;                               \
  }
EKC_SPECIAL_REGISTER(thread_index, "tid.x")
EKC_SPECIAL_REGISTER(lane_index, "laneid")
EKC_SPECIAL_REGISTER(block_x, "ctaid.x")
EKC_SPECIAL_REGISTER(block_y, "ctaid.y")
EKC_SPECIAL_REGISTER(block_z, "ctaid.z")
EKC_SPECIAL_REGISTER(grid_x, "nctaid.x")
#undef EKC_SPECIAL_REGISTER

DEV u32 shared_base() {
  u64 a;
  asm("{.reg .u64 t; cvta.to.shared.u64 t, %1; mov.u64 %0, t;}" : "=l"(a) : "l"((u64)dynamic_shared_memory));
  return (u32)a;
}

// ---- programmatic dependent launch, from sm_90 on: nothing where launches are not marked as dependent

// The next launch of the stream may begin, where there is room.
DEV void release_next() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
// Until the launches in front have ended and what they wrote is there. Before it a kernel may read what no launch
// writes, which is weights, and may write nothing. Every thread of every kernel waits: a kernel that did not could end
// before the one in front of it, and the one behind it would begin too early.
DEV void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// ---- barriers, votes, shuffles: all 32 lanes of a warp take part

DEV void sync_block() { asm volatile("bar.sync 0;" ::: "memory"); }
DEV void sync_warp() { asm volatile("bar.warp.sync 0xffffffff;" ::: "memory"); }
DEV void barrier_sync(int id, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
DEV void fence_gpu() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }

DEV u32 float_bits(float f) {
  u32 r;
  asm("mov.b32 %0, %1;" : "=r"(r) : "f"(f));
  return r;
}
DEV float bits_float(u32 u) {
  float r;
  asm("mov.b32 %0, %1;" : "=f"(r) : "r"(u));
  return r;
}
DEV u32 shuffle(u32 v, int lane) {
  u32 r;
  asm volatile("shfl.sync.idx.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(r) : "r"(v), "r"(lane));
  return r;
}
DEV u32 shuffle_xor(u32 v, int mask) {
  u32 r;
  asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(r) : "r"(v), "r"(mask));
  return r;
}
DEV u32 shuffle_up(u32 v, int by) {
  u32 r;
  asm volatile("shfl.sync.up.b32 %0, %1, %2, 0x0, 0xffffffff;" : "=r"(r) : "r"(v), "r"(by));
  return r;
}
DEV u32 vote(bool p) {
  u32 r;
  asm volatile("{.reg .pred p; setp.ne.u32 p, %1, 0; vote.sync.ballot.b32 %0, p, 0xffffffff;}"
               : "=r"(r) : "r"((u32)p));
  return r;
}

// ---- memory

template <class T>
DEV T load(const T* p) {
  return *p;
}
template <class T>
DEV void store(T* p, T v) {
  *p = v;
}
// Element i of an array of bytes, 16 or 32 bits that no launch writes.
DEV u32 load_byte(u64 base, u32 i) {
  u32 v;
  asm volatile("ld.global.nc.u8 %0, [%1];" : "=r"(v) : "l"(base + i));
  return v;
}
DEV u32 load_half(u64 base, u32 i) {
  u32 v;
  asm volatile("{.reg .b16 h; ld.global.nc.u16 h, [%1]; cvt.u32.u16 %0, h;}" : "=r"(v) : "l"(base + (u64)i * 2));
  return v;
}
DEV u32 load_word(u64 base, u32 i) {
  u32 v;
  asm volatile("ld.global.nc.u32 %0, [%1];" : "=r"(v) : "l"(base + (u64)i * 4));
  return v;
}
// A load that no other SM's or an earlier cached value may answer: for what other blocks wrote in this launch.
DEV float load_fresh(const float* p) {
  float v;
  asm volatile("ld.relaxed.gpu.global.f32 %0, [%1];" : "=f"(v) : "l"(p) : "memory");
  return v;
}
// Read-only data that is used once: 16 bytes that stay out of L1.
DEV u32x4 load_stream(const void* p) {
  u32x4 v;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
  return v;
}
DEV u32 atomic_add_acq_rel(u32* p, u32 v) {
  u32 r;
  asm volatile("atom.acq_rel.gpu.global.add.u32 %0, [%1], %2;" : "=r"(r) : "l"(p), "r"(v) : "memory");
  return r;
}
DEV u32 shared_load(u32 a) {
  u32 v;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(v) : "r"(a) : "memory");
  return v;
}
DEV u32x2 shared_load2(u32 a) {
  u32x2 v;
  asm volatile("ld.shared.v2.u32 {%0,%1}, [%2];" : "=r"(v.x), "=r"(v.y) : "r"(a) : "memory");
  return v;
}
DEV u32x4 shared_load4(u32 a) {
  u32x4 v;
  asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "r"(a) : "memory");
  return v;
}
DEV void shared_store(u32 a, u32 v) { asm volatile("st.shared.u32 [%0], %1;" ::"r"(a), "r"(v) : "memory"); }
DEV void shared_store2(u32 a, u32x2 v) {
  asm volatile("st.shared.v2.u32 [%0], {%1,%2};" ::"r"(a), "r"(v.x), "r"(v.y) : "memory");
}
DEV void shared_store4(u32 a, u32x4 v) {
  asm volatile("st.shared.v4.u32 [%0], {%1,%2,%3,%4};" ::"r"(a), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
}
DEV void shared_add(u32 a, u32 v) { asm volatile("red.shared.add.u32 [%0], %1;" ::"r"(a), "r"(v) : "memory"); }
DEV void shared_add64(u32 a, u64 v) { asm volatile("red.shared.add.u64 [%0], %1;" ::"r"(a), "l"(v) : "memory"); }

// ---- cp.async: 16 bytes to shared memory, zeros past `bytes`

DEV void copy_async(u32 to, const void* from, u32 bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}
DEV void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until at most N of this thread's groups are unfinished.
template <int N>
DEV void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

// ---- sm_90: bulk copies that count bytes at an mbarrier (8 bytes of shared memory)

DEV bool elect_one() {
  u32 r;
  asm volatile("{.reg .pred p; elect.sync _|p, 0xffffffff; selp.u32 %0, 1, 0, p;}" : "=r"(r));
  return r != 0;
}
DEV void mbarrier_init(u32 barrier, u32 arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
DEV void mbarrier_fence_init() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
// Arrives, and announces bytes that this phase also waits for.
DEV void mbarrier_expect(u32 barrier, u32 bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}
// Waits for the end of the phase of that parity.
DEV void mbarrier_wait(u32 barrier, u32 parity) {
  u32 done;
  do {
    asm volatile("{.reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p;}"
                 : "=r"(done) : "r"(barrier), "r"(parity) : "memory");
  } while (done == 0);
}
// Multiples of 16 bytes, by one thread.
DEV void bulk_copy(u32 to, const void* from, u32 bytes, u32 barrier) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
               ::"r"(to), "l"(from), "r"(bytes), "r"(barrier) : "memory");
}

// ---- matrices: lane l gives the address of row l & 7 of matrix l >> 3

DEV void load_matrix4(u32 (&r)[4], u32 a) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(a) : "memory");
}
DEV void load_matrix4_transposed(u32 (&r)[4], u32 a) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(a) : "memory");
}
// d += a b: a is 16x16 by rows, b 16x8 by columns, d 16x8.
#define EKC_MMA(name, types)                                                                                   \
  DEV void name(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {                                            \
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." types                                                \
                 ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"                                  \
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                              \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));                              \
  }
EKC_MMA(mma_bf16, "bf16.bf16")
EKC_MMA(mma_f16, "f16.f16")
#undef EKC_MMA
// The same of 8-bit numbers, a 16x32 and b 32x8: lane 4 g + t has the bytes k = 4 t .. 4 t + 3 and 16 more of its row.
DEV void mma_s8(i32 (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
// sm_89, PTX 8.4. Sums within one instruction may keep as few as 14 bits.
DEV void mma_e4m3(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
               "{%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// ---- numbers

// Four of the bytes of a (0 to 3) and b (4 to 7), by the digits of a selector, the lowest first.
DEV u32 permute_bytes(u32 a, u32 b, u32 selector) {
  u32 r;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(selector));
  return r;
}
DEV u32 pack_bf16(float low, float high) {
  u32 r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
}
DEV u32 pack_f16(float low, float high) {
  u32 r;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
}
DEV float f16_to_float(u16 h) {
  float r;
  asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(h));
  return r;
}
// Pairs of 16-bit numbers, the first in the low half; subnormal numbers stay what they are.
DEV float low_f16(u32 pair) {
  float r;
  asm("{.reg .b16 l, h; mov.b32 {l, h}, %1; cvt.f32.f16 %0, l;}" : "=f"(r) : "r"(pair));
  return r;
}
DEV float high_f16(u32 pair) {
  float r;
  asm("{.reg .b16 l, h; mov.b32 {l, h}, %1; cvt.f32.f16 %0, h;}" : "=f"(r) : "r"(pair));
  return r;
}
DEV u32 add_f16x2(u32 a, u32 b) {
  u32 r;
  asm("add.rn.f16x2 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
  return r;
}
DEV u32 multiply_f16x2(u32 a, u32 b) {
  u32 r;
  asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
  return r;
}
DEV u32 fma_f16x2(u32 a, u32 b, u32 c) {
  u32 r;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
}
DEV u32 fma_bf16x2(u32 a, u32 b, u32 c) {
  u32 r;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
}
// The floats of the two low bytes, as f16, exactly. Before sm_90 NaN becomes +-480.
DEV u32 e4m3_to_f16x2(u32 two) {
  u32 r;
#if __CUDA_ARCH__ >= 900
  asm("{.reg .b16 l, h; mov.b32 {l, h}, %1; cvt.rn.f16x2.e4m3x2 %0, l;}" : "=r"(r) : "r"(two));
#else
  // The bits are those of an f16 whose exponent is 8 too small.
  const u32 apart = permute_bytes(two, 0, 0x1404);
  r = multiply_f16x2((apart & 0x80008000) | (apart >> 1 & 0x3f803f80), 0x5c005c00);
#endif
  return r;
}
// Approximations of the hardware, a few units in the last place; denormals count as zero.
DEV float exp2_approx(float x) {
  float r;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}
DEV float log2_approx(float x) {
  float r;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}
DEV float reciprocal_sqrt(float x) {
  float r;
  asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}
// (a & mask) | bits, by one instruction.
DEV u32 select_bits(u32 a, u32 mask, u32 bits) {
  u32 r;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(r) : "r"(a), "r"(mask), "r"(bits));
  return r;
}
DEV float max_float(float a, float b) {
  float r;
  asm("max.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
}
DEV float min_float(float a, float b) {
  float r;
  asm("min.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
}
DEV float fma_float(float a, float b, float c) {
  float r;
  asm("fma.rn.f32 %0, %1, %2, %3;" : "=f"(r) : "f"(a), "f"(b), "f"(c));
  return r;
}
DEV u32 multiply_high(u32 a, u32 b) { return (u32)(((u64)a * b) >> 32); }
