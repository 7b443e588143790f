#include <stddef.h>
#include <sys/mman.h>

#include "engine_kernels.h"

namespace {

constexpr int64_t kHugePage = 2 << 20;

int64_t round_up(int64_t bytes) { return (bytes + 4095) / 4096 * 4096; }

}  // namespace

extern "C" void* ek_map(int64_t bytes) {
  if (bytes <= 0 || bytes > INT64_MAX - 2 * kHugePage) return nullptr;
  const int64_t size = round_up(bytes);
  const int64_t whole = size + kHugePage;
  void* p = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  // Keep an aligned piece, give the rest back.
  const int64_t at = reinterpret_cast<intptr_t>(p);
  const int64_t aligned = (at + kHugePage - 1) / kHugePage * kHugePage;
  if (aligned > at) munmap(p, aligned - at);
  const int64_t tail = at + whole - (aligned + size);
  if (tail > 0) munmap(reinterpret_cast<void*>(aligned + size), tail);
  void* result = reinterpret_cast<void*>(aligned);
#ifdef MADV_HUGEPAGE
  if (size >= kHugePage) madvise(result, size, MADV_HUGEPAGE);
#endif
  return result;
}

extern "C" void ek_unmap(void* address, int64_t bytes) {
  if (address != nullptr && bytes > 0) munmap(address, round_up(bytes));
}
