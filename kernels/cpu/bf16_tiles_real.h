// The bf16 tiles of the processor: C is 0 to 3, A 4 and 5, B 6 and 7. Rows of the first or second kind are those of C 0
// and 1 and A 4, or of C 2 and 3 and A 5.
#pragma once

#include "tiles_real.h"

struct Tiles : RealTiles {
  void configure(int rows0, int rows1) {
    TileConfig config = {};
    const int second = rows1 > 0 ? rows1 : 1;
    const int rows[8] = {rows0, rows0, second, second, rows0, second, 16, 16};
    for (int i = 0; i < 8; i++) {
      config.row_bytes[i] = 64;
      config.rows[i] = static_cast<uint8_t>(rows[i]);
    }
    tell(config);
  }
};
