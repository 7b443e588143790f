// Products by tiles on top of another level's table.
#pragma once

#include "jobs.h"

namespace engine {

#if defined(__x86_64__)
// On kAvx512Bf16Table, with the processor's tiles.
void use_tiles(IsaTable& table);
#endif

// On kBaselineTable, with tiles in scalar code.
void use_emulated_tiles(IsaTable& table);

}  // namespace engine
