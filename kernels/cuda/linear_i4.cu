// Module "linear_i4": products and embeddings with weights of integers of 4 bits.
#include "ops/linear_codes_module.h"

EKC_CODES(EKC_I4, i4)
