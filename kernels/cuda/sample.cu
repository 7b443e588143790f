// Module "sample": choosing tokens.
#include "engine_cuda.h"
#include "engine_cuda_sample.h"
#include "device/device.h"
#include "ops/ordered.h"
#include "ops/sample.h"
#include "ops/edit_logits.h"
#include "ops/logprobs.h"

KERNEL(ekc_sample, EkcSample, EKC_SAMPLE_THREADS, 1) { sample(p); }
KERNEL(ekc_edit_logits, EkcEditLogits, EKC_SAMPLE_THREADS, 1) { edit_logits(p); }
KERNEL(ekc_logprobs, EkcLogprobs, EKC_SAMPLE_THREADS, 1) { logprobs(p); }
