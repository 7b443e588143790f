#define EK_TABLE kAvx512VnniTable
#define EK_LEVEL EK_ISA_AVX512_VNNI
#include "isa_body.h"
