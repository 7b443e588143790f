// Module "attention_d192": attention on tensor cores for heads of up to 192 columns.
#include "ops/attention_mma.h"

EKC_ATTENTION_KERNELS(192)
