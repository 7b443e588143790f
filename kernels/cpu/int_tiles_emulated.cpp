#define EK_TILES "int_tiles_emulated.h"
#define EK_TILES_TABLE kEmulatedIntTiles
#include "int_tiles_body.h"
