// The tiles of bf16_tiles_emulated.h, on every machine.
#include "amx_table.h"

namespace engine {
namespace {

#include "scalar.h"
#include "amx.h"
#include "bf16_tiles_emulated.h"

}  // namespace

void use_emulated_tiles(IsaTable& table) { AmxTable<Tiles, kBaselineTable>::use(table); }

}  // namespace engine
