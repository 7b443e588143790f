#define EK_CODES_TABLE kAvx512VnniGridCodes
#define EK_GRID_CODES 1
#include "codes_body.h"
