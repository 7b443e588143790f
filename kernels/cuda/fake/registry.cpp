#include "registry.h"

#include <cstring>

#include "engine_cuda_emulation.h"
#include "engine_cuda_sample.h"
#include "plain.h"

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
  return (void*)ek_emu_find(name);
}

size_t registry_bytes(void* entry) {
  for (const Own& own : kOwn) {
    if (entry == &own) return sizeof(OwnArguments);
  }
  return (size_t)ek_emu_param_bytes((const ek_emu_kernel*)entry);
}

bool registry_run(const Op& op, uint64_t seed, std::string& message) {
  for (const Own& own : kOwn) {
    if (op.function->entry != &own) continue;
    OwnArguments a;
    memcpy(&a, op.data.data(), sizeof a);
    own.run(a);
    return true;
  }
  int type;
  PlainKernel plain = state().options.emulates ? nullptr : plain_find(op.function->name, &type);
  if (plain) {
    plain(op.data.data(), op, type);
    return true;
  }
  ek_emu_launch launch = {};
  for (int i = 0; i < 3; i++) {
    launch.grid[i] = op.grid[i];
    launch.block[i] = op.block[i];
  }
  launch.cluster[0] = op.cluster > 1 ? op.cluster : 0;
  launch.shared_bytes = op.smem;
  alignas(128) char parameters[4096];  // aligned as tensor maps must be
  if (op.data.size() > sizeof parameters) return message = "more parameters than a launch has", false;
  memcpy(parameters, op.data.data(), op.data.size());
  launch.params = parameters;
  launch.seed = (uint32_t)seed;
  launch.asynchrony = (int)(seed >> 40) % 3;
  launch.dependence = op.dependent ? EK_EMU_AFTER_LAUNCHES : EK_EMU_AFTER_ALL;
  char text[1024] = "";
  if (ek_emu_run((const ek_emu_kernel*)op.function->entry, &launch, text, sizeof text) == 0) return true;
  message = text;
  return false;
}

// Nothing is computed; tokens are the first of the vocabulary.
static void skip(const Op& op) {
  if (op.function->name != "ekc_sample") return;
  EkcSample a;
  memcpy(&a, op.data.data(), sizeof a);
  memset((void*)a.ids, 0, op.grid[0] * sizeof(int32_t));
}

static bool injected(const std::string& name) {
  State& s = state();
  if (s.fail_launch < 0 || s.fail_launch-- != 0) return false;
  lose(s.fail_launch_code, "injected into " + name);
  return true;
}

void run_product(Op& op) {
  if (!injected("cublasLtMatmul") && !state().options.skips) lt_run(op);
}

void run_kernel(Op& op) {
  State& s = state();
  if (injected(op.function->name)) return;
  s.runs[op.function->name]++;
  if (s.options.skips) return skip(op);
  std::string message;
  if (!registry_run(op, next_random(), message)) {
    lose(LAUNCH_FAILED, op.function->name + ": " + message);
    return;
  }
  check_red_zones(op.function->name.c_str());
}

}  // namespace fake
