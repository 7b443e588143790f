// Products of weights whose codes are floats at one ISA level, compiled once per translation unit with that level's
// flags; see isa_body.h.
#include <immintrin.h>

#include "jobs.h"

namespace engine {
namespace {

#include "scalar.h"
#if defined(__AVX512F__)
#include "vec_avx512.h"
#include "ints_avx512.h"
#else
#include "vec_avx2.h"
#include "ints_avx2.h"
#endif
#include "tile.h"
#include "gemm.h"
#include "codes.h"
#include "codes_gather.h"
#include "input_rounding.h"
#include "float_vectors.h"
#include "float_codes.h"

}  // namespace

extern const CodesTable EK_CODES_TABLE;
const CodesTable EK_CODES_TABLE = {float_gemm, float_row_bytes, pack_float_activations, nullptr};

}  // namespace engine
