// The kernel tests' machine is the emulated one.
#include "harness.h"

bool machine_start(int&, char**&) { return true; }

void* machine_allocate(int64_t bytes) {
  // Space between allocations belongs to nobody, so that running over the end is seen.
  void* memory = aligned_alloc(256, (size_t)((bytes + 256 + 255) / 256 * 256));
  ek_emu_add_range(memory, (uint64_t)bytes);
  return memory;
}

void machine_free(void* memory) {
  ek_emu_remove_range(memory);
  free(memory);
}

void machine_make_constant(void* memory) { ek_emu_make_constant(memory); }

bool machine_has(const std::string& kernel) { return ek_emu_find(kernel.c_str()) != nullptr; }

void launch(
    const std::string& kernel, Grid grid, uint32_t block, uint32_t shared, const void* params, uint32_t seed,
    uint32_t cluster) {
  const ek_emu_kernel* found = ek_emu_find(kernel.c_str());
  if (found == nullptr) {
    report("no kernel " + kernel);
    return;
  }
  ek_emu_launch arguments = {};
  arguments.grid[0] = grid.x, arguments.grid[1] = grid.y, arguments.grid[2] = grid.z;
  arguments.block[0] = block;
  arguments.cluster[0] = cluster;
  arguments.shared_bytes = shared;
  arguments.params = params;
  arguments.seed = seed;
  arguments.asynchrony = (int32_t)(seed % 3);
  arguments.dependence = EK_EMU_AFTER_UNKNOWN;
  char message[600] = "";
  if (ek_emu_run(found, &arguments, message, sizeof message) != 0) report(message);
}

void tensor_map(void* map, int type, uint64_t address, int rows, int columns, int64_t stride, int box_rows) {
  const int bytes = type_bytes(type);
  const uint64_t dims[] = {(uint64_t)columns, (uint64_t)rows};
  const uint32_t box[] = {128u / (uint32_t)bytes, (uint32_t)box_rows};
  const int swizzle_128 = 3;
  if (ek_emu_encode_tensor_map(map, bytes, (const void*)address, dims, (uint64_t)stride * bytes, box, swizzle_128)) {
    report("a tensor map that a driver would refuse");
  }
}
