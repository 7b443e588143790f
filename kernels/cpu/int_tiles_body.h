// Products of integers by tiles, for one kind of tiles; EK_TILES names its header.
#include <immintrin.h>

// Headers of whole levels, of which tiles take a part.
#pragma GCC diagnostic ignored "-Wunused-function"

#include "amx_table.h"
#include "jobs.h"
#include "tile_config.h"

namespace engine {
namespace {

#include "scalar.h"
#include "vec_avx512.h"
#include "ints_avx512.h"
#include "tile.h"
#include "gemm.h"
#include "quantized.h"
#include "codes.h"
#include "codes_gemm.h"
#include "codes_values.h"
#include EK_TILES
#include "int_tiles.h"
#include "int_tiles_spread.h"
#include "int_tiles_dispatch.h"

}  // namespace

extern const IntTiles EK_TILES_TABLE;
const IntTiles EK_TILES_TABLE = {
    {tile_codes_gemm, tile_codes_row_bytes, pack_tile_codes, nullptr}, tile_quantized_gemm, pack_tile_quantized};

}  // namespace engine
