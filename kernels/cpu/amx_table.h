// Products by tiles on top of another level's table.
#pragma once

#include "jobs.h"

namespace engine {

// Products of integers by tiles, on top of those of AVX-512 VNNI and with the same bits: of codes, of Q8 and Q4.
struct IntTiles {
  CodesTable codes;
  decltype(IsaTable::gemm) gemm;
  decltype(IsaTable::pack_activations) pack_activations;
};

// Attention of what is multiplied as bf16, on top of another level's; its merges are of the same bits.
struct TileAttentionTable {
  decltype(IsaTable::attention) attention;
  decltype(IsaTable::attention_merge) attention_merge;
};

extern const TileAttentionTable kEmulatedTileAttention; // on kBaselineTable

#if defined(__x86_64__)
extern const TileAttentionTable kRealTileAttention;         // on kAvx512Bf16Table
extern const TileAttentionTable kEmulatedTileAttentionBf16; // needs AVX-512 BF16: what surrounds the real tiles
extern const IntTiles kRealIntTiles;
extern const IntTiles kEmulatedIntTiles; // needs AVX-512 VNNI

// On kAvx512Bf16Table: products and attention with the processor's tiles.
void use_tiles(IsaTable& table);
#endif

// On kBaselineTable: products and attention with tiles in scalar code.
void use_emulated_tiles(IsaTable& table);

}  // namespace engine
