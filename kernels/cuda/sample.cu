// Module "sample": choosing tokens.
#include "engine_cuda.h"
#include "engine_cuda_sample.h"
#include "device/device.h"
#include "ops/ordered.h"
#include "ops/sample.h"

KERNEL(ekc_sample, EkcSample, EKC_SAMPLE_THREADS, 1) { sample(p); }
