// Module "linear_i8": products and embeddings with weights of integers of 8 bits.
#include "ops/linear_quantized_module.h"

EKC_CODES(EKC_I8, i8)
