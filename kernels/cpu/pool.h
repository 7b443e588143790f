// A fork-join pool. The caller is thread 0; workers that arrive after the caller has run out of work are not waited
// for, so a worker that lost its CPU costs its own share of speed and nothing else.
#pragma once

#include <pthread.h>
#include <stdint.h>

#include <atomic>

namespace engine {

static constexpr int kMaxThreads = 512;
static constexpr int kWorkersPerGate = 8;

class Pool {
 public:
  typedef void (*Work)(void* argument, int thread);

  // Starts threads - 1 workers; cpus[i] is where worker i runs, or cpus is null. False if a thread cannot start.
  bool start(int threads, const int32_t* cpus, int64_t spin_ns);
  void stop();

  // Runs work on this thread and on every worker that comes in time; returns when all that came are done.
  void run(Work work, void* argument);

  int threads() const { return limit_.load(std::memory_order_relaxed); }
  int created() const { return created_; }
  void set_threads(int threads) { limit_.store(threads, std::memory_order_relaxed); }

 private:
  // Open bit and the number of workers inside, for some workers each: a line that 64 threads count themselves in and
  // out of would cost 64 transfers of it, one after the other, twice a run.
  struct alignas(64) Gate {
    std::atomic<uint32_t> state;
  };

  struct Worker {
    Pool* pool;
    pthread_t thread;
    int index;
    int32_t cpu;
  };

  static void* enter(void* worker);
  void serve(int index);
  bool wait_for_ticket(uint32_t seen);
  bool join(Gate& gate);

  int gates() const { return (created_ - 2) / kWorkersPerGate + 1; }

  // ticket: one more per run (and at stop).
  alignas(64) std::atomic<uint32_t> ticket_;
  Gate gates_[(kMaxThreads + kWorkersPerGate - 1) / kWorkersPerGate];
  alignas(64) std::atomic<uint32_t> parked_;
  std::atomic<bool> stopping_;
  std::atomic<int32_t> limit_;
  Work work_;
  void* argument_;
  int created_;
  int64_t spin_ns_;
  Worker workers_[kMaxThreads];
};

// Hands out [0, count) to the threads of a pool. F: void(int64_t index, int thread).
template <class F>
void parallel(Pool& pool, int64_t count, const F& f) {
  if (count <= 1 || pool.threads() == 1) {
    for (int64_t i = 0; i < count; i++) f(i, 0);
    return;
  }
  struct Shared {
    const F* f;
    int64_t count;
    alignas(64) std::atomic<int64_t> next;
  } shared{&f, count, {0}};
  pool.run(
      [](void* argument, int thread) {
        auto& s = *static_cast<Shared*>(argument);
        for (;;) {
          const int64_t i = s.next.fetch_add(1, std::memory_order_relaxed);
          if (i >= s.count) return;
          (*s.f)(i, thread);
        }
      },
      &shared);
}

}  // namespace engine
