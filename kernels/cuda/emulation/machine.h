// The emulated machine: one fiber per thread, blocks (or clusters of them) one after another in a seeded order.
//
// What it holds kernels to, beyond computing: shared memory and copy destinations are poisoned; warps and lanes run in
// shuffled order; asynchronous work happens as late, as early, or as randomly as the rules allow; every access is
// checked for range and alignment; a collective that not all lanes reach, a barrier that never fills, a copy that
// nobody waited for, and bytes that do not add up end the launch with a message.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <vector>

namespace emu {

typedef std::function<void()> Action;

// Where the lanes of a warp meet: the last to arrive does the work for all.
struct Meeting {
  int arrived = 0;
  uint64_t generation = 0;
  const char* operation = nullptr;
  void* slot[32];
  uint64_t value[32];
  uint64_t result[32];
};

// What a lane brings to a wgmma; sums are 32 bits of whatever they are.
struct ProductOperands {
  uint32_t* d;
  uint64_t a, b;  // descriptors
  bool adds;      // to d; else d is overwritten
  const uint32_t* rows = nullptr;  // in place of a: a lane's registers of 16 rows; the columns of b are contiguous then
};

// Numbers of a wgmma: 32 bytes of an operand's k as floats, and the products of two such rows added to a sum.
struct ProductKind {
  void (*decode)(float* out, const uint8_t* bytes, bool is_b);
  void (*add)(uint32_t& sum, bool adds, const float* a, const float* b);
};

// A warp's part of one wgmma that was issued: 16 rows of the result.
struct Product {
  uint64_t a, b;
  int n, row;
  bool adds, done;
  size_t accumulator;
  ProductKind kind;
  std::vector<uint16_t> rows = {};  // [16][16], if they came in registers
};

// Registers that products in flight write: the lanes' own are poisoned meanwhile.
struct Accumulator {
  uint32_t* lanes[32];
  int pending = 0;               // products issued, not waited for
  std::vector<uint32_t> values;  // [16 rows][n]
};

struct WarpProducts {
  bool fenced = false;
  std::vector<Product> open;                 // issued since the last commit
  std::vector<std::vector<Product>> groups;  // committed, not waited for
  std::map<size_t, Accumulator> accumulators;
  size_t next_accumulator = 0;
  size_t issued = 0;                         // instructions of the warpgroup so far
};

struct Warp {
  Meeting meeting;
  WarpProducts products;
  int registers = 0;  // of a thread
};

struct Barrier {
  int arrived = 0;
  int expected = 0;
  uint64_t generation = 0;
};

struct MemoryBarrier {
  uint32_t count = 0;
  uint32_t pending = 0;
  int64_t bytes = 0;
  uint32_t phase = 0;
  uint32_t rank = 0;           // of its block
  uint32_t warps = 0;          // of that block that have arrived in this phase
  uint32_t done_warps = 0;     // in the phase before, and when that ended
  uint32_t done_clock = 0;
};

// Who touched four bytes of shared memory last, and how many barriers it had passed. Two accesses of different threads,
// one of them a write, must have a barrier between them, or an mbarrier at which the one's warp arrived and for which
// the other waited.
struct Cell {
  uint32_t write_block_epoch, write_warp_epoch;
  uint32_t read_block_epoch, read_warp_epoch;
  uint16_t writer, reader;  // threads, or one of the values below
  uint32_t write_clock;     // when a thread wrote it: copies and wgmma see that only after its fence
  uint32_t read_clock;      // of the last read, and the warps that have read
  uint32_t readers;
};
constexpr uint16_t Nobody = 0xffff;      // or an asynchronous copy that an mbarrier announces
constexpr uint16_t SeveralWarps = 0xfffe;
constexpr uint16_t WarpMarker = 0x8000;  // + warp: several of its lanes
constexpr uint32_t Unfinished = 0xffffffff;

enum class Access { Read, Write, None };

struct Block {
  std::vector<Cell> cells;
  uint8_t* shared = nullptr;
  uint32_t rank = 0;  // in its cluster
  uint32_t index[3];
  int alive = 0;
  Barrier barriers[16];
  std::vector<Warp> warps;
  std::map<uint32_t, MemoryBarrier> memory_barriers;
  int products_in_flight = 0;
  std::vector<std::vector<uint64_t>> warpgroups;  // the sequence of instructions that a warpgroup's warps share
  int free_registers = 0;                         // given back by setmaxnreg
};

struct Thread {
  void* stack_pointer;
  Block* block;
  Warp* warp;
  int index;
  int lane;
  bool done;
  bool waited;  // for the launches in front of this one
  uint32_t block_epoch;  // barriers passed
  uint32_t warp_epoch;
  uint32_t seen[32];                              // by warp: what it did until then is ordered by an mbarrier
  uint32_t async_fence;                           // the clock at its last fence.proxy.async
  std::vector<Action> copies;                     // cp.async since the last commit
  std::vector<std::vector<Action>> copy_groups;   // committed, not waited for
  std::vector<Action> stores;                     // bulk stores since the last commit
  std::vector<std::vector<Action>> store_groups;
};

struct Machine {
  Thread* thread = nullptr;   // the one that runs
  void* scheduler = nullptr;  // its stack pointer
  std::vector<Block*> cluster;
  std::vector<Action> pending;  // bulk copies in flight
  Barrier cluster_barrier;
  int cluster_alive = 0;
  uint32_t grid[3], block_threads, shared_bytes;
  int registers = 0;
  int asynchrony = 0;
  int dependence = 0;  // EK_EMU_AFTER_ALL and on
  uint64_t progress = 0;
  uint32_t clock = 0;  // counts accesses to shared memory, fences and phases of mbarriers
  uint64_t random = 1;
  bool finishes_copy = false;  // the scheduler runs, not a thread
  bool failed = false;
  char message[512];
};

extern Machine machine;

constexpr uint32_t SharedBase = 1024;  // shared addresses start here, so that 0 is invalid

[[noreturn]] void fail(const char* what, const char* detail = "");
void yield();
uint32_t random_bits();

// Address on this machine of `bytes` bytes of shared memory at a 32-bit shared address; checks range and alignment, and
// that the access does not race with another thread's.
uint8_t* shared_at(uint32_t address, uint32_t bytes, uint32_t alignment, Access access);

// The same for a read on behalf of another lane of the warp.
uint8_t* shared_at_lane(uint32_t address, uint32_t bytes, int lane);

// Marks 16 bytes as being written by an unfinished copy of this thread, and as finished.
void begin_copy(uint32_t address);
void end_copy(uint32_t address);

// The same for a bulk copy: finished, it belongs to nobody, for an mbarrier tells everyone.
void begin_bulk_copy(uint32_t address, uint32_t bytes);
void end_bulk_copy(uint32_t address, uint32_t bytes);

// A read by wgmma on behalf of the running warp: what threads wrote must have been fenced and a barrier passed.
const uint8_t* shared_at_async(uint32_t address, uint32_t bytes);

// ---- sm_90a, hopper.cpp

// What cuTensorMapEncodeTiled makes here: tensors of two dimensions.
struct TensorMap {
  uint64_t magic, base, columns, rows, stride;  // sizes in elements, stride in bytes
  uint32_t element_bytes, box_columns, box_rows, swizzle;
};
const TensorMap& tensor_map(uint64_t address);
void tensor_copy(uint32_t to, const TensorMap& map, int column, int row, uint32_t barrier);
void change_registers(int count, bool raises);
void product_fence();
void product(Meeting& meeting, int n, const ProductKind& kind);
void product_commit();
void product_wait(int left);
// Ends the launch if a product in flight may still read what is about to be written.
void check_products(const Block& block, uint32_t address, uint32_t bytes);
void check_products_at_end(const Warp& warp);

// Range, alignment, and that a thread that has not waited for the launches in front writes nothing and reads only what
// they do not write.
void check_global(const void* p, uint64_t bytes, uint32_t alignment, Access access = Access::Read);

// True if asynchronous work that is issued now should be done at once.
bool do_it_now();

void block_barrier(int id, int threads);
void cluster_sync_all();
void init_barrier(uint32_t address, uint32_t arrivals);
MemoryBarrier& memory_barrier(uint32_t address);
void check_phase(MemoryBarrier& b);
void arrive(MemoryBarrier& b);
void waited(const MemoryBarrier& b);
void complete_bytes(uint32_t barrier, uint32_t bytes);

// All 32 lanes meet; the last one calls work(meeting), which fills `result`; returns this lane's result.
template <class F>
uint64_t meet(const char* operation, void* slot, uint64_t value, F work) {
  Meeting& m = machine.thread->warp->meeting;
  const int lane = machine.thread->lane;
  if (m.operation != nullptr && strcmp(m.operation, operation) != 0) fail("lanes of a warp diverge at", operation);
  m.operation = operation;
  m.slot[lane] = slot;
  m.value[lane] = value;
  if (++m.arrived == 32) {
    work(m);
    m.arrived = 0;
    m.operation = nullptr;
    m.generation++;
    machine.progress++;
  } else {
    const uint64_t generation = m.generation;
    while (m.generation == generation) yield();
  }
  return m.result[lane];
}

typedef void (*KernelFunction)(const void* params);

// A kernel adds itself to the list when its object file is loaded.
struct Registered {
  const char* name;
  KernelFunction function;
  int32_t param_bytes;
  int32_t max_threads;
  int32_t registers;  // of a thread at launch, if it takes all that its bounds allow
  Registered* next;
  Registered(
      const char* name, KernelFunction function, int32_t param_bytes, int32_t max_threads, int32_t blocks);
};

}  // namespace emu
