#define EK_CODES_TABLE kAvx512VnniCodes
#include "codes_body.h"
