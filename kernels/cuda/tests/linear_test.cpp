// Matrix products against double, and the promise that a row's bits do not depend on the other rows.
#include "linear_data.h"

enum Kernel { Any, Tiled, Skinny };
static const char* const kernel_names[] = {"any", "tiled", "skinny"};

// Blocks of the skinny kernel, as many as a GPU has SMs: its bits must not depend on it.
static uint32_t skinny_blocks = 3;

static void run_linear(Kernel kernel, int type, const EkcLinear& p, uint32_t seed) {
  if (kernel == Any) {
    const Grid grid = {(uint32_t)(p.n + 31) / 32, (uint32_t)(p.rows + 7) / 8, 1};
    launch(std::string("ekc_linear_any_") + type_name(type), grid, 256, EKC_LINEAR_ANY_SHARED, &p, seed);
  } else if (kernel == Skinny) {
    const std::string name = std::string("ekc_linear_skinny_") + type_name(type);
    launch(name, {skinny_blocks, 1, 1}, 256, EKC_LINEAR_SKINNY_SHARED, &p, seed);
  } else {
    const Grid grid = {(uint32_t)(p.rows + 63) / 64, (uint32_t)(p.n + 127) / 128, 1};
    launch(std::string("ekc_linear_tiled_") + type_name(type), grid, 256, EKC_LINEAR_TILED_SHARED, &p, seed);
  }
}

static void test_product(Kernel kernel, int type, int weight_type, const LinearCase& c) {
  const std::string name = std::string("linear_") + kernel_names[kernel] + " " + type_name(type) + " " +
      std::to_string(c.rows) + "x" + std::to_string(c.n) + "x" + std::to_string(c.k);
  for_seeds(name, [&](uint32_t seed) {
    Random random(seed);
    LinearData data(type, weight_type, c, random);
    const auto want = data.reference(c);
    run_linear(kernel, type, data.arguments(c), seed);
    expect_near(data.y, want, epsilon_of(data.y.type) + 2e-6, 1.0);
  });
}

// Row `pick` of a product of many rows has the bits of the same row alone.
static void test_row_alone(Kernel many, Kernel alone, int type, int rows, int pick, int k) {
  for_seeds("linear, a row alone", [&](uint32_t seed) {
    Random random(seed);
    const LinearCase c = {rows, 40, k, true, false, true, false};
    LinearData data(type, type, c, random);
    EkcLinear p = data.arguments(c);
    run_linear(many, type, p, seed);
    Tensor single(data.y.type, 1, c.n);
    p.x += pick * data.x.stride * type_bytes(type);
    p.y = single.address();
    p.rows = 1;
    run_linear(alone, type, p, seed + 1);
    expect_same_bytes(single.data(), data.y.data() + pick * data.y.stride * 4, single.bytes(), "bits");
  });
}

void test_linear() {
  for (int type : {EKC_F32, EKC_F16, EKC_BF16}) {
    test_product(Any, type, EKC_BF16, {1, 33, 7, true, false, false, false});
    test_product(Any, type, type, {9, 64, 600, false, true, true, true});
    test_product(Any, type, EKC_F32, {8, 5, 32, false, false, false, false});
    test_row_alone(Any, Any, type, 17, 9, 530);
  }
  for (int type : {EKC_F16, EKC_BF16}) {
    test_product(Tiled, type, type, {1, 8, 8, false, false, false, false});
    test_product(Tiled, type, type, {17, 130, 64, true, false, true, true});
    test_product(Tiled, type, type, {65, 129, 200, false, true, false, false});
    test_product(Tiled, type, type, {5, 16, 1048, true, true, false, true});
    test_row_alone(Tiled, Tiled, type, 70, 66, 1040);
    skinny_blocks = 3;
    test_product(Skinny, type, type, {1, 8, 8, false, false, false, false});
    test_product(Skinny, type, type, {9, 130, 64, true, false, true, true});
    test_product(Skinny, type, type, {8, 129, 584, false, true, false, false});
    skinny_blocks = 1;
    test_product(Skinny, type, type, {16, 80, 5200, true, true, false, true});
    skinny_blocks = 2;
    test_row_alone(Tiled, Skinny, type, 70, 69, 1040);
    test_row_alone(Skinny, Tiled, type, 16, 11, 1040);
  }
}
