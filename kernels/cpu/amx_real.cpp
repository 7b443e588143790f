// The tile instructions of the processor.
#include "amx_table.h"

namespace engine {
namespace {

#include "scalar.h"
#include "amx.h"

struct alignas(64) TileConfig {
  uint8_t palette, start, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

// Written as assembly with the whole configuration as an operand and memory as clobbered: g++ 12's own intrinsics let
// the stores that fill the configuration, or packed operands, move behind the instruction.
struct Tiles {
  void configure(int rows0, int rows1) {
    TileConfig config = {};
    config.palette = 1;
    const int second = rows1 > 0 ? rows1 : 1;
    const int rows[8] = {rows0, rows0, second, second, rows0, second, 16, 16};
    for (int i = 0; i < 8; i++) {
      config.row_bytes[i] = 64;
      config.rows[i] = static_cast<uint8_t>(rows[i]);
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(config) : "memory");
  }
  void release() { __asm__ volatile("tilerelease" : : : "memory"); }
  template <int T>
  MEMBER void zero() {
    __asm__ volatile("tilezero %%tmm%c0" : : "i"(T));
  }
  template <int T>
  MEMBER void load(const char* p) {
    __asm__ volatile("tileloadd (%1,%2,1), %%tmm%c0" : : "i"(T), "r"(p), "r"(64L) : "memory");
  }
  template <int C, int A, int B>
  MEMBER void multiply() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
  }
  template <int T>
  MEMBER void store(float* p) {
    __asm__ volatile("tilestored %%tmm%c0, (%1,%2,1)" : : "i"(T), "r"(p), "r"(64L) : "memory");
  }
};

}  // namespace

void use_tiles(IsaTable& table) { AmxTable<Tiles, kAvx512Bf16Table>::use(table); }

}  // namespace engine
