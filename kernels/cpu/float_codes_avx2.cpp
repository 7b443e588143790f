#define EK_CODES_TABLE kAvx2FloatCodes
#include "float_codes_body.h"
