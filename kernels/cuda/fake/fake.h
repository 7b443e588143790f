// A driver for tests: the functions of libcuda.so.1 that the CUDA backend calls, over host memory. It is stricter than
// the real one: device memory faults when the host touches it, copies and kernels run as late or as early as streams
// and events allow, and everything that is allocated is counted. Kernels come from the emulated registry.
#pragma once

#include <ctime>

#include <cstdlib>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;

enum {
  OK = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  INVALID_CONTEXT = 201,
  NO_BINARY_FOR_GPU = 209,
  ECC_UNCORRECTABLE = 214,
  INVALID_PTX = 218,
  UNSUPPORTED_PTX_VERSION = 222,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  NOT_READY = 600,
  ILLEGAL_ADDRESS = 700,
  LAUNCH_OUT_OF_RESOURCES = 701,
  LAUNCH_FAILED = 719,
  CAPTURE_UNSUPPORTED = 900,
  CAPTURE_INVALIDATED = 901,
};

namespace fake {

// When work that may wait is done.
enum Mode { kEager = 0, kLate = 1, kRandom = 2 };

struct Options {
  int devices = 1;
  int mode = kRandom;
  int major = 9, minor = 0;
  int driver_version = 12040;
  int sms = 4;
  int smem_optin = 232448;
  uint64_t memory = 1ull << 30;
  uint64_t seed = 1;
  int guard_host = 1;
  // Kernels run on the emulator instead of in their plain form.
  int emulates = getenv("ENGINE_CUDA_FAKE_EMULATES") != nullptr;
  // Kernels do nothing, and the sampler chooses token 0: for the host's own time.
  int skips = 0;
};

struct Context {
  int device;
  int retained = 0;
};

struct Allocation {
  uint64_t mapping, mapping_bytes;  // what mmap gave, guard pages included
  uint64_t address, bytes;          // what the caller has
  int device;
  bool managed = false;
};

struct Function {
  std::string name;
  size_t arg_bytes = 0;
  void* entry = nullptr;
  int smem_max = 49152;
  bool waits = false;  // its code has griddepcontrol.wait
};

struct Module {
  int device;
  std::map<std::string, std::unique_ptr<Function>> functions;
};

struct Event {
  int device;
  uint64_t issued = 0, done = 0;
};

enum Kind { kKernel, kProduct, kToDevice, kToHost, kOnDevice, kFill, kRecord, kWait };

struct Op {
  explicit Op(Kind k) : kind(k) {}
  Kind kind;
  int device = 0;
  uint64_t target = 0, source = 0, bytes = 0;
  int value = 0;
  bool pageable = false;
  std::vector<char> data;  // kernel arguments, or pageable source bytes as they were at the call
  Function* function = nullptr;
  unsigned grid[3] = {1, 1, 1}, block[3] = {1, 1, 1}, cluster = 1, smem = 0;
  bool dependent = false;  // may begin before the kernels in front of it have ended
  std::shared_ptr<Event> event;
  uint64_t version = 0;
};

struct Graph {
  int device;
  std::vector<Op> ops;
};

struct Stream {
  int device;
  std::deque<Op> queue;
  bool capturing = false, invalidated = false;
  Graph captured;
};

struct Counters {
  int64_t live_device, live_device_bytes, live_host, live_host_bytes, streams, events, modules, graphs, graph_execs,
      links, contexts, launches, graph_launches, to_device, to_host, calls_after_lost, pageable_copies, jit_links,
      synchronizes, guarded, bytes_to_host, calls, nanoseconds, dependents,
      lt_objects, products;
};

struct State {
  std::recursive_mutex lock;
  Options options;
  bool initialized = false;
  int lost = 0;           // the sticky error
  bool lost_told = false;  // a call has returned it
  uint64_t random = 1;
  int fail_alloc = -1, fail_alloc_code = OUT_OF_MEMORY;
  int fail_launch = -1, fail_launch_code = ILLEGAL_ADDRESS;
  int fail_link = 0;
  struct {
    std::string function;  // empty is any
    int after = -1, code = 0;
    bool is_final = false;
  } fail_call;
  std::map<const char*, int64_t> calls;  // of each function
  std::string message;  // of the last refusal, for tests
  std::vector<std::unique_ptr<Context>> contexts;
  std::vector<uint64_t> used;
  std::map<uint64_t, Allocation> device_memory;
  std::map<uint64_t, uint64_t> host_memory;
  std::vector<std::shared_ptr<Stream>> streams;
  std::vector<std::shared_ptr<Event>> events;
  std::vector<std::unique_ptr<Module>> modules;
  std::vector<std::shared_ptr<Graph>> graphs, execs;
  std::vector<void*> links;
  Counters counts{};
  std::map<std::string, int64_t> runs;  // of each kernel
};

State& state();

// Counts a call and the time in it.
struct Call {
  timespec begin;
  Call() { clock_gettime(CLOCK_MONOTONIC, &begin); }
  ~Call() {
    timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    state().counts.calls++;
    state().counts.nanoseconds += (end.tv_sec - begin.tv_sec) * 1000000000ll + end.tv_nsec - begin.tv_nsec;
  }
};

uint64_t next_random();

// Ends a call: a sticky error, once raised, is what every call returns.
CUresult leave(CUresult result, const char* called = "a call");
CUresult refuse(CUresult result, const std::string& why);
void lose(int code, const std::string& why);

// The calling thread's device, or -1.
int current_device();

const Allocation* find_device(uint64_t address, uint64_t bytes, int device);
bool is_pinned(const void* address, uint64_t bytes);
void protect_all(bool open);
void check_red_zones(const char* kernel);
void free_everything();

Stream* stream_of(void* handle);
CUresult submit(Stream* stream, Op op);
void maybe_run();
void run_until_empty(Stream* stream);
void run_all();
void run_kernel(Op& op);
void run_product(Op& op);

// What a test has asked of a call: 0, or the code that it is to return.
CUresult asked_to_fail(const char* function);

// cuBLASLt: a product that was launched, everything forgotten, and the calls that tests may make fail.
enum { kLtCreate = 0, kLtHeuristic = 1, kLtMatmul = 2 };
void lt_run(const Op& op);
void lt_reset();
void lt_fail(int call, int after, int status, int stays);

bool anything_captures();

}  // namespace fake

#define ENTER                                                     \
  std::lock_guard<std::recursive_mutex> guard_(fake::state().lock); \
  fake::Call call_;                                               \
  fake::State& s = fake::state();                                 \
  if (s.lost) return fake::leave(0, __func__);                    \
  if (!s.initialized) return NOT_INITIALIZED;                     \
  if (CUresult fault_ = fake::asked_to_fail(__func__)) return fault_; \
  (void)s

#define ENTER_CONTEXT                                \
  ENTER;                                             \
  int device = fake::current_device();               \
  if (device < 0) return fake::refuse(INVALID_CONTEXT, "no context is current"); \
  (void)device
