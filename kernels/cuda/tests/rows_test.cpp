// Operations on rows against their definitions in double.
#include "harness.h"

#include <algorithm>

#include "engine_cuda_linear.h"

static const int types[] = {EKC_F32, EKC_F16, EKC_BF16};

static double activation(double x, int f) {
  if (f == EKC_MAP_SILU) return x / (1 + exp(-x));
  if (f == EKC_MAP_GELU) return 0.5 * x * erfc(-x / sqrt(2.0));
  if (f == EKC_MAP_GELU_TANH) return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  return f == EKC_MAP_RELU ? std::max(x, 0.0) : std::max(x, 0.0) * std::max(x, 0.0);
}

static double map_reference(double x, const EkcMap& p) {
  switch (p.function) {
    case EKC_MAP_SCALE: return x * p.a;
    case EKC_MAP_SOFT_CAP: return p.a * tanh(x / p.a);
    case EKC_MAP_CLAMP: return std::min(std::max(x, -(double)p.a), (double)p.a);
    case EKC_MAP_XIELU: return (x > 0 ? p.a * x * x : p.b * (expm1(std::min(x, (double)p.d)) - x)) + p.c * x;
    case EKC_MAP_TO_F32: return x;
    default: return activation(x, p.function);
  }
}

static uint32_t map_blocks(int columns) { return (columns + EKC_MAP_COLUMNS - 1) / EKC_MAP_COLUMNS; }

static void test_embed(int type, int table_type, int columns) {
  for_seeds(std::string("embed ") + type_name(type) + " columns " + std::to_string(columns), [&](uint32_t seed) {
    Random random(seed);
    const int vocab = 13;
    Tensor table(table_type, vocab, columns, columns + 3), y(type, 6, columns, columns + 5);
    table.randomize(random);
    Ints ids({0, 12, 5, 5, -1, 13});
    EkcEmbed p = {y.address(), table.address(), ids.address(), y.stride, table.stride, 6, columns, vocab, table_type,
                  1.75f, 0};
    launch(std::string("ekc_embed_") + type_name(type), {6, 1, 1}, 256, 0, &p, seed);
    std::vector<double> want;
    for (int r = 0; r < 6; r++) {
      const int id = ids[r];
      for (int c = 0; c < columns; c++) want.push_back(id < 0 || id >= vocab ? 0 : table.at(id, c) * 1.75);
    }
    expect_near(y, want, epsilon_of(type), 0);
  });
}

static std::vector<double> rms_reference(const Tensor& x, const Tensor* weight, int groups, double eps, double offset) {
  const int n = x.columns / groups;
  std::vector<double> want = x.values();
  for (int i = 0; i < x.rows * groups; i++) {
    double squares = 0;
    for (int c = 0; c < n; c++) squares += want[i * n + c] * want[i * n + c];
    const double scale = 1 / sqrt(squares / n + eps);
    for (int c = 0; c < n; c++) want[i * n + c] *= scale * (weight == nullptr ? 1 : weight->at(0, c) + offset);
  }
  return want;
}

static void test_rms_norm(int type, int n, int groups, bool weighted, bool in_place) {
  const std::string name = std::string("rms_norm ") + type_name(type) + " n " + std::to_string(n);
  for_seeds(name, [&](uint32_t seed) {
    Random random(seed);
    const int rows = 5, columns = n * groups;
    Tensor x(type, rows, columns, columns + 8), y(type, rows, columns, columns + 8), weight(EKC_F32, 1, n);
    x.randomize(random, 3);
    weight.randomize(random);
    const auto want = rms_reference(x, weighted ? &weight : nullptr, groups, 1e-5f, 1);
    const Tensor& out = in_place ? x : y;
    EkcRmsNorm p = {out.address(), x.address(), 0, weighted ? weight.address() : 0, out.stride, x.stride, 0, rows,
                    groups, n, 1e-5f, 1.f, 0};
    launch(std::string("ekc_rms_norm_") + type_name(type), {(uint32_t)rows, (uint32_t)groups, 1}, 256,
           EKC_NORM_SHARED, &p, seed);
    expect_near(out, want, 4 * epsilon_of(type), 0.01);
  });
}

static void test_add_rms_norm(int type, int n) {
  for_seeds(std::string("add_rms_norm ") + type_name(type) + " n " + std::to_string(n), [&](uint32_t seed) {
    Random random(seed);
    const int rows = 4;
    Tensor x(type, rows, n, n + 2), residual(type, rows, n, n + 4), y(type, rows, n), weight(EKC_F32, 1, n);
    x.randomize(random);
    residual.randomize(random);
    weight.randomize(random);
    std::vector<double> sum = residual.values();
    for (size_t i = 0; i < sum.size(); i++) sum[i] += x.values()[i];
    EkcRmsNorm p = {y.address(), x.address(), residual.address(), weight.address(), y.stride, x.stride,
                    residual.stride, rows, 1, n, 1e-6f, 0, 0};
    launch(std::string("ekc_add_rms_norm_") + type_name(type), {(uint32_t)rows, 1, 1}, 256, EKC_NORM_SHARED, &p, seed);
    expect_near(residual, sum, epsilon_of(type), 0.01);
    expect_near(y, rms_reference(residual, &weight, 1, 1e-6f, 0), 4 * epsilon_of(type), 0.01);
  });
}

static void test_layer_norm(int type, int n, int groups, bool per_group, bool biased) {
  for_seeds(std::string("layer_norm ") + type_name(type) + " n " + std::to_string(n), [&](uint32_t seed) {
    Random random(seed);
    const int rows = 3, columns = n * groups;
    Tensor x(type, rows, columns), y(type, rows, columns, columns + 1);
    Tensor weight(EKC_F32, 1, per_group ? columns : n), bias(EKC_F32, 1, per_group ? columns : n);
    x.randomize(random, 2);
    weight.randomize(random);
    bias.randomize(random);
    std::vector<double> want = x.values();
    for (int i = 0; i < rows * groups; i++) {
      double mean = 0, variance = 0;
      for (int c = 0; c < n; c++) mean += want[i * n + c] / n;
      for (int c = 0; c < n; c++) variance += (want[i * n + c] - mean) * (want[i * n + c] - mean) / n;
      for (int c = 0; c < n; c++) {
        const int w = per_group ? i % groups * n + c : c;
        double& v = want[i * n + c];
        v = (v - mean) / sqrt(variance + 1e-5f) * weight.at(0, w) + (biased ? bias.at(0, w) : 0);
      }
    }
    EkcLayerNorm p = {y.address(), x.address(), weight.address(), biased ? bias.address() : 0, y.stride, x.stride,
                      rows, groups, n, per_group, 1e-5f, 0};
    launch(std::string("ekc_layer_norm_") + type_name(type), {(uint32_t)rows, (uint32_t)groups, 1}, 256,
           EKC_NORM_SHARED, &p, seed);
    expect_near(y, want, 4 * epsilon_of(type), 0.5);
  });
}

static void test_map(int type, int function, int columns) {
  for_seeds("map " + std::to_string(function) + " " + type_name(type), [&](uint32_t seed) {
    Random random(seed);
    const int rows = 3, out = function == EKC_MAP_TO_F32 ? EKC_F32 : type;
    Tensor x(type, rows, columns, columns + 7), y(out, rows, columns, columns + 2);
    x.randomize(random, 4);
    for (int c = 0; c < std::min(columns, 9); c++) x.set(0, c, (c - 4) * 0.01);
    EkcMap p = {y.address(), x.address(), y.stride, x.stride, rows, columns, function, 1.5f, 0.8f, 0.5f, -1e-6f, 0};
    std::vector<double> want = x.values();
    for (double& v : want) v = map_reference(v, p);
    launch(std::string("ekc_map_") + type_name(type), {(uint32_t)rows, map_blocks(columns), 1}, 256, 0, &p, seed);
    expect_near(y, want, 3 * epsilon_of(out), 0.5);
  });
}

static void test_combine(int type, int columns) {
  for_seeds(std::string("add_scaled, activate_multiply ") + type_name(type), [&](uint32_t seed) {
    Random random(seed);
    const int rows = 3;
    Tensor x(type, rows, 2 * columns), y(type, rows, columns, columns + 3);
    x.randomize(random, 2);
    y.randomize(random);
    std::vector<double> want = y.values(), product;
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++) want[r * columns + c] += x.at(r, c) * 0.25;
    }
    EkcCombine p = {y.address(), x.address(), y.stride, x.stride, rows, columns, 0, 0.25f};
    const Grid grid = {(uint32_t)rows, map_blocks(columns), 1};
    launch(std::string("ekc_add_scaled_") + type_name(type), grid, 256, 0, &p, seed);
    expect_near(y, want, epsilon_of(type), 0.01);
    for (int function = EKC_MAP_SILU; function <= EKC_MAP_RELU_SQUARED; function++) {
      p.function = function;
      product.clear();
      for (int r = 0; r < rows; r++) {
        for (int c = 0; c < columns; c++) product.push_back(activation(x.at(r, c), function) * x.at(r, columns + c));
      }
      launch(std::string("ekc_activate_multiply_") + type_name(type), grid, 256, 0, &p, seed);
      expect_near(y, product, 3 * epsilon_of(type), 0.5);
    }
  });
}

static void test_rope(int type, int head_dim, int rotary, int interleaved) {
  for_seeds(std::string("rope ") + type_name(type) + " head " + std::to_string(head_dim), [&](uint32_t seed) {
    Random random(seed);
    const int rows = 4, heads = 3, positions = 20, half = rotary / 2;
    Tensor x(type, rows, heads * head_dim, heads * head_dim + 4), table(EKC_F32, positions, rotary);
    x.randomize(random);
    for (int i = 0; i < positions; i++) {
      for (int j = 0; j < half; j++) {
        table.set(i, j, cos(i * pow(100.0, -j / (double)half)));
        table.set(i, half + j, sin(i * pow(100.0, -j / (double)half)));
      }
    }
    Ints where({0, 19, 7, 7});
    std::vector<double> want = x.values();
    for (int r = 0; r < rows; r++) {
      for (int h = 0; h < heads; h++) {
        double* v = &want[(r * heads + h) * head_dim];
        for (int i = 0; i < half; i++) {
          double &a = v[interleaved ? 2 * i : i], &b = v[interleaved ? 2 * i + 1 : i + half];
          const double c = table.at(where[r], i), s = table.at(where[r], half + i), u = a;
          a = u * c - b * s;
          b = b * c + u * s;
        }
      }
    }
    EkcRope p = {x.address(), where.address(), table.address(), x.stride, rows, heads,
                 head_dim, rotary, interleaved, 0};
    launch(std::string("ekc_rope_") + type_name(type), {(uint32_t)rows, (uint32_t)heads, 1}, 64, 0, &p, seed);
    expect_near(x, want, 2 * epsilon_of(type), 0.5);
  });
}

static void test_gather(int row_bytes, int64_t pad) {
  for_seeds("gather_rows " + std::to_string(row_bytes), [&](uint32_t seed) {
    Random random(seed);
    Memory x(7 * (row_bytes + pad)), y(3 * (row_bytes + 4));
    for (int64_t i = 0; i < x.bytes(); i++) x.data()[i] = (uint8_t)random.bits();
    Ints indices({6, 0, 6});
    EkcGatherRows p = {y.address(), x.address(), indices.address(), row_bytes + 4, row_bytes + pad, row_bytes};
    launch("ekc_gather_rows", {3, 1, 1}, 256, 0, &p, seed);
    for (int i = 0; i < 3; i++) {
      expect_same_bytes(y.data() + i * (row_bytes + 4), x.data() + indices[i] * (row_bytes + pad), row_bytes, "row");
    }
  });
}

static void test_permute(int type, int columns) {
  for_seeds(std::string("permute_columns_") + type_name(type), [&](uint32_t seed) {
    Random random(seed);
    const int rows = 3;
    Tensor x(type, rows, columns, columns + 3), y(type, rows, columns), want(type, rows, columns);
    x.randomize(random);
    std::vector<int> list(columns);
    for (int& i : list) i = random.below(columns);
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < columns; i++) want.set(r, i, x.at(r, list[i]));
    }
    Ints order(list);
    EkcPermuteColumns p = {y.address(), x.address(), order.address(), y.stride, x.stride, rows, columns};
    const Grid grid = {rows, (uint32_t)(columns + EKC_MAP_COLUMNS - 1) / EKC_MAP_COLUMNS, 1};
    launch(std::string("ekc_permute_columns_") + type_name(type), grid, 256, 0, &p, seed);
    expect_same_bytes(y.data(), want.data(), want.bytes(), "permuted");
  });
}

void test_rows() {
  for (int type : types) {
    test_embed(type, EKC_BF16, 300);
    test_embed(type, EKC_F32, 7);
    test_rms_norm(type, 256, 1, true, false);
    test_rms_norm(type, 2051, 1, false, false);
    test_rms_norm(type, 20, 7, true, true);
    test_add_rms_norm(type, 1000);
    test_layer_norm(type, 300, 1, false, true);
    test_layer_norm(type, 33, 4, true, false);
    for (int function = EKC_MAP_SILU; function <= EKC_MAP_TO_F32; function++) test_map(type, function, 1100);
    test_combine(type, 1030);
    test_rope(type, 64, 64, 0);
    test_rope(type, 20, 10, 1);
    test_rope(type, 256, 192, 0);
    test_permute(type, 1100);
  }
  test_embed(EKC_BF16, EKC_F16, 64);
  test_gather(128, 0);
  test_gather(4098, 6);
  test_gather(4096, 12);
}
