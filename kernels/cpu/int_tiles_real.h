// The integer tiles of the processor: C is 0 to 3, A (signed, 16 rows of 32 or 64 k) 4 and 5, B (lines of 16 columns x
// 4 k) 6 and 7. Of bf16, which is signed, there are half as many k.
#pragma once

#include "tiles_real.h"

struct Tiles : RealTiles {
  // Bytes of a row of A.
  void configure(int bytes) {
    TileConfig config = {};
    for (int i = 0; i < 8; i++) {
      config.row_bytes[i] = static_cast<uint16_t>(i == 4 || i == 5 ? bytes : 64);
      config.rows[i] = static_cast<uint8_t>(i >= 6 ? bytes / 4 : 16);
    }
    tell(config);
  }
};
