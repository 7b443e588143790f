// Memory: device allocations are mappings with guard pages on both sides, poisoned, and closed to the host.
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "engine_cuda_emulation.h"
#include "fake.h"

namespace fake {

static const uint64_t kPage = 4096, kAlign = 512, kPoison = 0xFF, kZone = 0xA5;

// Larger ones stay open: closing and opening them at each call would take most of a test's time.
static const uint64_t kGuardedMax = 8 << 20;

static uint64_t round_up(uint64_t v, uint64_t to) { return (v + to - 1) / to * to; }

const Allocation* find_device(uint64_t address, uint64_t bytes, int device) {
  auto& all = state().device_memory;
  auto it = all.upper_bound(address);
  if (it == all.begin()) return nullptr;
  const Allocation& a = (--it)->second;
  if (address < a.address || bytes > a.bytes || address - a.address > a.bytes - bytes) return nullptr;
  return device < 0 || a.device == device ? &a : nullptr;
}

bool is_pinned(const void* address, uint64_t bytes) {
  auto& all = state().host_memory;
  auto it = all.upper_bound((uint64_t)address);
  if (it == all.begin()) return false;
  --it;
  uint64_t offset = (uint64_t)address - it->first;
  return offset <= it->second && bytes <= it->second - offset;
}

void protect_all(bool open) {
  if (!state().options.guard_host) return;
  for (auto& [_, a] : state().device_memory) {
    if (a.managed || a.mapping_bytes > kGuardedMax) continue;
    mprotect((void*)(a.mapping + kPage), a.mapping_bytes - 2 * kPage, open ? PROT_READ | PROT_WRITE : PROT_NONE);
  }
}

void check_red_zones(const char* kernel) {
  for (auto& [_, a] : state().device_memory) {
    for (uint64_t at = a.address + a.bytes; at < a.mapping + a.mapping_bytes - kPage; at++) {
      if (*(unsigned char*)at == kZone) continue;
      lose(ILLEGAL_ADDRESS, std::string(kernel) + " wrote past the end of an allocation of " +
                                std::to_string(a.bytes) + " bytes");
      return;
    }
  }
}

void free_everything() {
  State& s = state();
  for (auto& [_, a] : s.device_memory) {
    ek_emu_remove_range((void*)a.address);
    munmap((void*)a.mapping, a.mapping_bytes);
  }
  for (auto& [address, _] : s.host_memory) free((void*)address);
  s.device_memory.clear();
  s.host_memory.clear();
}

}  // namespace fake

using namespace fake;

API CUresult cuMemGetInfo_v2(size_t* free_bytes, size_t* total) {
  ENTER_CONTEXT;
  *total = s.options.memory;
  *free_bytes = s.options.memory - s.used[device];
  return OK;
}

static bool alloc_fails(State& s) { return s.fail_alloc >= 0 && s.fail_alloc-- == 0; }

API CUresult cuMemAlloc_v2(CUdeviceptr* out, size_t bytes) {
  ENTER_CONTEXT;
  maybe_run();
  if (s.lost) return leave(0);
  if (bytes == 0) return refuse(INVALID_VALUE, "cuMemAlloc of 0 bytes");
  if (anything_captures()) return refuse(CAPTURE_UNSUPPORTED, "cuMemAlloc during capture");
  if (alloc_fails(s)) return refuse(s.fail_alloc_code, "injected");
  uint64_t size = round_up(bytes, kAlign);
  if (size > s.options.memory - s.used[device]) return refuse(OUT_OF_MEMORY, "the device is full");
  uint64_t mapped = round_up(size, kPage) + 2 * kPage;
  void* mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return refuse(OUT_OF_MEMORY, "mmap");
  uint64_t base = (uint64_t)mapping;
  uint64_t address = base + mapped - kPage - size;  // as close to the guard page as alignment allows
  memset((void*)(base + kPage), (int)kZone, address - base - kPage);
  memset((void*)address, (int)kPoison, bytes);
  memset((void*)(address + bytes), (int)kZone, size - bytes);
  mprotect(mapping, kPage, PROT_NONE);
  mprotect((void*)(base + mapped - kPage), kPage, PROT_NONE);
  if (s.options.guard_host && mapped <= kGuardedMax) mprotect((void*)(base + kPage), mapped - 2 * kPage, PROT_NONE);
  s.device_memory[address] = {base, mapped, address, bytes, device};
  ek_emu_add_range((void*)address, bytes);
  s.used[device] += size;
  s.counts.live_device++;
  s.counts.live_device_bytes += (int64_t)bytes;
  *out = address;
  return OK;
}

// Memory that host and device both use: never closed.
API CUresult cuMemAllocManaged(CUdeviceptr* out, size_t bytes, unsigned) {
  CUresult result = cuMemAlloc_v2(out, bytes);
  if (result != OK) return result;
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  Allocation& a = state().device_memory[*out];
  a.managed = true;
  mprotect((void*)(a.mapping + kPage), a.mapping_bytes - 2 * kPage, PROT_READ | PROT_WRITE);
  return OK;
}

API CUresult cuMemFree_v2(CUdeviceptr address) {
  ENTER_CONTEXT;
  if (address == 0) return OK;
  auto it = s.device_memory.find(address);
  if (it == s.device_memory.end()) return refuse(INVALID_VALUE, "cuMemFree of what was not allocated");
  run_all();  // as the real one: it waits for work that may use the memory
  if (s.lost) return leave(0);
  Allocation a = it->second;
  ek_emu_remove_range((void*)a.address);
  munmap((void*)a.mapping, a.mapping_bytes);
  s.used[a.device] -= round_up(a.bytes, kAlign);
  s.counts.live_device--;
  s.counts.live_device_bytes -= (int64_t)a.bytes;
  s.device_memory.erase(it);
  return OK;
}

API CUresult cuMemHostAlloc(void** out, size_t bytes, unsigned) {
  ENTER_CONTEXT;
  if (bytes == 0) return INVALID_VALUE;
  if (alloc_fails(s)) return refuse(s.fail_alloc_code, "injected");
  void* p = aligned_alloc(kPage, round_up(bytes, kPage));
  if (!p) return OUT_OF_MEMORY;
  memset(p, (int)kPoison, bytes);
  s.host_memory[(uint64_t)p] = bytes;
  s.counts.live_host++;
  s.counts.live_host_bytes += (int64_t)bytes;
  *out = p;
  return OK;
}

API CUresult cuMemFreeHost(void* p) {
  ENTER_CONTEXT;
  auto it = s.host_memory.find((uint64_t)p);
  if (it == s.host_memory.end()) return refuse(INVALID_VALUE, "cuMemFreeHost of what was not allocated");
  run_all();
  if (s.lost) return leave(0);
  s.counts.live_host--;
  s.counts.live_host_bytes -= (int64_t)it->second;
  free(p);
  s.host_memory.erase(it);
  return OK;
}

API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void* source, size_t bytes, void* stream) {
  ENTER_CONTEXT;
  s.counts.to_device++;
  if (!find_device(target, bytes, device)) return refuse(INVALID_VALUE, "copy to memory that is not the device's");
  Op op(kToDevice);
  op.target = target;
  op.source = (uint64_t)source;
  op.bytes = bytes;
  if (!is_pinned(source, bytes)) {
    if (anything_captures()) return refuse(CAPTURE_UNSUPPORTED, "a pageable copy during capture");
    s.counts.pageable_copies++;
    op.pageable = true;
    op.data.assign((const char*)source, (const char*)source + bytes);
  }
  return submit(stream_of(stream), std::move(op));
}

API CUresult cuMemcpyDtoHAsync_v2(void* target, CUdeviceptr source, size_t bytes, void* stream) {
  ENTER_CONTEXT;
  s.counts.to_host++;
  s.counts.bytes_to_host += (int64_t)bytes;
  if (!find_device(source, bytes, device)) return refuse(INVALID_VALUE, "copy of memory that is not the device's");
  Op op(kToHost);
  op.target = (uint64_t)target;
  op.source = source;
  op.bytes = bytes;
  op.pageable = !is_pinned(target, bytes);
  if (op.pageable && anything_captures()) return refuse(CAPTURE_UNSUPPORTED, "a pageable copy during capture");
  if (!op.pageable) memset(target, (int)kPoison, bytes);  // who reads before the copy is done reads this
  Stream* at = stream_of(stream);
  bool pageable = op.pageable;
  CUresult r = submit(at, std::move(op));
  if (r == OK && pageable) {
    s.counts.pageable_copies++;
    run_until_empty(at);
  }
  return leave(r);
}

API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr target, CUdeviceptr source, size_t bytes, void* stream) {
  ENTER_CONTEXT;
  if (!find_device(target, bytes, device) || !find_device(source, bytes, device))
    return refuse(INVALID_VALUE, "copy outside of the device's memory");
  Op op(kOnDevice);
  op.target = target;
  op.source = source;
  op.bytes = bytes;
  return submit(stream_of(stream), std::move(op));
}

API CUresult cuMemsetD8Async(CUdeviceptr target, unsigned char value, size_t bytes, void* stream) {
  ENTER_CONTEXT;
  if (!find_device(target, bytes, device)) return refuse(INVALID_VALUE, "fill outside of the device's memory");
  Op op(kFill);
  op.target = target;
  op.value = value;
  op.bytes = bytes;
  return submit(stream_of(stream), std::move(op));
}
