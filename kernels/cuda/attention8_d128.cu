// Module "attention8_d128": attention over an 8-bit cache for heads of up to 128 columns.
#include "ops/attention_mma.h"

EKC_ATTENTION8_KERNELS(128)
