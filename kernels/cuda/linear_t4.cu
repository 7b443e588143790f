// Module "linear_t4": products and embeddings with weights of 4 bits that index a table.
#include "ops/linear_codes_module.h"

EKC_CODES(EKC_T4, t4)
