// Every code with every zero and all 65,536 scales: the pairs that code_fragments.h makes are the weights that
// dequantizing rounds. The sign of a zero apart, which no sum of products shows.
#define EMU
#include "../device/device.h"

#include "engine_cuda.h"
#include "engine_cuda_linear.h"
#include "harness.h"

#include "../ops/codes.h"
#include "../ops/code_fragments.h"

static bool is_same(u32 a, u32 b, u32 infinity) {
  a &= 0xffff, b &= 0xffff;
  const bool a_nan = (a & 0x7fff) > infinity, b_nan = (b & 0x7fff) > infinity;
  return a == b || ((a | b) & 0x7fff) == 0 || (a_nan && b_nan);
}

template <class T, int TYPE, Unpack HOW, class Scale>
static void every_scale(const char* name, const std::vector<int>& zeros) {
  typedef Unpacking<T, TYPE, HOW> Form;
  const u32 infinity = Convert<T>::type == EKC_F16 ? 0x7c00 : 0x7f80;
  const int codes = 1 << Packed<TYPE>::Bits;
  context = name;
  for (u32 scale = 0; scale < 65536; scale++) {
    const float number = to_float(Scale{(u16)scale});
    for (const int zero : zeros) {
      EkcCodes c = {};
      c.zero = zero;
      const CodeFactors own = Form::prepare(c, StoredScale{scale, 0, 0, 0, (u32)zero});
      const CodeFactors factors[2] = {Form::factors(own, 0), Form::factors(own, 1)};
      std::vector<u32> want(codes);
      for (int code = 0; code < codes; code++) want[code] = Convert<T>::from((float)(code - zero) * number).bits;
      // Both rows of a fragment have the same four codes.
      for (int first = 0; first < codes; first += 4) {
        const u32 four = first * 0x01010101u + 0x03020100u, words[2] = {TYPE == EKC_I4 ? four * 0x11 : four, four};
        u32 a[4];
        Form::fragment(a, words, 0, factors, 0);
        for (int i = 0; i < 8; i++) {
          // Bytes of a word: (2t, 2t + 8, 2t + 1, 2t + 9) of 4-bit codes, (2t, 2t + 1, 2t + 8, 2t + 9) of 8-bit ones.
          const int high = i >> 2, odd = i & 1, code = first + (TYPE == EKC_I4 ? 2 * odd + high : 2 * high + odd);
          const u32 got = a[(i >> 1 & 1) + 2 * high] >> (16 * odd);
          if (is_same(got, want[code], infinity)) continue;
          char text[120];
          snprintf(text, sizeof text, "scale %04x, zero %d, code %d: %04x in place of %04x", scale, zero, code,
                   got & 0xffff, want[code]);
          report(text);
          return;
        }
      }
      comparisons += 2 * codes;
    }
  }
}

void test_unpacking() {
  std::vector<int> zeros;
  for (int zero = 0; zero <= 16; zero++) zeros.push_back(zero);
  every_scale<f16, EKC_I4, Unpack::Direct, f16>("4 bits, f16", zeros);
  every_scale<bf16, EKC_I4, Unpack::Direct, bf16>("4 bits, bf16", {0, 1, 8, 15, 16});
  every_scale<bf16, EKC_I4, Unpack::Split, f16>("4 bits, bf16, scales of f16", {0, 1, 8, 15, 16});
  every_scale<f16, EKC_I8, Unpack::Direct, f16>("8 bits, f16", {0, 128, 255});
}
