#define EK_TABLE kBaselineTable
#define EK_LEVEL EK_ISA_BASELINE
#include "isa_body.h"
