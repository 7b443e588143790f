// Random codes of 8 bits, their scales, and what their products should give.
#pragma once

#include "engine_cuda_linear.h"
#include "harness.h"

struct ProductCase {
  int rows, n, k;
  bool is_float;
  int shift;        // log2 of the columns that share a weight's scale
  bool x_groups;    // inputs have a scale per 128
  bool x_zeros;
  bool bias, accumulate;
  int y_type;
};

struct ProductData {
  const ProductCase& c;
  int weight_groups, x_groups;
  int64_t pitch;
  Tensor y, bias, weight_scales, row_scales, x_scales;
  Memory x, weight, x_zeros, weight_sums;

  ProductData(const ProductCase& c, Random& random)
      : c(c), weight_groups((int)(((int64_t)c.k + (1ll << c.shift) - 1) >> c.shift)), x_groups((c.k + 127) / 128),
        pitch((c.k + 15) / 16 * 16), y(c.y_type, c.rows, c.n, c.n + 3), bias(EKC_F32, 1, c.n),
        weight_scales(EKC_F32, c.n, weight_groups), row_scales(EKC_F32, c.rows, 1), x_scales(EKC_F32, c.rows, x_groups),
        x(pitch * c.rows), weight(pitch * c.n), x_zeros(4 * c.rows), weight_sums(4 * c.n) {
    bias.randomize(random);
    if (c.accumulate) y.randomize(random);
    const double least = (c.is_float ? 1.0 / 400 : 1.0 / 2000) / sqrt((double)c.k);
    for (Tensor* t : {&weight_scales, &row_scales, &x_scales}) {
      for (int r = 0; r < t->rows; r++) {
        const double unit = t == &weight_scales ? least : 0.1;
        for (int g = 0; g < t->columns; g++) t->set(r, g, (0.5 + random.uniform()) * unit);
      }
    }
    for (int r = 0; r < c.rows; r++) ((int*)x_zeros.data())[r] = random.below(256) - 128;
    fill(x, c.rows, 0, random);
    fill(weight, c.n, c.is_float ? 0 : 0x80, random);
    for (int n = 0; n < c.n; n++) {
      int sum = 0;
      for (int k = 0; k < c.k; k++) sum += (int)weight_value(n, k);
      ((int*)weight_sums.data())[n] = sum;
    }
  }

  // Random codes; behind a row zeros, as far as the inputs go, and anything in the weight.
  void fill(Memory& codes, int rows, int flip, Random& random) {
    for (int r = 0; r < rows; r++) {
      for (int k = 0; k < pitch; k++) {
        uint8_t code = (uint8_t)(random.bits() ^ flip);
        if (c.is_float) encode(&code, 0, EKC_E4M3, random.normal() * 60);
        codes.data()[r * pitch + k] = k < c.k ? code : &codes == &x ? 0 : (uint8_t)(c.is_float ? 0 : 77);
      }
    }
  }

  double weight_value(int n, int k) const {
    const uint8_t* code = weight.data() + n * pitch + k;
    return c.is_float ? decode(code, 0, EKC_E4M3) : (double)*code - 128;
  }
  double input_value(int r, int k) const {
    const uint8_t* code = x.data() + r * pitch + k;
    if (c.is_float) return decode(code, 0, EKC_E4M3) * (c.x_groups ? x_scales.at(r, k / 128) : 1);
    return (int8_t)*code - (c.x_zeros ? ((const int*)x_zeros.data())[r] : 0);
  }

  std::vector<double> reference() const {
    std::vector<double> want;
    for (int r = 0; r < c.rows; r++) {
      for (int n = 0; n < c.n; n++) {
        double sum = 0;
        for (int k = 0; k < c.k; k++) sum += input_value(r, k) * weight_value(n, k) * weight_scales.at(n, k >> c.shift);
        sum *= c.x_groups ? 1 : row_scales.at(r, 0);
        want.push_back(sum + (c.bias ? bias.at(0, n) : 0) + (c.accumulate ? y.at(r, n) : 0));
      }
    }
    return want;
  }

  EkcW8A8 arguments(const Tensor& to, int first = 0, int rows = -1) const {
    EkcW8A8 p = {};
    p.linear = {to.address(), x.address() + first * pitch, weight.address(), c.bias ? bias.address() : 0, to.stride,
                pitch, pitch, rows < 0 ? c.rows : rows, c.n, c.k, c.is_float ? EKC_E4M3 : EKC_I8, to.type, c.accumulate,
                c.x_groups ? 0 : row_scales.address() + first * 4};
    p.codes.scales = weight_scales.address();
    p.codes.group_shift = c.shift, p.codes.groups_stride = p.codes.scales_stride = weight_groups;
    p.codes.zero = c.is_float ? 0 : 128;
    if (c.x_groups) p.x_scales = x_scales.address() + (int64_t)first * x_groups * 4, p.x_groups = x_groups;
    if (c.x_zeros) p.x_zeros = x_zeros.address() + first * 4, p.weight_sums = weight_sums.address();
    return p;
  }
};
