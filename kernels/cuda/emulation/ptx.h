// The functions of device/ptx.h on the emulated machine. Fragment layouts are those of the PTX ISA.
#pragma once

#include <cmath>

#include "machine.h"

#define DEV static inline
#define DEV_MEMBER inline
#define INLINED
#define UNROLL
#define NO_UNROLL
#define KERNEL(name, Args, threads, blocks)      \
  static void name##_body(const Args& p);        \
  EARLY_KERNEL(name, Args, threads, blocks) {    \
    wait_for_previous();                         \
    name##_body(p);                              \
  }                                              \
  static void name##_body(const Args& p)
#define EARLY_KERNEL(name, Args, threads, blocks)                                                              \
  static void name(const Args& p);                                                                             \
  static emu::Registered name##_registered(                                                                    \
      #name, [](const void* params) { name(*(const Args*)params); }, sizeof(Args), threads, blocks);         \
  static void name(const Args& p)

DEV u32 thread_index() { return emu::machine.thread->index; }
DEV u32 lane_index() { return emu::machine.thread->lane; }
DEV u32 block_x() { return emu::machine.thread->block->index[0]; }
DEV u32 block_y() { return emu::machine.thread->block->index[1]; }
DEV u32 block_z() { return emu::machine.thread->block->index[2]; }
DEV u32 grid_x() { return emu::machine.grid[0]; }
// Rank in bits 24 and up, as a window of the cluster's shared memory; address 0 is never valid.
DEV u32 shared_base() { return emu::machine.thread->block->rank << 24 | 1024; }

// ---- programmatic dependent launch

DEV void release_next() {}
DEV void wait_for_previous() { emu::machine.thread->waited = true; }

// ---- barriers, votes, shuffles

DEV void sync_block() { emu::block_barrier(0, emu::machine.block_threads); }
DEV void sync_warp() {
  emu::machine.thread->warp_epoch++;
  emu::meet("sync_warp", nullptr, 0, [](emu::Meeting&) {});
}
DEV void barrier_sync(int id, int threads) { emu::block_barrier(id, threads); }
DEV void fence_gpu() {}

DEV u32 float_bits(float f) {
  u32 u;
  memcpy(&u, &f, 4);
  return u;
}
DEV float bits_float(u32 u) {
  float f;
  memcpy(&f, &u, 4);
  return f;
}
DEV u32 shuffle(u32 v, int lane) {
  return (u32)emu::meet("shuffle", (void*)(intptr_t)lane, v, [](emu::Meeting& m) {
    for (int l = 0; l < 32; l++) m.result[l] = m.value[(intptr_t)m.slot[l] & 31];
  });
}
DEV u32 shuffle_xor(u32 v, int mask) {
  return (u32)emu::meet("shuffle_xor", nullptr, v, [mask](emu::Meeting& m) {
    for (int l = 0; l < 32; l++) m.result[l] = m.value[l ^ mask];
  });
}
DEV u32 shuffle_up(u32 v, int by) {
  return (u32)emu::meet("shuffle_up", nullptr, v, [by](emu::Meeting& m) {
    for (int l = 0; l < 32; l++) m.result[l] = m.value[l >= by ? l - by : l];
  });
}
DEV u32 vote(bool p) {
  return (u32)emu::meet("vote", nullptr, p, [](emu::Meeting& m) {
    u32 bits = 0;
    for (int l = 0; l < 32; l++) bits |= (u32)(m.value[l] & 1) << l;
    for (int l = 0; l < 32; l++) m.result[l] = bits;
  });
}

// ---- memory

template <class T>
DEV T load(const T* p) {
  emu::check_global(p, sizeof(T), alignof(T));
  return *p;
}
template <class T>
DEV void store(T* p, T v) {
  emu::check_global(p, sizeof(T), alignof(T), emu::Access::Write);
  *p = v;
}
DEV u32 load_byte(u64 base, u32 i) { return load((const u8*)base + i); }
DEV u32 load_half(u64 base, u32 i) { return load((const u16*)base + i); }
DEV u32 load_word(u64 base, u32 i) { return load((const u32*)base + i); }
DEV float load_fresh(const float* p) { return load(p); }
DEV u32x4 load_stream(const void* p) { return load((const u32x4*)p); }
DEV u32 atomic_add_acq_rel(u32* p, u32 v) {
  emu::check_global(p, 4, 4, emu::Access::Write);
  const u32 old = *p;
  *p = old + v;
  return old;
}
template <class T>
DEV T& shared_ref(u32 a, emu::Access access) {
  return *(T*)emu::shared_at(a, sizeof(T), sizeof(T), access);
}
DEV u32 shared_load(u32 a) { return shared_ref<u32>(a, emu::Access::Read); }
DEV u32x2 shared_load2(u32 a) { return shared_ref<u32x2>(a, emu::Access::Read); }
DEV u32x4 shared_load4(u32 a) { return shared_ref<u32x4>(a, emu::Access::Read); }
DEV void shared_store(u32 a, u32 v) { shared_ref<u32>(a, emu::Access::Write) = v; }
DEV void shared_store2(u32 a, u32x2 v) { shared_ref<u32x2>(a, emu::Access::Write) = v; }
DEV void shared_store4(u32 a, u32x4 v) { shared_ref<u32x4>(a, emu::Access::Write) = v; }
DEV void shared_add(u32 a, u32 v) { shared_ref<u32>(a, emu::Access::None) += v; }
DEV void shared_add64(u32 a, u64 v) { shared_ref<u64>(a, emu::Access::None) += v; }

// ---- cp.async: poisoned when issued; the source is read when the copy takes effect

DEV void copy_async(u32 to, const void* from, u32 bytes) {
  if (bytes > 16) emu::fail("cp.async of more than 16 bytes");
  emu::check_global(from, bytes, bytes == 0 ? 1 : 16);
  u8* target = emu::shared_at(to, 16, 16, emu::Access::None);
  emu::begin_copy(to);
  memset(target, 0xff, 16);
  const bool now = emu::do_it_now();
  if (now) {
    memset(target, 0, 16);
    memcpy(target, from, bytes);
  }
  emu::machine.thread->copies.push_back([=] {
    if (!now) {
      memset(target, 0, 16);
      memcpy(target, from, bytes);
    }
    emu::end_copy(to);
  });
}
DEV void copy_commit() {
  emu::Thread& t = *emu::machine.thread;
  t.copy_groups.push_back(t.copies);
  t.copies.clear();
}
template <int N>
DEV void copy_wait() {
  auto& groups = emu::machine.thread->copy_groups;
  while ((int)groups.size() > N) {
    for (auto& copy : groups[0]) copy();
    groups.erase(groups.begin());
  }
}

// ---- bulk copies and mbarriers

DEV bool elect_one() {
  emu::meet("elect_one", nullptr, 0, [](emu::Meeting&) {});
  return emu::machine.thread->lane == 0;
}
DEV void mbarrier_init(u32 barrier, u32 arrivals) { emu::init_barrier(barrier, arrivals); }
DEV void mbarrier_fence_init() {}
DEV void mbarrier_expect(u32 barrier, u32 bytes) {
  emu::MemoryBarrier& b = emu::memory_barrier(barrier);
  b.bytes += bytes;
  emu::arrive(b);
}
DEV void mbarrier_wait(u32 barrier, u32 parity) {
  while ((emu::memory_barrier(barrier).phase & 1) == parity) emu::yield();
  emu::waited(emu::memory_barrier(barrier));
  emu::machine.progress++;
}
DEV void bulk_copy(u32 to, const void* from, u32 bytes, u32 barrier) {
  if (bytes % 16 != 0) emu::fail("a bulk copy that is not a multiple of 16 bytes");
  emu::check_global(from, bytes, 16);
  u8* target = emu::shared_at(to, bytes, 16, emu::Access::None);
  emu::begin_bulk_copy(to, bytes);
  memset(target, 0xff, bytes);
  auto copy = [=] {
    memcpy(target, from, bytes);
    emu::end_bulk_copy(to, bytes);
    emu::complete_bytes(barrier, bytes);
  };
  if (emu::do_it_now()) copy();
  else emu::machine.pending.push_back(copy);
}

#include "ptx_matrix.h"
#include "ptx_numbers.h"
