// Module "attention_d64": attention on tensor cores for heads of up to 64 columns.
#include "ops/attention_mma.h"

EKC_ATTENTION_KERNELS(64)
