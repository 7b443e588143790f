// Random operands of a matrix product and what it should give.
#pragma once

#include "engine_cuda_linear.h"
#include "harness.h"

struct LinearCase {
  int rows, n, k;
  bool bias, accumulate, f32_output;
};

struct LinearData {
  Tensor x, weight, bias, y;
  LinearData(int type, int weight_type, const LinearCase& c, Random& random)
      : x(type, c.rows, c.k, (c.k + 15) / 8 * 8),
        weight(weight_type, c.n, c.k, (c.k + 7) / 8 * 8),
        bias(EKC_F32, 1, c.n),
        y(c.f32_output ? EKC_F32 : type, c.rows, c.n, c.n + 3) {
    x.randomize(random);
    weight.randomize(random, 1.f / sqrtf((float)c.k));
    bias.randomize(random);
    if (c.accumulate) y.randomize(random);
  }
  EkcLinear arguments(const LinearCase& c) const {
    return {y.address(), x.address(), weight.address(), c.bias ? bias.address() : 0, y.stride, x.stride,
            weight.stride, c.rows, c.n, c.k, weight.type, y.type, c.accumulate};
  }
  std::vector<double> reference(const LinearCase& c) const {
    std::vector<double> want;
    for (int r = 0; r < c.rows; r++) {
      for (int n = 0; n < c.n; n++) {
        double sum = (c.bias ? bias.at(0, n) : 0) + (c.accumulate ? y.at(r, n) : 0);
        for (int k = 0; k < c.k; k++) sum += x.at(r, k) * weight.at(n, k);
        want.push_back(sum);
      }
    }
    return want;
  }
};
