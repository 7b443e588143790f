// The scheduler of the emulated machine: fibers, barriers, the list of kernels, and the C functions.
#include "machine.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <unordered_set>

#include "engine_cuda_emulation.h"

struct ek_emu_kernel : emu::Registered {};

// Saves the callee-saved registers and the stack pointer in *save, and goes on at `to`.
extern "C" void ek_emu_switch(void** save, void* to);
asm(".text\n"
    ".globl ek_emu_switch\n"
    ".hidden ek_emu_switch\n"
    "ek_emu_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n");

namespace emu {

Machine machine;

namespace {

constexpr size_t StackBytes = 1 << 17;
constexpr uint32_t SharedLimit = 232448;   // what a block of sm_90 may ask for
constexpr int RegistersOfBlock = 65536;
constexpr uint32_t SharedTail = 4096;      // beyond what was asked for: caught by the range check

Registered* first_kernel;
std::mutex launches;
struct Range {
  uintptr_t end;
  bool constant;  // no launch writes there
};
std::map<uintptr_t, Range> ranges;  // by their start
// Lines of 64 bytes that launches have written which may not have ended.
constexpr int LineShift = 6;
std::unordered_set<uintptr_t> unfinished;
std::vector<uint8_t*> stacks;
std::vector<Thread> threads;
KernelFunction running;
const void* parameters;
jmp_buf copy_failed;  // where a copy that the scheduler finishes goes when it fails: no thread is there to stop

void thread_main() {
  running(parameters);
  Thread& t = *machine.thread;
  if (!t.copies.empty()) fail("a thread ended with cp.async copies that it had not committed");
  for (auto& group : t.copy_groups) {
    if (!group.empty()) fail("a thread ended with cp.async copies that it had not waited for");
  }
  check_products_at_end(*t.warp);
  if (!t.waited) fail("a thread ended that had not waited for the launches in front");
  t.done = true;
  t.block->alive--;
  machine.cluster_alive--;
  machine.progress++;
  yield();
  abort();
}

void prepare_thread(Thread& t, size_t stack) {
  if (stacks.size() <= stack) stacks.push_back((uint8_t*)aligned_alloc(4096, StackBytes));
  uint64_t* top = (uint64_t*)(stacks[stack] + StackBytes - 64);
  *--top = 0;  // keeps the stack aligned as after a call
  *--top = (uint64_t)thread_main;
  for (int i = 0; i < 6; i++) *--top = 0;
  t.stack_pointer = top;
  t.done = t.waited = false;
  t.block_epoch = t.warp_epoch = t.async_fence = 0;
  memset(t.seen, 0, sizeof t.seen);
  t.copies.clear();
  t.copy_groups.clear();
  t.stores.clear();
  t.store_groups.clear();
}

void finish_one_pending() {
  const size_t i = random_bits() % machine.pending.size();
  Action action = machine.pending[i];
  machine.pending.erase(machine.pending.begin() + i);
  machine.finishes_copy = true;
  if (setjmp(copy_failed) == 0) action();
  machine.finishes_copy = false;
  machine.progress++;
}

void run_warp(size_t warp) {
  const uint32_t start = random_bits() & 31;
  for (uint32_t l = 0; l < 32 && !machine.failed; l++) {
    Thread& t = threads[warp * 32 + ((l + start) & 31)];
    if (t.done) continue;
    machine.thread = &t;
    ek_emu_switch(&machine.scheduler, t.stack_pointer);
  }
}

// Runs the blocks of `machine.cluster` to their end. One of several begins when the others can do no more without it.
void run_cluster() {
  Block* late = machine.cluster.size() > 1 ? machine.cluster[random_bits() % machine.cluster.size()] : nullptr;
  std::vector<size_t> order(threads.size() / 32);
  for (size_t i = 0; i < order.size(); i++) order[i] = i;
  int idle = 0;
  while (machine.cluster_alive > 0 && !machine.failed) {
    const uint64_t before = machine.progress;
    for (size_t i = order.size() - 1; i > 0; i--) std::swap(order[i], order[random_bits() % (i + 1)]);
    for (size_t i = 0; i < order.size() && !machine.failed; i++) {
      if (threads[order[i] * 32].block != late) run_warp(order[i]);
      const bool mixed = machine.asynchrony == EK_EMU_MIXED && random_bits() % 8 == 0;
      if (mixed && !machine.pending.empty()) finish_one_pending();
    }
    if (machine.failed || machine.progress != before) {
      idle = 0;
    } else if (late != nullptr) {
      late = nullptr;
    } else if (!machine.pending.empty()) {
      finish_one_pending();
    } else if (++idle > 3) {
      machine.failed = true;
      snprintf(machine.message, sizeof machine.message, "deadlock: %d threads wait", machine.cluster_alive);
    }
  }
  if (!machine.failed && !machine.pending.empty()) {
    machine.failed = true;
    snprintf(machine.message, sizeof machine.message, "%zu bulk copies in flight at exit", machine.pending.size());
  }
}

void prepare_cluster(uint32_t first, uint32_t size, uint32_t threads_per_block) {
  machine.pending.clear();
  machine.clock = 0;
  machine.cluster_barrier = Barrier();
  machine.cluster_alive = (int)(size * threads_per_block);
  threads.resize((size_t)size * threads_per_block);
  for (uint32_t c = 0; c < size; c++) {
    Block& block = *machine.cluster[c];
    const uint32_t id = first + c;
    block.rank = c;
    block.index[0] = id % machine.grid[0];
    block.index[1] = id / machine.grid[0] % machine.grid[1];
    block.index[2] = id / machine.grid[0] / machine.grid[1];
    block.alive = (int)threads_per_block;
    for (Barrier& b : block.barriers) b = Barrier();
    block.memory_barriers.clear();
    block.warps.assign(threads_per_block / 32, Warp());
    for (Warp& warp : block.warps) warp.registers = machine.registers;
    block.products_in_flight = block.free_registers = 0;
    block.warpgroups.assign((threads_per_block + 127) / 128, {});
    memset(block.shared, 0xff, SharedBase + machine.shared_bytes + SharedTail);
    block.cells.assign((SharedBase + machine.shared_bytes + 3) / 4, Cell{0, 0, 0, 0, Nobody, Nobody, 0, 0, 0});
    for (uint32_t i = 0; i < threads_per_block; i++) {
      const size_t at = (size_t)c * threads_per_block + i;
      threads[at].block = &block;
      threads[at].warp = &block.warps[i / 32];
      threads[at].index = (int)i;
      threads[at].lane = (int)(i & 31);
      prepare_thread(threads[at], at);
    }
  }
}

const char* refuse(const Registered& kernel, const ek_emu_launch& launch, uint32_t size, uint64_t blocks) {
  if (launch.block[1] > 1 || launch.block[2] > 1) return "blocks have one dimension";
  if (launch.block[0] == 0 || launch.block[0] % 32 != 0) return "a block is whole warps";
  if ((int32_t)launch.block[0] > kernel.max_threads) return "more threads than the kernel was compiled for";
  if (launch.shared_bytes > SharedLimit) return "more shared memory than a block may have";
  if (blocks == 0) return "the grid is empty";
  if (launch.grid[1] > 65535 || launch.grid[2] > 65535) return "grid y and z end at 65535";
  if (size > 16 || blocks % size != 0) return "the grid is not whole clusters";
  return nullptr;
}

}  // namespace

uint32_t random_bits() {
  machine.random ^= machine.random << 13;
  machine.random ^= machine.random >> 7;
  machine.random ^= machine.random << 17;
  return (uint32_t)(machine.random >> 16);
}

void yield() { ek_emu_switch(&machine.thread->stack_pointer, machine.scheduler); }

void fail(const char* what, const char* detail) {
  if (machine.finishes_copy) {
    snprintf(machine.message, sizeof machine.message, "%s %s (as a copy is done)", what, detail);
    machine.failed = true;
    longjmp(copy_failed, 1);
  }
  const Thread& t = *machine.thread;
  const uint32_t* block = t.block->index;
  snprintf(machine.message, sizeof machine.message, "%s %s (block %u,%u,%u thread %d)", what, detail, block[0],
           block[1], block[2], t.index);
  machine.failed = true;
  for (;;) yield();
}

void check_global(const void* p, uint64_t bytes, uint32_t alignment, Access access) {
  const uintptr_t start = (uintptr_t)p;
  if (start % alignment != 0) fail("global memory misaligned");
  if (bytes == 0) return;
  bool constant = false;
  if (!ranges.empty()) {
    auto after = ranges.upper_bound(start);
    if (after == ranges.begin()) fail("global memory out of range");
    --after;
    if (start + bytes > after->second.end) fail("global memory out of range");
    constant = after->second.constant;
  }
  const bool waited = machine.finishes_copy || machine.thread->waited;
  if (access == Access::Write) {
    if (constant) fail("writes memory that no launch writes");
    if (!waited) fail("writes before it has waited for the launches in front");
  } else if (!waited && machine.dependence == EK_EMU_AFTER_UNKNOWN && !constant) {
    fail("reads before it has waited for the launches in front");
  }
  for (uintptr_t line = start >> LineShift; line <= (start + bytes - 1) >> LineShift; line++) {
    if (access == Access::Write) unfinished.insert(line);
    else if (!waited && unfinished.count(line) != 0) fail("reads what a launch in front may still write");
  }
}

bool do_it_now() {
  return machine.asynchrony == EK_EMU_EARLY || (machine.asynchrony == EK_EMU_MIXED && (random_bits() & 1) != 0);
}

void block_barrier(int id, int count) {
  Block& block = *machine.thread->block;
  Barrier& b = block.barriers[id];
  if (id == 0 && block.alive < count) fail("a block barrier after threads have ended");
  if (b.arrived > 0 && b.expected != count) fail("a barrier with two different counts");
  b.expected = count;
  machine.thread->block_epoch++;
  if (++b.arrived == count) {
    b.arrived = 0;
    b.generation++;
    machine.progress++;
    return;
  }
  const uint64_t generation = b.generation;
  while (b.generation == generation) yield();
}

void cluster_sync_all() {
  Barrier& b = machine.cluster_barrier;
  if (++b.arrived == machine.cluster_alive) {
    b.arrived = 0;
    b.generation++;
    machine.progress++;
    return;
  }
  const uint64_t generation = b.generation;
  while (b.generation == generation) yield();
}

void init_barrier(uint32_t address, uint32_t arrivals) {
  shared_at(address, 8, 8, Access::None);
  MemoryBarrier b;
  b.count = b.pending = arrivals;
  b.rank = address >> 24;
  machine.cluster[address >> 24]->memory_barriers[address & 0xffffff] = b;
}

MemoryBarrier& memory_barrier(uint32_t address) {
  shared_at(address, 8, 8, Access::None);
  if (machine.cluster[address >> 24]->alive == 0) fail("an mbarrier of a block that has ended");
  auto& all = machine.cluster[address >> 24]->memory_barriers;
  auto found = all.find(address & 0xffffff);
  if (found == all.end()) fail("an mbarrier that was not initialised");
  return found->second;
}

void check_phase(MemoryBarrier& b) {
  if (b.pending != 0 || b.bytes != 0) return;
  b.phase++;
  b.pending = b.count;
  b.done_warps = b.warps;
  b.done_clock = ++machine.clock;
  b.warps = 0;
  machine.progress++;
}

void arrive(MemoryBarrier& b) {
  if (b.pending == 0) fail("more arrivals at an mbarrier than it counts");
  b.pending--;
  if (b.rank == machine.thread->block->rank) b.warps |= 1u << machine.thread->index / 32;
  check_phase(b);
}

void waited(const MemoryBarrier& b) {
  if (b.rank != machine.thread->block->rank) return;
  for (int warp = 0; warp < 32; warp++) {
    if ((b.done_warps >> warp & 1) != 0) machine.thread->seen[warp] = b.done_clock;
  }
}

void complete_bytes(uint32_t barrier, uint32_t bytes) {
  MemoryBarrier& b = memory_barrier(barrier);
  b.bytes -= bytes;
  check_phase(b);
}

Registered::Registered(
    const char* name, KernelFunction function, int32_t param_bytes, int32_t max_threads, int32_t blocks)
    : name(name), function(function), param_bytes(param_bytes), max_threads(max_threads), next(first_kernel) {
  const int all = max_threads * blocks;
  registers = all > 256 ? RegistersOfBlock / all / 8 * 8 : 248;
  first_kernel = this;
}

}  // namespace emu

using namespace emu;

const ek_emu_kernel* ek_emu_at(int32_t index) {
  Registered* kernel = first_kernel;
  while (kernel != nullptr && index-- > 0) kernel = kernel->next;
  return (const ek_emu_kernel*)kernel;
}

const ek_emu_kernel* ek_emu_find(const char* name) {
  for (Registered* kernel = first_kernel; kernel != nullptr; kernel = kernel->next) {
    if (strcmp(kernel->name, name) == 0) return (const ek_emu_kernel*)kernel;
  }
  return nullptr;
}

const char* ek_emu_name(const ek_emu_kernel* kernel) { return kernel->name; }
int32_t ek_emu_param_bytes(const ek_emu_kernel* kernel) { return kernel->param_bytes; }
int32_t ek_emu_max_threads(const ek_emu_kernel* kernel) { return kernel->max_threads; }

void ek_emu_add_range(const void* address, uint64_t bytes) {
  std::lock_guard<std::mutex> guard(launches);
  ranges[(uintptr_t)address] = {(uintptr_t)address + bytes, false};
}

void ek_emu_make_constant(const void* address) {
  std::lock_guard<std::mutex> guard(launches);
  auto found = ranges.find((uintptr_t)address);
  if (found != ranges.end()) found->second.constant = true;
}

void ek_emu_finish() {
  std::lock_guard<std::mutex> guard(launches);
  unfinished.clear();
}

void ek_emu_remove_range(const void* address) {
  std::lock_guard<std::mutex> guard(launches);
  ranges.erase((uintptr_t)address);
}

int32_t ek_emu_run(const ek_emu_kernel* kernel, const ek_emu_launch* launch, char* message, int32_t message_bytes) {
  std::lock_guard<std::mutex> guard(launches);
  uint32_t size = 1;
  for (uint32_t extent : launch->cluster) size *= extent > 1 ? extent : 1;
  const uint64_t blocks = (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2];
  machine.failed = false;
  if (const char* why = refuse(*kernel, *launch, size, blocks)) {
    snprintf(message, message_bytes, "%s: %s", kernel->name, why);
    return -1;
  }
  memcpy(machine.grid, launch->grid, sizeof machine.grid);
  machine.block_threads = launch->block[0];
  machine.shared_bytes = launch->shared_bytes;
  machine.registers = kernel->registers;
  machine.asynchrony = launch->asynchrony;
  machine.dependence = launch->dependence;
  if (launch->dependence != EK_EMU_AFTER_LAUNCHES) unfinished.clear();
  machine.random = launch->seed * 0x9e3779b97f4a7c15ull | 1;
  running = kernel->function;
  parameters = launch->params;
  for (uint32_t c = 0; c < size; c++) {
    Block* block = new Block;
    block->shared = (uint8_t*)aligned_alloc(1024, SharedBase + SharedLimit + SharedTail);
    machine.cluster.push_back(block);
  }
  std::vector<uint32_t> order(blocks / size);
  for (size_t i = 0; i < order.size(); i++) order[i] = (uint32_t)i;
  for (size_t i = order.size() - 1; i > 0; i--) std::swap(order[i], order[random_bits() % (i + 1)]);
  for (size_t i = 0; i < order.size() && !machine.failed; i++) {
    prepare_cluster(order[i] * size, size, launch->block[0]);
    run_cluster();
  }
  for (Block* block : machine.cluster) {
    free(block->shared);
    delete block;
  }
  machine.cluster.clear();
  if (machine.failed) snprintf(message, message_bytes, "%s: %s", kernel->name, machine.message);
  return machine.failed ? -1 : 0;
}
