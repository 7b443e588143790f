// The tile instructions in scalar code, as their definition has them, so that the kernels around them are tested on
// every machine.
#include "amx_table.h"

namespace engine {
namespace {

#include "scalar.h"
#include "amx.h"

// Subnormal numbers count as zero, in operands and results.
float flushed(float x) { return __builtin_fabsf(x) < 1.17549435e-38f ? 0.0f : x; }

struct Tiles {
  float c[4][16 * 16];
  uint16_t ab[4][16 * 32];
  int rows[8];
  bool configured = false;

  void configure(int rows0, int rows1) {
    const int second = rows1 > 0 ? rows1 : 1;
    const int all[8] = {rows0, rows0, second, second, rows0, second, 16, 16};
    for (int i = 0; i < 8; i++) rows[i] = all[i];
    configured = true;
  }
  void release() { configured = false; }
  template <int T>
  void zero() {
    if (!configured) __builtin_trap();
    for (float& x : c[T]) x = 0;
  }
  template <int T>
  void load(const char* p) {
    if (!configured) __builtin_trap();
    __builtin_memcpy(ab[T - 4], p, static_cast<size_t>(rows[T]) * 64);
  }
  template <int T>
  void store(float* p) {
    if (!configured) __builtin_trap();
    __builtin_memcpy(p, c[T], static_cast<size_t>(rows[T]) * 64);
  }
  // Even and odd k are summed apart, from zero, and added to c at the end.
  template <int C, int A, int B>
  void multiply() {
    if (!configured || rows[A] != rows[C]) __builtin_trap();
    for (int m = 0; m < rows[C]; m++) {
      for (int n = 0; n < 16; n++) {
        float sums[2] = {0, 0};
        for (int k = 0; k < 32; k++) {
          const float a = flushed(to_float(bf16_t{ab[A - 4][m * 32 + k]}));
          const float b = flushed(to_float(bf16_t{ab[B - 4][k / 2 * 32 + n * 2 + k % 2]}));
          sums[k % 2] = flushed(__builtin_fmaf(a, b, sums[k % 2]));
        }
        float& sum = c[C][m * 16 + n];
        sum = flushed(sum + flushed(sums[0] + sums[1]));
      }
    }
  }
};

}  // namespace

void use_emulated_tiles(IsaTable& table) { AmxTable<Tiles, kBaselineTable>::use(table); }

}  // namespace engine
