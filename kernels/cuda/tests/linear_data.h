// Random operands of a matrix product and what it should give.
#pragma once

#include "engine_cuda_linear.h"
#include "harness.h"

struct LinearCase {
  int rows, n, k;
  bool bias, accumulate, f32_output, row_scales = false;
};

struct LinearData {
  Tensor x, weight, bias, y, row_scales;
  LinearData(int type, int weight_type, const LinearCase& c, Random& random)
      : x(type, c.rows, c.k, (c.k + 15) / 8 * 8),
        weight(weight_type, c.n, c.k, (c.k + 7) / 8 * 8),
        bias(EKC_F32, 1, c.n),
        y(c.f32_output ? EKC_F32 : type, c.rows, c.n, c.n + 3),
        row_scales(EKC_F32, c.rows, 1) {
    x.randomize(random);
    weight.randomize(random, 1.f / sqrtf((float)c.k));
    bias.randomize(random);
    row_scales.randomize(random);
    if (c.accumulate) y.randomize(random);
    weight.make_constant();
  }
  EkcLinear arguments(const LinearCase& c) const {
    return {y.address(), x.address(), weight.address(), c.bias ? bias.address() : 0, y.stride, x.stride,
            weight.stride, c.rows, c.n, c.k, weight.type, y.type, c.accumulate,
            c.row_scales ? row_scales.address() : 0};
  }
  std::vector<double> reference(const LinearCase& c) const {
    std::vector<double> want;
    for (int r = 0; r < c.rows; r++) {
      for (int n = 0; n < c.n; n++) {
        double sum = 0;
        for (int k = 0; k < c.k; k++) sum += x.at(r, k) * weight.at(n, k);
        if (c.row_scales) sum *= row_scales.at(r, 0);
        want.push_back(sum + (c.bias ? bias.at(0, n) : 0) + (c.accumulate ? y.at(r, n) : 0));
      }
    }
    return want;
  }
};
