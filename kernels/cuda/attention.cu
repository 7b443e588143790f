// Module "attention": over the paged cache, any shape.
#include "engine_cuda.h"
#include "engine_cuda_attention.h"
#include "device/device.h"
#include "ops/kv.h"
#include "ops/attention_any.h"

KERNEL(ekc_attention_any_f32, EkcAttention, 128, 4) { attention_any<float>(p); }
KERNEL(ekc_attention_any_f16, EkcAttention, 128, 4) { attention_any<f16>(p); }
KERNEL(ekc_attention_any_bf16, EkcAttention, 128, 4) { attention_any<bf16>(p); }
