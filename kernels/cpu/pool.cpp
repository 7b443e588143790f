#include "pool.h"

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace engine {
namespace {

constexpr uint32_t kOpen = 1u << 31;
constexpr size_t kStackBytes = 512 << 10;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

void futex(std::atomic<uint32_t>& word, int operation, uint32_t value) {
  static_assert(sizeof(word) == 4, "a futex is 32 bits");
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

}  // namespace

bool Pool::start(int threads, const int32_t* cpus, int64_t spin_ns) {
  ticket_ = 0;
  for (Gate& gate : gates_) {
    gate.state = 0;
    gate.ticket = 0;
  }
  parked_ = 0;
  stopping_ = false;
  limit_ = threads;
  spin_ns_ = spin_ns;
  created_ = 1;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // Workers block every signal: a host's handlers run on the host's threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool ok = true;
  for (int i = 1; i < threads && ok; i++) {
    workers_[i] = {this, {}, i, cpus == nullptr ? -1 : cpus[i]};
    ok = pthread_create(&workers_[i].thread, &attributes, enter, &workers_[i]) == 0;
    created_ += ok;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (!ok) stop();
  return ok;
}

void Pool::stop() {
  stopping_ = true;
  move_tickets();
  futex(ticket_, FUTEX_WAKE, INT32_MAX);
  for (int i = 1; i < created_; i++) pthread_join(workers_[i].thread, nullptr);
  created_ = 1;
}

void* Pool::enter(void* worker) {
  auto& w = *static_cast<Worker*>(worker);
  char name[16];
  snprintf(name, sizeof name, "engine-cpu-%d", w.index);
  pthread_setname_np(pthread_self(), name);
  if (w.cpu >= 0 && w.cpu < CPU_SETSIZE) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(w.cpu, &set);
    // A CPU that went away since start-up is no reason to fail: the worker then floats.
    sched_setaffinity(0, sizeof set, &set);
  }
  w.pool->serve(w.index);
  return nullptr;
}

// Moves the copies first: who was woken by the ticket itself finds its copy moved.
void Pool::move_tickets() {
  const uint32_t next = ticket_.load(std::memory_order_relaxed) + 1;
  const int count = gates();
  for (int g = 0; g < count; g++) gates_[g].ticket.store(next, std::memory_order_release);
  ticket_.store(next);
}

// Spins until the ticket has moved, then parks.
void Pool::wait_for_ticket(const Gate& gate, uint32_t seen) {
  const int64_t deadline = now_ns() + spin_ns_;
  for (int i = 0;; i++) {
    if (gate.ticket.load(std::memory_order_acquire) != seen) return;
    pause();
    if ((i & 63) == 63 && now_ns() >= deadline) break;
  }
  parked_.fetch_add(1);
  while (ticket_.load() == seen) futex(ticket_, FUTEX_WAIT, seen);
  parked_.fetch_sub(1);
}

// Enters the current run if it is still open.
bool Pool::join(Gate& gate) {
  uint32_t g = gate.state.load(std::memory_order_acquire);
  while (g & kOpen) {
    if (gate.state.compare_exchange_weak(g, g + 1, std::memory_order_acq_rel)) return true;
  }
  return false;
}

void Pool::serve(int index) {
  uint32_t seen = 0;
  Gate& gate = gates_[(index - 1) / kWorkersPerGate];
  for (;;) {
    wait_for_ticket(gate, seen);
    seen = gate.ticket.load(std::memory_order_acquire);
    if (stopping_.load(std::memory_order_relaxed)) return;
    if (index >= limit_.load(std::memory_order_relaxed) || !join(gate)) continue;
    work_(argument_, index);
    gate.state.fetch_sub(1, std::memory_order_release);
  }
}

void Pool::run(Work work, void* argument) {
  if (threads() == 1) {
    work(argument, 0);
    return;
  }
  work_ = work;
  argument_ = argument;
  const int count = gates();
  for (int g = 0; g < count; g++) gates_[g].state.store(kOpen, std::memory_order_release);
  move_tickets();
  if (parked_.load() != 0) futex(ticket_, FUTEX_WAKE, INT32_MAX);
  work(argument, 0);
  // All are closed before the first is waited for: workers leave meanwhile.
  for (int g = 0; g < count; g++) gates_[g].state.fetch_and(~kOpen, std::memory_order_acq_rel);
  int turns = 0;
  for (int g = 0; g < count; g++) {
    while (gates_[g].state.load(std::memory_order_acquire) != 0) {
      // The worker may be waiting for the very CPU this thread spins on.
      if (turns++ < 2000) {
        pause();
      } else {
        sched_yield();
      }
    }
  }
}

}  // namespace engine
