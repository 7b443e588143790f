// Module "attention_d256": attention on tensor cores for heads of up to 256 columns.
#include "ops/attention_mma.h"

EKC_ATTENTION_KERNELS(256)
