#define EK_TABLE kAvx2Table
#define EK_LEVEL EK_ISA_AVX2
#include "isa_body.h"
