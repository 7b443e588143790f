#define EK_CODES_TABLE kBaselineCodes
#include "codes_body.h"
