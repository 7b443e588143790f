// Coded weights at one ISA level, compiled once per translation unit with that level's flags; see isa_body.h.
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
#include "tile.h"
#include "gemm.h"
#include "codes.h"
#include "codes_gemm.h"
#include "codes_values.h"
#include "codes_dispatch.h"

}  // namespace

extern const CodesTable EK_CODES_TABLE;
const CodesTable EK_CODES_TABLE = {coded_gemm, coded_row_bytes, pack_coded_activations, embed_coded};

}  // namespace engine
