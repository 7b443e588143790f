#define EK_TILES "bf16_tiles_real.h"
#define EK_TILES_TABLE kRealTileAttention
#define EK_BASE kAvx512Bf16Table
#include "tile_config.h"
#include "attention_tiles_body.h"
