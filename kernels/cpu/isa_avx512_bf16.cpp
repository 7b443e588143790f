#define EK_TABLE kAvx512Bf16Table
#define EK_LEVEL EK_ISA_AVX512_BF16
#include "isa_body.h"
