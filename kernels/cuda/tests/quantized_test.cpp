// Products with weights of 4 and 8 bits: the bits of the plain product with the same weight unpacked.
#include "harness.h"

#include <algorithm>

#include "engine_cuda_linear.h"

struct QuantizedCase {
  int rows, n, k, group, scale_rows;
  bool zeros;
};

static const char* format_name(int format) { return format == EKC_I4 ? "i4" : format == EKC_I8 ? "i8" : "e4m3"; }

struct QuantizedData {
  const QuantizedCase& c;
  int format;
  Tensor x, plain, y, scales;
  Memory zeros, weight;

  static int64_t row_bytes(const QuantizedCase& c, int format) {
    return (((int64_t)c.k * (format == EKC_I4 ? 4 : 8) / 8) + 15) / 16 * 16;
  }
  static int groups(const QuantizedCase& c) { return (c.k + c.group - 1) / c.group; }

  QuantizedData(int type, int format, const QuantizedCase& c, Random& random)
      : c(c), format(format), x(type, c.rows, c.k, (c.k + 7) / 8 * 8), plain(type, c.n, c.k, (c.k + 7) / 8 * 8),
        y(EKC_F32, c.rows, c.n), scales(EKC_F32, (c.n + c.scale_rows - 1) / c.scale_rows, groups(c)),
        zeros(scales.rows * scales.columns), weight(row_bytes(c, format) * c.n) {
    x.randomize(random);
    for (int r = 0; r < scales.rows; r++) {
      for (int g = 0; g < scales.columns; g++) {
        scales.set(r, g, 0.01 + 0.02 * random.uniform());
        zeros.data()[r * scales.columns + g] = (uint8_t)random.below(16);
      }
    }
    for (int n = 0; n < c.n; n++) {
      for (int k = 0; k < c.k; k++) put(n, k, random);
    }
  }

  // A random weight, packed, and as the kernel is to see it. Bytes past a row stay 0xff: NaN in e4m3.
  void put(int n, int k, Random& random) {
    uint8_t* row = weight.data() + n * row_bytes(c, format);
    const int scale_row = n / c.scale_rows, group = k / c.group;
    const float scale = (float)scales.at(scale_row, group);
    float q;
    if (format == EKC_I4) {
      const int code = random.below(16), zero = c.zeros ? zeros.data()[scale_row * scales.columns + group] : 8;
      row[k / 2] = (uint8_t)(k % 2 == 0 ? (row[k / 2] & 0xf0) | code : (row[k / 2] & 0x0f) | code << 4);
      q = (float)code - (float)zero;
    } else if (format == EKC_I8) {
      row[k] = (uint8_t)random.bits();
      q = (float)(int8_t)row[k];
    } else {
      encode(row + k, 0, EKC_E4M3, random.normal() * 20);
      q = decode(row + k, 0, EKC_E4M3);
    }
    plain.set(n, k, q * scale);
  }

  EkcLinear plain_arguments(const Tensor& to) const {
    return {to.address(), x.address(), plain.address(), 0, to.stride, x.stride, plain.stride, c.rows, c.n, c.k,
            plain.type, EKC_F32, 0};
  }
  EkcQuantizedLinear arguments(const Tensor& to) const {
    EkcQuantizedLinear p = {};
    p.linear = plain_arguments(to);
    p.linear.weight = weight.address(), p.linear.weight_stride = row_bytes(c, format);
    p.linear.weight_type = format;
    p.scales = scales.address(), p.zeros = c.zeros ? zeros.address() : 0;
    p.group = c.group, p.scale_rows = c.scale_rows, p.scales_stride = scales.columns;
    return p;
  }
};

static void test_format(int type, int format, const QuantizedCase& c) {
  const std::string suffix = std::string("_") + type_name(type);
  for_seeds(std::string("quantized ") + format_name(format) + suffix, [&](uint32_t seed) {
    Random random(seed);
    QuantizedData data(type, format, c, random);
    Tensor want(EKC_F32, c.rows, c.n);
    const EkcLinear plain = data.plain_arguments(want);
    const Grid tiles = {(uint32_t)(c.rows + 63) / 64, (uint32_t)(c.n + 127) / 128, 1};
    launch("ekc_linear_tiled" + suffix, tiles, 256, EKC_LINEAR_TILED_SHARED, &plain, seed);
    expect_near(want, want.values(), 0, 0);  // no NaN
    const EkcQuantizedLinear p = data.arguments(data.y);
    const std::string name = std::string("ekc_linear_") + format_name(format);
    launch(name + "_tiled" + suffix, tiles, 256, EKC_LINEAR_TILED_SHARED, &p, seed);
    expect_same_bytes(data.y.data(), want.data(), want.bytes(), "tiled: bits");
    if (c.rows > 16) return;
    data.y.fill(0xff);
    launch(name + "_skinny" + suffix, {2, 1, 1}, 256, EKC_LINEAR_SKINNY_SHARED, &p, seed);
    expect_same_bytes(data.y.data(), want.data(), want.bytes(), "skinny: bits");
  });
}

void test_quantized() {
  for (int type : {EKC_F16, EKC_BF16}) {
    for (int format : {EKC_I4, EKC_I8, EKC_E4M3}) {
      test_format(type, format, {3, 20, 200, 64, 1, false});
      test_format(type, format, {11, 130, 72, 72, 130, false});
    }
    test_format(type, EKC_I4, {16, 33, 640, 128, 1, true});
    test_format(type, EKC_E4M3, {70, 150, 264, 128, 128, false});
  }
}
