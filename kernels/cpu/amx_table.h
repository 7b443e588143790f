// Products by tiles on top of another level's table.
#pragma once

#include "jobs.h"

namespace engine {

// Products of integers by tiles, on top of those of AVX-512 VNNI and with the same bits: of codes, of Q8 and Q4.
struct IntTiles {
  CodesTable codes;
  decltype(IsaTable::gemm) gemm;
  decltype(IsaTable::pack_activations) pack_activations;
};

#if defined(__x86_64__)
extern const IntTiles kRealIntTiles;
extern const IntTiles kEmulatedIntTiles; // needs AVX-512 VNNI

// On kAvx512Bf16Table, with the processor's tiles.
void use_tiles(IsaTable& table);
#endif

// On kBaselineTable, with tiles in scalar code.
void use_emulated_tiles(IsaTable& table);

}  // namespace engine
