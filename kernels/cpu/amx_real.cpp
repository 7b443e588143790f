// The tile instructions of the processor.
#include "amx_table.h"
#include "tile_config.h"

namespace engine {
namespace {

#include "scalar.h"
#include "amx.h"
#include "bf16_tiles_real.h"

}  // namespace

void use_tiles(IsaTable& table) { AmxTable<Tiles, kAvx512Bf16Table>::use(table); }

}  // namespace engine
