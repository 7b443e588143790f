// The kernel tests' machine is a GPU: memory that host and GPU both see, and the driver's launches. It needs nothing
// but libcuda.so.1 (or ENGINE_CUDA_LIB) and a folder of PTX, its first argument.
#include "harness.h"

#include <dirent.h>
#include <dlfcn.h>

#include <fstream>
#include <map>
#include <sstream>

namespace {

struct LaunchConfig {
  unsigned grid[3], block[3], shared;
  void* stream;
  void* attributes;
  unsigned num_attributes;
};

struct LaunchAttribute {
  int id, padding;
  unsigned value[16];
};

struct Driver {
  int (*init)(unsigned);
  int (*device_get)(int*, int);
  int (*device_name)(char*, int, int);
  int (*device_attribute)(int*, int, int);
  int (*retain)(void**, int);
  int (*set_current)(void*);
  int (*allocate_managed)(uint64_t*, size_t, unsigned);
  int (*free)(uint64_t);
  int (*stream_create)(void**, unsigned, int);
  int (*synchronize)(void*);
  int (*load)(void**, const void*, unsigned, const int*, void* const*);
  int (*get_function)(void**, void*, const char*);
  int (*set_attribute)(void*, int, int);
  int (*launch)(const LaunchConfig*, void*, void**, void**);
  int (*error_string)(int, const char**);
  int (*encode_map)(
      void*, int, unsigned, void*, const uint64_t*, const uint64_t*, const uint32_t*, const uint32_t*, int, int, int,
      int);
} driver;

void* stream;
std::map<std::string, std::string> homes;  // file of a kernel
std::map<std::string, void*> modules, functions;

template <class F>
bool find(void* library, F& function, const char* name) {
  function = (F)dlsym(library, name);
  if (function == nullptr) fprintf(stderr, "the driver has no %s\n", name);
  return function != nullptr;
}

bool find_all(void* l) {
  return find(l, driver.init, "cuInit") && find(l, driver.device_get, "cuDeviceGet") &&
         find(l, driver.device_name, "cuDeviceGetName") && find(l, driver.device_attribute, "cuDeviceGetAttribute") &&
         find(l, driver.retain, "cuDevicePrimaryCtxRetain") && find(l, driver.set_current, "cuCtxSetCurrent") &&
         find(l, driver.allocate_managed, "cuMemAllocManaged") && find(l, driver.free, "cuMemFree_v2") &&
         find(l, driver.stream_create, "cuStreamCreateWithPriority") &&
         find(l, driver.synchronize, "cuStreamSynchronize") && find(l, driver.load, "cuModuleLoadDataEx") &&
         find(l, driver.get_function, "cuModuleGetFunction") && find(l, driver.set_attribute, "cuFuncSetAttribute") &&
         find(l, driver.launch, "cuLaunchKernelEx") && find(l, driver.error_string, "cuGetErrorString") &&
         find(l, driver.encode_map, "cuTensorMapEncodeTiled");
}

bool good(int result, const std::string& what) {
  if (result == 0) return true;
  const char* text = "?";
  driver.error_string(result, &text);
  report(what + ": " + text);
  return false;
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Kernels of one target; those of a better one are there already.
void list_kernels(const std::string& folder, const std::string& target) {
  DIR* directory = opendir(folder.c_str());
  if (directory == nullptr) return;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name, end = "." + target + ".ptx";
    if (name.size() <= end.size() || name.compare(name.size() - end.size(), end.size(), end) != 0) continue;
    std::istringstream words(read(folder + "/" + name));
    for (std::string word; words >> word;) {
      if (word != ".entry" || !(words >> word)) continue;
      homes.insert({word.substr(0, word.find('(')), folder + "/" + name});
    }
  }
  closedir(directory);
}

void* function_of(const std::string& kernel) {
  void*& function = functions[kernel];
  if (function != nullptr) return function;
  const auto home = homes.find(kernel);
  if (home == homes.end()) {
    report("no kernel " + kernel + " for this GPU");
    return nullptr;
  }
  void*& module = modules[home->second];
  static char log[1 << 14];
  log[0] = 0;
  const int options[] = {5, 6};  // the error log and its size
  void* const values[] = {log, (void*)sizeof log};
  if (module == nullptr) {
    const std::string text = read(home->second);
    if (!good(driver.load(&module, text.c_str(), 2, options, values), "compiling " + home->second + ": " + log)) {
      module = nullptr;
      return nullptr;
    }
  }
  if (!good(driver.get_function(&function, module, kernel.c_str()), kernel)) return nullptr;
  return function;
}

}  // namespace

bool machine_start(int& count, char**& arguments) {
  if (count < 2) return fprintf(stderr, "usage: cuda_driver_tests PTX_FOLDER [--seeds N] [GROUP...]\n"), false;
  const char* named = getenv("ENGINE_CUDA_LIB");
  void* library = dlopen(named != nullptr ? named : "libcuda.so.1", RTLD_NOW);
  if (library == nullptr) return fprintf(stderr, "%s\n", dlerror()), false;
  if (!find_all(library)) return false;
  context = "start";
  int device = 0, major = 0, minor = 0;
  void* primary = nullptr;
  char name[200] = "";
  if (!good(driver.init(0), "cuInit") || !good(driver.device_get(&device, 0), "cuDeviceGet") ||
      !good(driver.device_name(name, sizeof name, device), "cuDeviceGetName") ||
      !good(driver.device_attribute(&major, 75, device), "capability") ||
      !good(driver.device_attribute(&minor, 76, device), "capability") ||
      !good(driver.retain(&primary, device), "cuDevicePrimaryCtxRetain") ||
      !good(driver.set_current(primary), "cuCtxSetCurrent") ||
      !good(driver.stream_create(&stream, 1, 0), "cuStreamCreate")) {
    return false;
  }
  const std::string folder = arguments[1];
  if (major == 9 && minor == 0) list_kernels(folder, "sm_90a");
  if (major >= 9) list_kernels(folder, "sm_90");
  if (major * 10 + minor >= 89) list_kernels(folder, "sm_89");
  list_kernels(folder, "sm_80");
  printf("%s, compute capability %d.%d, %zu kernels\n", name, major, minor, homes.size());
  arguments++, count--;
  return !homes.empty();
}

int check_ptx(const char*) { return fprintf(stderr, "--ptx is of cuda_kernel_tests\n"), 2; }

void tensor_map(void* map, int type, uint64_t address, int rows, int columns, int64_t stride, int box_rows) {
  const int bytes = type_bytes(type), u8 = 0, f16 = 6, bf16 = 9, swizzle_128 = 3, promote_256 = 3;
  const uint64_t dims[] = {(uint64_t)columns, (uint64_t)rows}, strides[] = {(uint64_t)stride * bytes};
  const uint32_t box[] = {128u / (uint32_t)bytes, (uint32_t)box_rows}, steps[] = {1, 1};
  const int element = type == EKC_F16 ? f16 : type == EKC_BF16 ? bf16 : u8;
  good(
      driver.encode_map(
          map, element, 2, (void*)address, dims, strides, box, steps, 0, swizzle_128, promote_256, 0),
      "cuTensorMapEncodeTiled");
}

void* machine_allocate(int64_t bytes) {
  uint64_t address = 0;
  const unsigned global = 1;
  if (!good(driver.allocate_managed(&address, (size_t)(bytes > 0 ? bytes : 1), global), "cuMemAllocManaged")) exit(1);
  return (void*)address;
}

void machine_make_constant(void*) {}
void machine_free(void* memory) { driver.free((uint64_t)memory); }

bool machine_has(const std::string& kernel) { return homes.count(kernel) != 0; }

void launch(
    const std::string& kernel, Grid grid, uint32_t block, uint32_t shared, const void* params, uint32_t,
    uint32_t cluster) {
  void* function = function_of(kernel);
  if (function == nullptr) return;
  const int dynamic_shared_bytes = 8;
  if (shared > 48 << 10 && !good(driver.set_attribute(function, dynamic_shared_bytes, (int)shared), kernel)) return;
  LaunchAttribute attribute = {4, 0, {cluster, 1, 1}};  // the size of clusters
  const LaunchConfig config = {{grid.x, grid.y, grid.z}, {block, 1, 1}, shared, stream, &attribute, cluster > 1};
  void* values[] = {(void*)params};
  if (!good(driver.launch(&config, function, values, nullptr), kernel)) return;
  if (!good(driver.synchronize(stream), kernel)) exit(1);  // such an error is final
}
