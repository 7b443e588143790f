// Module "attention_d128": attention on tensor cores for heads of up to 128 columns.
#include "ops/attention_mma.h"

EKC_ATTENTION_KERNELS(128)
