#define EK_TILES "bf16_tiles_emulated.h"
#define EK_TILES_TABLE kEmulatedTileAttentionBf16
#define EK_BASE kBaselineTable
#include "attention_tiles_body.h"
