// Module "linear_e4m3": products and embeddings with weights of e4m3 floats.
#include "ops/linear_codes_module.h"

EKC_CODES(EKC_E4M3, e4m3)
