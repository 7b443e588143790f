// Modules: PTX is read for its version, target and entries; the code of an entry is the emulated kernel of that name.
#include <cstring>

#include "engine_cuda_emulation.h"
#include "fake.h"
#include "registry.h"

namespace fake {

struct Ptx {
  int version = 0, target = 0;
  bool accelerated = false;  // sm_90a
  std::map<std::string, size_t> entries;
  std::map<std::string, bool> waits;
};

static const char kCubin[] = "\x7f" "FAKECUBIN";

static int number(const char*& p) {
  int v = 0;
  while (*p >= '0' && *p <= '9') v = v * 10 + (*p++ - '0');
  return v;
}

static bool parse(const std::string& text, Ptx& ptx, std::string& log) {
  size_t at = text.find(".version ");
  if (at == std::string::npos) return log = "no .version directive", false;
  const char* p = text.c_str() + at + 9;
  int major = number(p);
  ptx.version = major * 10;
  if (*p == '.') ptx.version += number(++p);
  at = text.find(".target sm_");
  if (at == std::string::npos) return log = "no .target directive", false;
  p = text.c_str() + at + 11;
  ptx.target = number(p);
  ptx.accelerated = *p == 'a';
  for (at = 0; (at = text.find(".entry ", at)) != std::string::npos;) {
    at += 7;
    size_t end = text.find_first_of("( \n\r\t", at);
    if (end == std::string::npos) return log = "an .entry without an end", false;
    std::string name = text.substr(at, end - at);
    size_t close = text.find(')', end), size = text.find(name + "_param_0[", end), bytes = 0;
    if (size != std::string::npos && size < close) {
      p = text.c_str() + size + name.size() + 9;
      bytes = (size_t)number(p);
    }
    ptx.entries[name] = bytes;
    size_t wait = text.find("griddepcontrol.wait;", end);
    ptx.waits[name] = wait != std::string::npos && wait < text.find(".entry ", end);
  }
  return true;
}

// Would this device and driver take it?
static CUresult admit(const Ptx& ptx, std::string& log) {
  Options& o = state().options;
  int capability = o.major * 10 + o.minor;
  // 12.4 takes PTX 8.4; 12.0 takes 8.0.
  int newest = (o.driver_version / 1000 - 4) * 10 + o.driver_version % 1000 / 10;
  if (ptx.version > newest) {
    log = "PTX version " + std::to_string(ptx.version) + " is above " + std::to_string(newest);
    return UNSUPPORTED_PTX_VERSION;
  }
  if (ptx.target > capability || (ptx.accelerated && ptx.target != capability)) {
    log = "target sm_" + std::to_string(ptx.target) + " does not run on " + std::to_string(capability);
    return NO_BINARY_FOR_GPU;
  }
  return OK;
}

static CUresult open_image(const std::string& image, Ptx& ptx, std::string& log) {
  std::string text = image;
  size_t head = sizeof kCubin - 1;
  if (image.compare(0, head, kCubin, head) == 0) {
    int capability = image[head] * 10 + image[head + 1];
    if (capability != state().options.major * 10 + state().options.minor) return NO_BINARY_FOR_GPU;
    text = image.substr(head + 2);
    return parse(text, ptx, log) ? OK : INVALID_IMAGE;
  }
  if (!parse(text, ptx, log)) return INVALID_PTX;
  return admit(ptx, log);
}

struct Link {
  int device;
  char* errors = nullptr;
  size_t errors_bytes = 0;
  std::string image;
};

static std::vector<std::unique_ptr<Link>>& links() {
  static auto* all = new std::vector<std::unique_ptr<Link>>;
  return *all;
}

static void tell(char* buffer, size_t bytes, const std::string& text) {
  if (!buffer || bytes == 0) return;
  size_t n = text.size() < bytes - 1 ? text.size() : bytes - 1;
  memcpy(buffer, text.data(), n);
  buffer[n] = 0;
}

static Function* function_of(void* handle) {
  for (auto& m : state().modules) {
    for (auto& [_, f] : m->functions) {
      if (f.get() == handle) return f.get();
    }
  }
  return nullptr;
}

}  // namespace fake

using namespace fake;

API CUresult cuModuleLoadDataEx(void** out, const void* image, unsigned n, const int* options, void* const* values) {
  ENTER_CONTEXT;
  char* buffer = nullptr;
  size_t bytes = 0;
  for (unsigned i = 0; i < n; i++) {
    if (options[i] == 5) buffer = (char*)values[i];
    if (options[i] == 6) bytes = (size_t)values[i];
  }
  if (s.fail_alloc >= 0 && s.fail_alloc-- == 0) return refuse(s.fail_alloc_code, "injected");
  std::string text, log;
  const char* p = (const char*)image;
  size_t head = sizeof kCubin - 1;
  text = memcmp(p, kCubin, head) == 0 ? std::string(p, head + 2) + (p + head + 2) : std::string(p);
  Ptx ptx;
  CUresult r = open_image(text, ptx, log);
  if (r != OK) return tell(buffer, bytes, log), refuse(r, log);
  auto module = std::make_unique<Module>();
  module->device = device;
  for (auto& [name, size] : ptx.entries) {
    auto f = std::make_unique<Function>();
    f->name = name;
    f->arg_bytes = size;
    f->waits = ptx.waits[name];
    f->entry = registry_find(name.c_str());
    if (!f->entry) return refuse(NOT_FOUND, "no emulated kernel is called " + name);
    if (size != registry_bytes(f->entry)) return refuse(INVALID_IMAGE, name + ": arguments of another size");
    module->functions[name] = std::move(f);
  }
  *out = module.get();
  s.modules.push_back(std::move(module));
  s.counts.modules++;
  return OK;
}

API CUresult cuModuleUnload(void* handle) {
  ENTER_CONTEXT;
  for (size_t i = 0; i < s.modules.size(); i++) {
    if (s.modules[i].get() != handle) continue;
    run_all();
    s.modules.erase(s.modules.begin() + (long)i);
    s.counts.modules--;
    return leave(OK);
  }
  return INVALID_HANDLE;
}

API CUresult cuModuleGetFunction(void** out, void* handle, const char* name) {
  ENTER_CONTEXT;
  for (auto& m : s.modules) {
    if (m.get() != handle) continue;
    auto it = m->functions.find(name);
    if (it == m->functions.end()) return refuse(NOT_FOUND, std::string("no entry ") + name);
    *out = it->second.get();
    return OK;
  }
  return INVALID_HANDLE;
}

API CUresult cuFuncSetAttribute(void* handle, int attribute, int value) {
  ENTER_CONTEXT;
  Function* f = function_of(handle);
  if (!f) return INVALID_HANDLE;
  if (attribute != 8) return refuse(INVALID_VALUE, "function attribute");
  if (value < 0 || value > s.options.smem_optin)
    return refuse(INVALID_VALUE, "more shared memory than a block may have");
  f->smem_max = value > 49152 ? value : 49152;
  return OK;
}

API CUresult cuFuncGetAttribute(int* out, int attribute, void* handle) {
  ENTER_CONTEXT;
  if (!function_of(handle)) return INVALID_HANDLE;
  *out = attribute == 0 ? 1024 : attribute == 4 ? 64 : 0;
  return OK;
}

API CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* out, void* handle, int, size_t) {
  ENTER_CONTEXT;
  if (!function_of(handle)) return INVALID_HANDLE;
  *out = 2;
  return OK;
}

struct LaunchAttribute {
  int id, pad;
  unsigned value[16];
};

struct LaunchConfig {
  unsigned grid[3], block[3], smem;
  void* stream;
  LaunchAttribute* attributes;
  unsigned count;
};

static_assert(sizeof(LaunchAttribute) == 72 && sizeof(LaunchConfig) == 56, "as in cuda.h");

API CUresult cuLaunchKernelEx(const LaunchConfig* c, void* handle, void** arguments, void** extra) {
  ENTER_CONTEXT;
  Function* f = function_of(handle);
  if (!f) return refuse(INVALID_HANDLE, "no such function");
  if (extra) return refuse(INVALID_VALUE, "extra is not used here");
  Op op(kKernel);
  op.function = f;
  uint64_t threads = 1;
  for (int i = 0; i < 3; i++) {
    if (c->grid[i] == 0 || c->block[i] == 0) return refuse(INVALID_VALUE, f->name + ": an empty grid or block");
    if (i > 0 && c->grid[i] > 65535) return refuse(INVALID_VALUE, f->name + ": the grid is too large");
    op.grid[i] = c->grid[i];
    op.block[i] = c->block[i];
    threads *= c->block[i];
  }
  if (c->grid[0] > 0x7fffffffu || threads > 1024) return refuse(INVALID_VALUE, f->name + ": too large");
  if ((int)c->smem > f->smem_max) return refuse(INVALID_VALUE, f->name + ": more shared memory than was allowed");
  Stream* stream = stream_of(c->stream);
  for (unsigned i = 0; i < c->count; i++) {
    if (c->attributes[i].id == 4) op.cluster = c->attributes[i].value[0];
    else if (c->attributes[i].id == 6) op.dependent = c->attributes[i].value[0] != 0;
    else return refuse(INVALID_VALUE, f->name + ": launch attribute");
  }
  if (op.dependent) {
    // A kernel that never waits would run into the one in front of it, and so would all behind it.
    if (s.options.major < 9) return refuse(INVALID_VALUE, f->name + ": a dependent launch needs sm_90");
    if (!f->waits) return refuse(INVALID_VALUE, f->name + ": a dependent launch of code that never waits");
    if (stream && stream->capturing && s.options.driver_version < 12030)
      return refuse(INVALID_VALUE, f->name + ": graphs have dependent launches from CUDA 12.3 on");
    s.counts.dependents++;
  }
  if (op.cluster > 1 && (s.options.major < 9 || op.grid[0] % op.cluster)) return refuse(INVALID_VALUE, "cluster");
  op.smem = c->smem;
  op.data.assign((const char*)arguments[0], (const char*)arguments[0] + f->arg_bytes);
  s.counts.launches++;
  return submit(stream, std::move(op));
}

// Rows of one type, boxes without gaps; the map is the emulated machine's.
API CUresult cuTensorMapEncodeTiled(
    void* map, int type, unsigned rank, void* address, const uint64_t* dims, const uint64_t* strides,
    const uint32_t* box, const uint32_t* element_strides, int interleave, int swizzle, int promotion, int fill) {
  ENTER_CONTEXT;
  const int u8 = 0, f16 = 6, bf16 = 9;
  if (type != u8 && type != f16 && type != bf16) return refuse(INVALID_VALUE, "element type of a tensor map");
  const int bytes = type == u8 ? 1 : 2;
  if (rank != 2 || element_strides[0] != 1 || element_strides[1] != 1 || interleave != 0 || fill != 0) {
    return refuse(INVALID_VALUE, "a tensor map of a kind that the fake has not");
  }
  if (promotion < 0 || promotion > 3) return refuse(INVALID_VALUE, "L2 promotion of a tensor map");
  if (ek_emu_encode_tensor_map(map, bytes, address, dims, strides[0], box, swizzle) != 0) {
    return refuse(INVALID_VALUE, "a tensor map that breaks the rules");
  }
  const uint64_t extent = (dims[1] - 1) * strides[0] + dims[0] * (uint64_t)bytes;
  if (!find_device((uint64_t)address, extent, device)) return refuse(INVALID_VALUE, "a tensor map of other memory");
  return OK;
}

API CUresult cuLinkCreate_v2(unsigned n, const int* options, void** values, void** out) {
  ENTER_CONTEXT;
  auto link = std::make_unique<Link>();
  link->device = device;
  for (unsigned i = 0; i < n; i++) {
    if (options[i] == 5) link->errors = (char*)values[i];
    if (options[i] == 6) link->errors_bytes = (size_t)values[i];
  }
  *out = link.get();
  links().push_back(std::move(link));
  s.counts.links++;
  return OK;
}

static Link* link_of(void* handle) {
  for (auto& l : links()) {
    if (l.get() == handle) return l.get();
  }
  return nullptr;
}

API CUresult cuLinkAddData_v2(void* handle, int type, void* data, size_t bytes, const char* name, unsigned, const int*,
                              void**) {
  ENTER_CONTEXT;
  Link* link = link_of(handle);
  if (!link) return INVALID_HANDLE;
  if (type != 1) return refuse(INVALID_VALUE, "only PTX is linked here");
  if (bytes == 0 || ((const char*)data)[bytes - 1] != 0) return refuse(INVALID_IMAGE, "PTX ends with a zero byte");
  std::string text((const char*)data), log;
  Ptx ptx;
  CUresult r = s.fail_link ? INVALID_PTX : open_image(text, ptx, log);
  if (s.fail_link) log = "ptxas fatal: injected";
  if (r != OK) return tell(link->errors, link->errors_bytes, std::string(name) + ": " + log), refuse(r, log);
  int capability = s.options.major;
  link->image = std::string(kCubin, sizeof kCubin - 1) + (char)capability + (char)s.options.minor + text;
  return OK;
}

API CUresult cuLinkComplete(void* handle, void** out, size_t* bytes) {
  ENTER_CONTEXT;
  Link* link = link_of(handle);
  if (!link) return INVALID_HANDLE;
  s.counts.jit_links++;
  *out = (void*)link->image.c_str();
  *bytes = link->image.size() + 1;
  return OK;
}

API CUresult cuLinkDestroy(void* handle) {
  ENTER_CONTEXT;
  for (size_t i = 0; i < links().size(); i++) {
    if (links()[i].get() != handle) continue;
    links().erase(links().begin() + (long)i);
    s.counts.links--;
    return OK;
  }
  return INVALID_HANDLE;
}
