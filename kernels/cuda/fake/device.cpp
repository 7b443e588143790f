// Devices, contexts, errors.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fake.h"

namespace fake {

State& state() {
  static State* instance = new State;  // never destroyed: a process may end while work is pending
  return *instance;
}

uint64_t next_random() {
  uint64_t& x = state().random;
  x += 0x9e3779b97f4a7c15ull;
  uint64_t z = x;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

CUresult leave(CUresult result, const char* called) {
  State& s = state();
  if (!s.lost) return result;
  if (s.lost_told) {
    s.counts.calls_after_lost++;
    s.message += std::string("; then ") + called;
  }
  s.lost_told = true;
  return s.lost;
}

CUresult refuse(CUresult result, const std::string& why) {
  state().message = why;
  if (getenv("FAKE_CUDA_VERBOSE")) fprintf(stderr, "fake libcuda: %d: %s\n", result, why.c_str());
  return result;
}

void lose(int code, const std::string& why) {
  State& s = state();
  if (s.lost) return;
  refuse(code, why);
  s.lost = code;
}

CUresult asked_to_fail(const char* function) {
  State& s = state();
  s.calls[function]++;
  auto& fault = s.fail_call;
  if (fault.after < 0 || (!fault.function.empty() && fault.function != function) || fault.after-- > 0) return OK;
  refuse(fault.code, std::string("injected into ") + function);
  // Whatever it returns, a capture is over then.
  if (std::string(function) == "cuStreamEndCapture") {
    for (auto& stream : s.streams) stream->capturing = false;
  }
  if (fault.is_final) {
    s.lost = fault.code;
    s.lost_told = true;
  }
  return fault.code;
}

static thread_local Context* current;

int current_device() {
  for (auto& c : state().contexts) {
    if (c.get() == current && c->retained > 0) return c->device;
  }
  return -1;
}

}  // namespace fake

using namespace fake;

static const struct {
  int code;
  const char *name, *text;
} kErrors[] = {
    {OK, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {ECC_UNCORRECTABLE, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
    {INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
     "the provided PTX was compiled with an unsupported toolchain"},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {CAPTURE_INVALIDATED, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
};

API CUresult cuGetErrorName(CUresult code, const char** out) {
  for (auto& e : kErrors) {
    if (e.code == code) {
      *out = e.name;
      return OK;
    }
  }
  *out = nullptr;
  return INVALID_VALUE;
}

API CUresult cuGetErrorString(CUresult code, const char** out) {
  for (auto& e : kErrors) {
    if (e.code == code) {
      *out = e.text;
      return OK;
    }
  }
  *out = nullptr;
  return INVALID_VALUE;
}

API CUresult cuInit(unsigned flags) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  State& s = state();
  if (flags) return INVALID_VALUE;
  if (s.lost) return leave(0);
  if (CUresult fault = fake::asked_to_fail(__func__)) return fault;
  if (s.options.devices == 0) return NO_DEVICE;
  if (!s.initialized) {
    s.used.assign(s.options.devices, 0);
    for (int i = 0; i < s.options.devices; i++) s.contexts.emplace_back(new Context{i});
  }
  s.initialized = true;
  return OK;
}

API CUresult cuDriverGetVersion(int* out) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  if (state().lost) return leave(0);
  if (CUresult fault = fake::asked_to_fail(__func__)) return fault;
  *out = state().options.driver_version;
  return OK;
}

API CUresult cuDeviceGetCount(int* out) {
  ENTER;
  *out = s.options.devices;
  return OK;
}

API CUresult cuDeviceGet(CUdevice* out, int ordinal) {
  ENTER;
  if (ordinal < 0 || ordinal >= s.options.devices) return INVALID_DEVICE;
  *out = ordinal;
  return OK;
}

API CUresult cuDeviceGetName(char* name, int length, CUdevice d) {
  ENTER;
  if (d < 0 || d >= s.options.devices) return INVALID_DEVICE;
  snprintf(name, (size_t)length, "Fake GPU %d", d);
  return OK;
}

API CUresult cuDeviceTotalMem_v2(size_t* out, CUdevice d) {
  ENTER;
  if (d < 0 || d >= s.options.devices) return INVALID_DEVICE;
  *out = s.options.memory;
  return OK;
}

API CUresult cuDeviceGetAttribute(int* out, int attribute, CUdevice d) {
  ENTER;
  if (d < 0 || d >= s.options.devices) return INVALID_DEVICE;
  switch (attribute) {
    case 8: *out = 49152; return OK;
    case 12: *out = 65536; return OK;
    case 13: *out = 1000000; return OK;
    case 16: *out = s.options.sms; return OK;
    case 36: *out = 1000000; return OK;
    case 38: *out = 50 << 20; return OK;
    case 39: *out = 2048; return OK;
    case 75: *out = s.options.major; return OK;
    case 76: *out = s.options.minor; return OK;
    case 81: *out = s.options.smem_optin + 1024; return OK;
    case 95: *out = 1; return OK;
    case 97: *out = s.options.smem_optin; return OK;
    case 111: *out = 1024; return OK;
    case 120: *out = s.options.major >= 9; return OK;
    case 127: *out = s.options.major >= 9; return OK;
    default: return refuse(INVALID_VALUE, "attribute " + std::to_string(attribute));
  }
}

API CUresult cuDevicePrimaryCtxRetain(void** out, CUdevice d) {
  ENTER;
  if (d < 0 || d >= s.options.devices) return INVALID_DEVICE;
  if (s.contexts[d]->retained++ == 0) s.counts.contexts++;
  *out = s.contexts[d].get();
  return OK;
}

API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice d) {
  ENTER;
  if (d < 0 || d >= s.options.devices) return INVALID_DEVICE;
  if (s.contexts[d]->retained == 0) return INVALID_CONTEXT;
  run_all();
  if (s.lost) return leave(0);
  if (--s.contexts[d]->retained == 0) s.counts.contexts--;
  return OK;
}

API CUresult cuCtxSetCurrent(void* context) {
  ENTER;
  for (auto& c : s.contexts) {
    if (c.get() == context) {
      fake::current = c.get();
      return OK;
    }
  }
  if (context) return INVALID_CONTEXT;
  fake::current = nullptr;
  return OK;
}

API CUresult cuCtxGetCurrent(void** out) {
  ENTER;
  *out = fake::current;
  return OK;
}

API CUresult cuCtxSynchronize() {
  ENTER_CONTEXT;
  s.counts.synchronizes++;
  if (anything_captures()) return refuse(CAPTURE_UNSUPPORTED, "cuCtxSynchronize during capture");
  run_all();
  return leave(OK);
}
