// Module "attention_bulk_d256": attention of few queries with bulk copies, for heads of up to 256 columns; sm_90.
#include "ops/attention_mma.h"

EKC_ATTENTION_BULK_KERNELS(256)
