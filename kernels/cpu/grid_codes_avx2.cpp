#define EK_CODES_TABLE kAvx2GridCodes
#define EK_GRID_CODES 1
#include "codes_body.h"
