#define EK_CODES_TABLE kAvx512FloatCodes
#include "float_codes_body.h"
