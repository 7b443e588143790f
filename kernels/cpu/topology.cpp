#include "topology.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#endif

#include "engine_kernels.h"

namespace engine {
namespace {

// Reads a small file as text; false if there is none.
bool read_text(const char* path, char* text, size_t capacity) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t n = read(file, text, capacity - 1);
  close(file);
  if (n <= 0) return false;
  text[n] = 0;
  return true;
}

// cpu.max is "quota period" in microseconds, or "max period".
int32_t version2_limit(const char* folder) {
  char path[1100], text[128];
  snprintf(path, sizeof path, "%s/cpu.max", folder);
  long long quota = 0, period = 0;
  if (!read_text(path, text, sizeof text) || sscanf(text, "%lld %lld", &quota, &period) != 2) return INT32_MAX;
  if (quota <= 0 || period <= 0) return INT32_MAX;
  const long long cpus = (quota + period - 1) / period;
  return cpus > INT32_MAX ? INT32_MAX : static_cast<int32_t>(cpus);
}

int32_t version1_limit() {
  char quota[64], period[64];
  if (!read_text("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota, sizeof quota) ||
      !read_text("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period, sizeof period)) {
    return INT32_MAX;
  }
  const long long q = atoll(quota), p = atoll(period);
  return q <= 0 || p <= 0 ? INT32_MAX : static_cast<int32_t>((q + p - 1) / p);
}

#if defined(__x86_64__)
// Tiles and their bf16 products, by the processor, and their state by the operating system, which has to be asked for
// it (allow_tiles). g++ 12's own check knows neither.
bool has_tiles() {
  constexpr unsigned kBf16 = 1u << 22, kTile = 1u << 24, kInt8 = 1u << 25, kOsxsave = 1u << 27, kState = 3u << 17;
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & kOsxsave) == 0) return false;
  constexpr unsigned kAll = kBf16 | kTile | kInt8;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kAll) != kAll) return false;
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kState) == kState;
}

// The operating system must save the registers too; the compiler's check covers that.
int32_t detect() {
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2");
  if (!avx2) return EK_ISA_BASELINE;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (!avx512) return EK_ISA_AVX2;
  if (!__builtin_cpu_supports("avx512vnni")) return EK_ISA_AVX512;
  if (!__builtin_cpu_supports("avx512bf16")) return EK_ISA_AVX512_VNNI;
  return has_tiles() ? EK_ISA_AMX_BF16 : EK_ISA_AVX512_BF16;
}
#else
int32_t detect() { return EK_ISA_BASELINE; }
#endif

}  // namespace

int32_t best_isa() { return detect(); }

bool allow_tiles() {
#if defined(__x86_64__)
  constexpr int kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
#else
  return false;
#endif
}

int32_t affinity_cpus(int32_t* cpus, int32_t capacity) {
  cpu_set_t set;
  CPU_ZERO(&set);
  int32_t count = 0;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE && count < capacity; cpu++) {
      if (CPU_ISSET(cpu, &set)) cpus[count++] = cpu;
    }
  }
  if (count == 0) cpus[count++] = 0;
  return count;
}

int32_t cgroup_cpu_limit() {
  int32_t limit = version1_limit();
  char text[2048];
  if (!read_text("/proc/self/cgroup", text, sizeof text)) return limit;
  char* line = strstr(text, "0::");
  if (line == nullptr) return limit;
  line += 3;
  line[strcspn(line, "\n")] = 0;
  char folder[1024];
  // Every level up to the root may hold a quota.
  for (;;) {
    snprintf(folder, sizeof folder, "/sys/fs/cgroup%s", line);
    const int32_t here = version2_limit(folder);
    limit = here < limit ? here : limit;
    char* slash = strrchr(line, '/');
    if (slash == nullptr) break;
    *slash = 0;
  }
  return limit;
}

}  // namespace engine

extern "C" int32_t ek_isa_best(void) { return engine::best_isa(); }

extern "C" int32_t ek_cpu_count(void) {
  int32_t cpus[CPU_SETSIZE];
  const int32_t count = engine::affinity_cpus(cpus, CPU_SETSIZE);
  const int32_t limit = engine::cgroup_cpu_limit();
  return limit < count ? limit : count;
}
