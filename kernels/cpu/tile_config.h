// What ldtilecfg reads: eight tiles of up to 16 rows of up to 64 bytes.
#pragma once

#include <stdint.h>

namespace engine {

struct alignas(64) TileConfig {
  uint8_t palette, start, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

}  // namespace engine
