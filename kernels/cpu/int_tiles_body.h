// Products of integers by tiles, for one kind of tiles; EK_TILES names its header.
#include <immintrin.h>

// Headers of whole levels, of which tiles take a part.
#pragma GCC diagnostic ignored "-Wunused-function"

#include "amx_table.h"
#include "jobs.h"

namespace engine {
namespace {

#include "scalar.h"
#include "vec_avx512.h"
// The dot products of tiles take the place of those.
#define dot_codes vnni_dot_codes
#include "ints_avx512.h"
#undef dot_codes
template <class C, int FIRST, int LAST, int MR, int NV>
INLINE void dot_codes(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a);
#include "tile.h"
#include "gemm.h"
#include "quantized.h"
#include "codes.h"
#include "codes_gemm.h"
#include "codes_values.h"
#include EK_TILES
#include "int_tiles.h"

}  // namespace

extern const IntTiles EK_TILES_TABLE;
const IntTiles EK_TILES_TABLE = {
    {tile_codes_gemm, tile_codes_row_bytes, pack_tile_codes, nullptr}, tile_quantized_gemm, pack_tile_quantized};

}  // namespace engine
