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

template <class T>
struct EmuElement;
template <>
struct EmuElement<bf16> {
  static float decode(u16 v) { return emu_bf16(v); }
};
template <>
struct EmuElement<f16> {
  static float decode(u16 v) { return emu_f16(v); }
};

template <class T, int N>
struct Wgmma {
  static void multiply(float (&d)[N / 2], u64 a_tile, u64 b_tile, u32 scale_d) {
    emu::ProductOperands mine = {d, a_tile, b_tile, scale_d != 0};
    emu::meet("wgmma", &mine, N, [](emu::Meeting& meeting) { emu::product(meeting, N, EmuElement<T>::decode); });
  }
  static void wait(float (&)[N / 2]) { wgmma_wait_but<0>(); }
};
