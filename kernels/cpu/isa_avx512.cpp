#define EK_TABLE kAvx512Table
#define EK_LEVEL EK_ISA_AVX512
#include "isa_body.h"
