// What tiles are told of their operands.
#pragma once

#include <stdint.h>

namespace engine {

// How whole numbers meet in a product. kFloats: as bf16, whose sums are exact and need no conversion, for as many
// products and twice the bytes; they are the same numbers.
enum TileNumbers { kSignedBytes, kUnsignedBytes, kFloats };

// What ldtilecfg reads: eight tiles of up to 16 rows of up to 64 bytes.
struct alignas(64) TileConfig {
  uint8_t palette, start, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

}  // namespace engine
