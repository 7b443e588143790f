// Module "attention8_d256": attention over an 8-bit cache for heads of up to 256 columns.
#include "ops/attention_mma.h"

EKC_ATTENTION8_KERNELS(256)
