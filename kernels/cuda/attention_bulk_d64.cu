// Module "attention_bulk_d64": attention of few queries with bulk copies, for heads of up to 64 columns; sm_90.
#include "ops/attention_mma.h"

EKC_ATTENTION_BULK_KERNELS(64)
