// Module "linear_i8": products and embeddings with weights of integers of 8 bits.
#include "ops/linear_codes_module.h"

EKC_CODES(EKC_I8, i8)
