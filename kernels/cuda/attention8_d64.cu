// Module "attention8_d64": attention over an 8-bit cache for heads of up to 64 columns.
#include "ops/attention_mma.h"

EKC_ATTENTION8_KERNELS(64)
