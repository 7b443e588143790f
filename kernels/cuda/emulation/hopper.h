// Tensor copies, wgmma and setmaxnreg on the emulated machine. A warp's part of a wgmma is the warp's own business:
// the four warps of a warpgroup issue the same sequence, but no warp's progress says anything about another's.
#pragma once

#define PARAMETER_ADDRESS(name) ((u64) & p)

DEV void mbarrier_arrive(u32 barrier) { emu::arrive(emu::memory_barrier(barrier)); }
DEV void fence_async() { emu::machine.thread->async_fence = ++emu::machine.clock; }
DEV void tensor_map_prefetch(u64 map) { emu::tensor_map(map); }
DEV void tensor_copy(u32 to, u64 map, int column, int row, u32 barrier) {
  emu::tensor_copy(to, emu::tensor_map(map), column, row, barrier);
}

DEV u32 cluster_rank() { return emu::machine.thread->block->rank; }
DEV void cluster_sync() { emu::cluster_sync_all(); }
DEV void mbarrier_arrive_at(u32 barrier, u32 rank) {
  emu::arrive(emu::memory_barrier((barrier & 0xffffff) | rank << 24));
}
DEV void tensor_copy_to(u32 to, u64 map, int column, int row, u32 barrier, u32 blocks) {
  for (u32 rank = 0; rank < 16; rank++) {
    if ((blocks >> rank & 1) == 0) continue;
    const u32 at = rank << 24;
    emu::tensor_copy((to & 0xffffff) | at, emu::tensor_map(map), column, row, (barrier & 0xffffff) | at);
  }
}

template <int N>
DEV void registers_raise() {
  emu::change_registers(N, true);
}
template <int N>
DEV void registers_lower() {
  emu::change_registers(N, false);
}

DEV void wgmma_fence() {
  emu::meet("wgmma.fence", nullptr, 0, [](emu::Meeting&) { emu::product_fence(); });
}
DEV void wgmma_commit() {
  emu::meet("wgmma.commit_group", nullptr, 0, [](emu::Meeting&) { emu::product_commit(); });
}
template <int N>
DEV void wgmma_wait_but() {
  emu::meet("wgmma.wait_group", nullptr, 0, [](emu::Meeting&) { emu::product_wait(N); });
}

// Operands of wgmma: 32 bytes of k as floats, and how products of them are added to 32 bits of a sum.
struct CodesE4M3 {};
struct CodesI8 {};
template <class T>
struct EmuOperand;

DEV void emu_add_products(u32& sum, bool adds, const float* a, const float* b) {
  double total = 0;
  for (int k = 0; k < 16; k++) total += (double)a[k] * b[k];
  sum = float_bits(adds ? (float)(bits_float(sum) + total) : (float)total);
}
template <>
struct EmuOperand<bf16> {
  typedef float Sum;
  static void decode(float* out, const u8* bytes, bool) {
    for (int k = 0; k < 16; k++) out[k] = emu_bf16(bytes[2 * k] | bytes[2 * k + 1] << 8);
  }
  static constexpr auto add = emu_add_products;
};
template <>
struct EmuOperand<f16> {
  typedef float Sum;
  static void decode(float* out, const u8* bytes, bool) {
    for (int k = 0; k < 16; k++) out[k] = emu_f16(bytes[2 * k] | bytes[2 * k + 1] << 8);
  }
  static constexpr auto add = emu_add_products;
};
template <>
struct EmuOperand<CodesE4M3> {
  typedef float Sum;
  static void decode(float* out, const u8* bytes, bool) {
    for (int k = 0; k < 32; k++) out[k] = emu_e4m3(bytes[k]);
  }
  static void add(u32& sum, bool adds, const float* a, const float* b) {
    float products[32], total = adds ? bits_float(sum) : 0.f;
    for (int k = 0; k < 32; k++) products[k] = a[k] * b[k];
    emu_add_coarsely(total, products);
    sum = float_bits(total);
  }
};
template <>
struct EmuOperand<CodesI8> {
  typedef i32 Sum;
  static void decode(float* out, const u8* bytes, bool is_b) {
    for (int k = 0; k < 32; k++) out[k] = is_b ? (float)(signed char)bytes[k] : (float)bytes[k];
  }
  static void add(u32& sum, bool adds, const float* a, const float* b) {
    if (!adds) sum = 0;
    for (int k = 0; k < 32; k++) sum += (u32)((i32)a[k] * (i32)b[k]);
  }
};

template <class T, int N>
struct Wgmma {
  typedef typename EmuOperand<T>::Sum Sum;
  static void multiply(Sum (&d)[N / 2], u64 a_tile, u64 b_tile, u32 scale_d) {
    emu::ProductOperands mine = {(u32*)d, a_tile, b_tile, scale_d != 0};
    emu::meet("wgmma", &mine, N, [](emu::Meeting& meeting) {
      emu::product(meeting, N, {EmuOperand<T>::decode, EmuOperand<T>::add});
    });
  }
  static void wait(Sum (&)[N / 2]) { wgmma_wait_but<0>(); }
};

template <class T, int N>
struct WgmmaRows {
  static void multiply(float (&d)[N / 2], const u32 (&a)[4], u64 b_tile) {
    emu::ProductOperands mine = {(u32*)d, 0, b_tile, true, a};
    emu::meet("wgmma of registers", &mine, N, [](emu::Meeting& meeting) {
      emu::product(meeting, N, {EmuOperand<T>::decode, EmuOperand<T>::add});
    });
  }
};

template <int COUNT>
struct WgmmaSums {
  template <int LEFT>
  static void wait(float (&)[COUNT]) {
    wgmma_wait_but<LEFT>();
  }
};

DEV void pause() {}
DEV int opaque(int v) { return v; }
