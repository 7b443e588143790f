#define EK_CODES_TABLE kBf16FloatCodes
#include "float_codes_body.h"
