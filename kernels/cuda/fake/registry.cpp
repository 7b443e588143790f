#include "registry.h"

#include <cstring>

namespace fake {

// Four kernels of the fake's own, for tests of the driver itself. Arguments: { target, source or value, count }.
struct OwnArguments {
  uint64_t target, source, count;
};

static void own_fill(const OwnArguments& a) {
  for (uint64_t i = 0; i < a.count; i++) ((uint32_t*)a.target)[i] = (uint32_t)a.source;
}

static void own_copy(const OwnArguments& a) { memmove((void*)a.target, (const void*)a.source, a.count * 4); }

static void own_add(const OwnArguments& a) {
  for (uint64_t i = 0; i < a.count; i++) ((uint32_t*)a.target)[i] += (uint32_t)a.source;
}

static void own_wild(const OwnArguments& a) { *(volatile uint32_t*)a.target = 1; }

static const struct Own {
  const char* name;
  void (*run)(const OwnArguments&);
} kOwn[] = {{"fake_fill", own_fill}, {"fake_copy", own_copy}, {"fake_add", own_add}, {"fake_wild", own_wild}};

void* registry_find(const char* name) {
  for (const Own& own : kOwn) {
    if (strcmp(own.name, name) == 0) return (void*)&own;
  }
  return nullptr;
}

bool registry_run(const Op& op, uint64_t seed, std::string& message) {
  (void)seed;
  for (const Own& own : kOwn) {
    if (op.function->entry != &own) continue;
    OwnArguments a;
    if (op.data.size() != sizeof a) {
      message = "the PTX declares " + std::to_string(op.data.size()) + " bytes of arguments";
      return false;
    }
    memcpy(&a, op.data.data(), sizeof a);
    own.run(a);
    return true;
  }
  return false;
}

void run_kernel(Op& op) {
  State& s = state();
  if (s.fail_launch >= 0 && s.fail_launch-- == 0) {
    lose(s.fail_launch_code, "injected into " + op.function->name);
    return;
  }
  std::string message;
  if (!registry_run(op, next_random(), message)) {
    lose(LAUNCH_FAILED, op.function->name + ": " + message);
    return;
  }
  check_red_zones(op.function->name.c_str());
}

}  // namespace fake
