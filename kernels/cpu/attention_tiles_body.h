// Attention by tiles of bf16, for one kind of tiles (EK_TILES) on top of one level's table (EK_BASE).
#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Headers of whole levels, of which this takes a part.
#pragma GCC diagnostic ignored "-Wunused-function"

#include "amx_table.h"

namespace engine {
namespace {

#include "scalar.h"
#if defined(__AVX512F__)
#include "vec_avx512.h"
#else
#include "vec_portable.h"
#endif
#include "math.h"
#include "tile.h"
#include "strips.h"
#include "bytes.h"
#include "kv.h"
#include "attention_rows.h"
#include "softmax.h"
#include EK_TILES
#include "attention_tiles.h"

}  // namespace

extern const TileAttentionTable EK_TILES_TABLE;
const TileAttentionTable EK_TILES_TABLE = {tile_attention<Tiles, EK_BASE>, tile_attention_merge<Tiles, EK_BASE>};

}  // namespace engine
