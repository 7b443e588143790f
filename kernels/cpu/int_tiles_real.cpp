#define EK_TILES "int_tiles_real.h"
#define EK_TILES_TABLE kRealIntTiles
#include "int_tiles_body.h"
