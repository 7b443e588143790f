#define EK_CODES_TABLE kAvx2Codes
#include "codes_body.h"
