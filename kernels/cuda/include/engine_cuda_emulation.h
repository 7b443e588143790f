/* The kernels compiled for the CPU: what a fake driver and the kernel tests call. Not part of the product. */
#ifndef ENGINE_CUDA_EMULATION_H
#define ENGINE_CUDA_EMULATION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ek_emu_kernel ek_emu_kernel;

/* When asynchronous copies take effect; the rules allow any moment between issue and wait. */
enum { EK_EMU_LATE = 0, EK_EMU_EARLY = 1, EK_EMU_MIXED = 2 };

/* What may not have ended when a launch begins: what that writes, a kernel may not read before it has waited. */
enum {
  EK_EMU_AFTER_ALL = 0,      /* nothing: everything in front has ended */
  EK_EMU_AFTER_LAUNCHES = 1, /* the launches since the last one that came after all */
  EK_EMU_AFTER_UNKNOWN = 2   /* whoever writes memory that is not constant */
};

typedef struct ek_emu_launch {
  uint32_t grid[3];
  uint32_t block[3];
  uint32_t cluster[3];     /* 0 or 1: none */
  uint32_t shared_bytes;
  const void* params;      /* the kernel's structure */
  uint32_t seed;           /* order of blocks, warps, lanes and copies */
  int32_t asynchrony;      /* EK_EMU_LATE and on */
  int32_t dependence;      /* EK_EMU_AFTER_* */
} ek_emu_launch;

/* The kernel of that name, or null. */
const ek_emu_kernel* ek_emu_find(const char* name);

/* The index-th kernel, or null: for listing. */
const ek_emu_kernel* ek_emu_at(int32_t index);
const char* ek_emu_name(const ek_emu_kernel* kernel);

/* Bytes of its structure. */
int32_t ek_emu_param_bytes(const ek_emu_kernel* kernel);

/* Threads per block it was compiled for, or 0 for any: another block is refused at launch. */
int32_t ek_emu_max_threads(const ek_emu_kernel* kernel);

/* Runs a launch to its end on the calling thread; launches take turns. 0, or not 0 and a message: deadlock, access out
 * of range or misaligned, a barrier or a copy used against its rules. */
int32_t ek_emu_run(const ek_emu_kernel* kernel, const ek_emu_launch* launch, char* message, int32_t message_bytes);

/* Writes the 128 bytes of a map of rows for tensor copies on the emulated machine; dims, box: columns, rows; stride in
 * bytes; swizzle as the driver counts (0 none, 1 to 3: 32, 64, 128 bytes). Not 0 where the driver would refuse. */
int32_t ek_emu_encode_tensor_map(
    void* target, int32_t element_bytes, const void* base, const uint64_t* dims, uint64_t stride, const uint32_t* box,
    int32_t swizzle);

/* Once any range is known, global accesses outside of all of them end a launch. */
void ek_emu_add_range(const void* address, uint64_t bytes);
void ek_emu_remove_range(const void* address);

/* No launch writes the range that begins there. */
void ek_emu_make_constant(const void* address);

/* All launches have ended. */
void ek_emu_finish(void);

#ifdef __cplusplus
}
#endif

#endif
