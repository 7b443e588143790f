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
  // What some workers share with the caller. A line that 64 threads watch, or count themselves in and out of, would
  // cost 64 transfers of it, one after the other.
  struct Gate {
    alignas(64) std::atomic<uint32_t> state;   // open bit and the number of workers inside
    alignas(64) std::atomic<uint32_t> ticket;  // a copy of ticket_, moved before it
  };

  struct Worker {
    Pool* pool;
    pthread_t thread;
    int index;
    int32_t cpu;
  };

  static void* enter(void* worker);
  void serve(int index);
  void wait_for_ticket(const Gate& gate, uint32_t seen);
  bool join(Gate& gate);

  int gates() const { return (created_ - 2) / kWorkersPerGate + 1; }

  void move_tickets();

  // One more per run (and at stop); what parked workers wait for.
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

// The items [0, count) of a run, each given out once: a counter for every eight workers, on a line of its own. Whose
// own counter has run out takes from the others'.
class Shares {
 public:
  Shares(int threads, int64_t count) : groups_(threads > 1 ? (threads - 2) / kWorkersPerGate + 1 : 1) {
    for (int g = 0; g < groups_; g++) {
      counters_[g].next.store(count * g / groups_, std::memory_order_relaxed);
      counters_[g].end = count * (g + 1) / groups_;
    }
  }

  // The next item of a thread, or -1.
  int64_t take(int thread) {
    const int own = thread > 0 ? (thread - 1) / kWorkersPerGate % groups_ : 0;
    for (int i = 0; i < groups_; i++) {
      Counter& c = counters_[own + i < groups_ ? own + i : own + i - groups_];
      if (c.next.load(std::memory_order_relaxed) >= c.end) continue;
      const int64_t item = c.next.fetch_add(1, std::memory_order_relaxed);
      if (item < c.end) return item;
    }
    return -1;
  }

 private:
  struct alignas(64) Counter {
    std::atomic<int64_t> next;
    int64_t end;
  };

  int groups_;
  Counter counters_[(kMaxThreads + kWorkersPerGate - 1) / kWorkersPerGate];
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
    Shares shares;
  } shared{&f, Shares(pool.threads(), count)};
  pool.run(
      [](void* argument, int thread) {
        auto& s = *static_cast<Shared*>(argument);
        for (int64_t i = s.shares.take(thread); i >= 0; i = s.shares.take(thread)) (*s.f)(i, thread);
      },
      &shared);
}

}  // namespace engine
