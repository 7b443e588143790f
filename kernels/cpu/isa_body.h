// The code of one ISA level, compiled once per translation unit with that level's flags. Everything lives in an
// unnamed namespace: a function shared between units could be merged by the linker into one that needs
// instructions the machine lacks.
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "jobs.h"

namespace engine {
namespace {

#include "scalar.h"
#if defined(__AVX512F__)
#include "vec_avx512.h"
#include "ints_avx512.h"
#elif defined(__AVX2__)
#include "vec_avx2.h"
#include "ints_avx2.h"
#else
#include "vec_portable.h"
#include "ints_portable.h"
#endif
#include "math.h"
#include "tile.h"
#include "gemm.h"
#include "quantized.h"
#include "gemm_dispatch.h"
#include "elementwise.h"
#include "pack.h"
#include "bytes.h"
#include "kv.h"
#include "attention.h"
#include "probe.h"

}  // namespace

extern const IsaTable EK_TABLE;
const IsaTable EK_TABLE = {
    EK_LEVEL, gemm, gemm_group, pack_activations, pack_weight, embed, point, norm, rope, kv_write, attention,
    attention_merge, probe, 48,
};

}  // namespace engine
