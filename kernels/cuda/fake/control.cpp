// What tests do to the driver: set it up, make it fail, count.
#include <cstring>

#include "engine_cuda_attention.h"
#include "engine_cuda_linear.h"
#include "engine_cuda_sample.h"
#include "fake.h"

using namespace fake;

// Forgets everything, leaks included, and starts over.
API void fake_cuda_reset(const Options* options) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  State& s = state();
  free_everything();
  s.streams.clear();
  s.events.clear();
  s.modules.clear();
  s.graphs.clear();
  s.execs.clear();
  s.contexts.clear();
  s.options = options ? *options : Options();
  s.initialized = false;
  s.lost = 0;
  s.lost_told = false;
  s.random = s.options.seed;
  s.fail_alloc = s.fail_launch = -1;
  s.fail_link = 0;
  s.fail_call = {};
  s.calls.clear();
  s.message.clear();
  s.counts = Counters();
  lt_reset();
  s.runs.clear();
}

// The n-th allocation from now (0 is the next one) fails.
API void fake_cuda_fail_alloc(int n, int code) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  state().fail_alloc = n;
  state().fail_alloc_code = code;
}

// The n-th kernel from now raises a sticky error when it runs.
API void fake_cuda_fail_launch(int n, int code) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  state().fail_launch = n;
  state().fail_launch_code = code;
}

// The n-th call from now of cuBLASLt's create (0), heuristic (1) or product (2) returns a status; all from it on if it
// stays.
API void fake_cuda_fail_cublaslt(int call, int n, int status, int stays) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  lt_fail(call, n, status, stays);
}

// The n-th call from now of a function (of any, if the name is empty) does nothing and returns a code; a final one is
// what every call returns from then on.
API void fake_cuda_fail_call(const char* function, int n, int code, int is_final) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  state().fail_call = {function, n, code, is_final != 0};
}

// Calls of a function so far.
API int64_t fake_cuda_calls(const char* function) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  int64_t count = 0;
  for (auto& call : state().calls) count += strcmp(call.first, function) == 0 ? call.second : 0;
  return count;
}

// The i-th function that has been called; false behind the last.
API int fake_cuda_called(int i, char* name, int bytes) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  for (auto& call : state().calls) {
    if (i-- > 0) continue;
    strncpy(name, call.first, (size_t)bytes - 1);
    name[bytes - 1] = 0;
    return 1;
  }
  return 0;
}

API void fake_cuda_fail_link(int fails) { state().fail_link = fails; }

API void fake_cuda_counters(Counters* out) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  *out = state().counts;
}

// How often kernels have run whose name begins so.
API int64_t fake_cuda_runs(const char* start) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  int64_t count = 0;
  for (auto& run : state().runs) count += run.first.compare(0, strlen(start), start) == 0 ? run.second : 0;
  return count;
}

// Memory that another process takes.
API void fake_cuda_use(int device, uint64_t bytes) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  state().used[(size_t)device] += bytes;
}

API void fake_cuda_message(char* out, int bytes) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  strncpy(out, state().message.c_str(), (size_t)bytes - 1);
  out[bytes - 1] = 0;
}

// Dynamic shared memory as the headers give it, for the test that compares the host's own numbers.
API int fake_cuda_shared_bytes(int what, int columns) {
  switch (what) {
    case 0: return EKC_LINEAR_ANY_SHARED;
    case 1: return EKC_LINEAR_TILED_SHARED;
    case 2: return EKC_ATTENTION_ANY_SHARED;
    case 3: return EKC_ATTENTION_TILED_SHARED(columns);
    case 4: return EKC_ATTENTION_SPLIT_SHARED(columns);
    case 5: return EKC_NORM_SHARED;
    case 6: return EKC_LINEAR_SKINNY_SHARED;
    case 7: return EKC_LINEAR_SKINNY_MAX_K;
    case 8: return EKC_ATTENTION_TILED8_SHARED(columns);
    case 9: return EKC_ATTENTION_SPLIT8_SHARED(columns);
    case 10: return EKC_ATTENTION_BULK_SHARED;
    case 11: return EKC_LINEAR_WGMMA_SHARED(columns);
    case 12: return EKC_ROUND_SHARED;
    case 13: return EKC_W8A8_MAX_K;
    case 14: return EKC_INPUT_GROUP;
    case 15: return EKC_ATTENTION_WGMMA_SHARED(columns);
    case 16: return EKC_CODES_TILED_SHARED;
    case 17: return EKC_CODES_SKINNY_SHARED(columns);
    default: return EKC_SAMPLE_SHARED;
  }
}
