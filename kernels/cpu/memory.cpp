#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine_kernels.h"

namespace {

constexpr int64_t kHugePage = 2 << 20;

int64_t round_up(int64_t bytes) { return (bytes + 4095) / 4096 * 4096; }

constexpr int kNodes = 1024;

// The nodes of a list such as "0-1,3"; false if the file is not there.
bool read_nodes(const char* path, unsigned long* mask) {
  char text[1024];
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t n = read(file, text, sizeof text - 1);
  close(file);
  if (n <= 0) return false;
  text[n] = 0;
  constexpr int kBits = 8 * sizeof(unsigned long);
  for (char* p = text; *p >= '0' && *p <= '9';) {
    const long first = strtol(p, &p, 10);
    const long last = *p == '-' ? strtol(p + 1, &p, 10) : first;
    for (long node = first; node <= last && node < kNodes; node++) mask[node / kBits] |= 1ul << node % kBits;
    if (*p == ',') p++;
  }
  return true;
}

}  // namespace

extern "C" int32_t ek_interleave(void* address, int64_t bytes) {
#ifdef SYS_mbind
  constexpr int kInterleave = 3;
  unsigned long mask[kNodes / (8 * sizeof(unsigned long))] = {};
  if (address == nullptr || bytes <= 0) return EK_INVALID_ARGUMENT;
  if (!read_nodes("/sys/devices/system/node/has_memory", mask)) return EK_UNSUPPORTED;
  const long failed = syscall(SYS_mbind, address, round_up(bytes), kInterleave, mask, kNodes, 0);
  return failed == 0 ? EK_OK : EK_UNSUPPORTED;
#else
  (void)address;
  (void)bytes;
  return EK_UNSUPPORTED;
#endif
}

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
