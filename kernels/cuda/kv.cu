// Module "kv": the paged cache.
#include "engine_cuda.h"
#include "device/device.h"
#include "ops/kv.h"
#include "ops/rope.h"
#include "ops/kv_rope.h"

KERNEL(ekc_write_kv_f32, EkcWriteKv, 128, 8) { write_kv<float>(p); }
KERNEL(ekc_write_kv_f16, EkcWriteKv, 128, 8) { write_kv<f16>(p); }
KERNEL(ekc_write_kv_bf16, EkcWriteKv, 128, 8) { write_kv<bf16>(p); }
KERNEL(ekc_kv_rope_f32, EkcKvRope, 64, 8) { kv_rope<float>(p); }
KERNEL(ekc_kv_rope_f16, EkcKvRope, 64, 8) { kv_rope<f16>(p); }
KERNEL(ekc_kv_rope_bf16, EkcKvRope, 64, 8) { kv_rope<bf16>(p); }
KERNEL(ekc_copy_blocks, EkcCopyBlocks, 256, 4) { copy_blocks(p); }
