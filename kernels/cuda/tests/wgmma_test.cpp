// Products by wgmma against double, and the promise that an element does not depend on the other rows, on the size of
// a tile, on how many CTAs share it, or on how many there are.
#include "linear_data.h"
#include "wgmma_launch.h"

static void run_wgmma(int type, const EkcLinear& p, const TileLaunch& how, uint32_t seed) {
  const uint32_t shared[] = {EKC_LINEAR_WGMMA_SHARED(8), EKC_LINEAR_WGMMA_SHARED(16), EKC_LINEAR_WGMMA_SHARED(32),
                             EKC_LINEAR_WGMMA_SHARED(64), EKC_LINEAR_WGMMA_SHARED(128)};
  EkcLinearWgmma all = {};
  all.linear = p;
  launch_tiles("ekc_linear_wgmma", type_name(type), all, p, type, 512, shared, how, seed);
}

static void test_product(int type, const LinearCase& c, const TileLaunch& how) {
  const std::string name = tiles_name("linear_wgmma", type_name(type), c.rows, c.n, c.k, how);
  for_seeds(name, [&](uint32_t seed) {
    Random random(seed);
    LinearData data(type, type, c, random);
    const auto want = data.reference(c);
    run_wgmma(type, data.arguments(c), how, seed);
    expect_near(data.y, want, epsilon_of(data.y.type) + 2e-6, 1.0);
  });
}

// Row `pick` of a product of many rows has the bits of the same row alone.
static void test_row_alone(int type, int rows, int pick, int k, const TileLaunch& many, const TileLaunch& alone) {
  for_seeds("linear_wgmma, a row alone", [&](uint32_t seed) {
    Random random(seed);
    const LinearCase c = {rows, 40, k, true, false, true};
    LinearData data(type, type, c, random);
    EkcLinear p = data.arguments(c);
    run_wgmma(type, p, many, seed);
    Tensor single(data.y.type, 1, c.n);
    p.x += pick * data.x.stride * 2;
    p.y = single.address();
    p.rows = 1;
    run_wgmma(type, p, alone, seed + 1);
    expect_same_bytes(single.data(), data.y.data() + pick * data.y.stride * 4, single.bytes(), "bits");
  });
}

void test_wgmma() {
  for (int type : {EKC_F16, EKC_BF16}) {
    test_product(type, {1, 8, 8, false, false, false}, {8, 1, 1, 1});
    test_product(type, {7, 130, 72, true, false, true}, {8, 1, 1, 1});
    test_product(type, {9, 129, 1048, true, true, false}, {8, 3, 2, 1});
    test_product(type, {16, 200, 584, false, true, false}, {16, 2, 5, 1});
    test_product(type, {33, 140, 200, true, false, true}, {32, 1, 3, 2});
    test_product(type, {50, 64, 1600, true, true, true}, {64, 4, 2, 1});
    test_product(type, {130, 300, 640, true, false, false}, {128, 1, 2, 1});
    test_product(type, {129, 130, 1096, false, true, false}, {128, 1, 1, 4});
    test_product(type, {200, 260, 1096, true, false, false}, {128, 1, 4, 1, true});
    test_product(type, {300, 130, 584, false, true, true}, {128, 1, 2, 8, true});
  }
  test_row_alone(EKC_BF16, 300, 200, 1040, {128, 1, 2, 8, true}, {8, 1, 1, 1});
  for (int tile = 8; tile <= 128; tile *= 2) {
    test_row_alone(EKC_BF16, 131, 130, 1040, {128, 1, 2, 8}, {tile, 1, 1, 1});
    test_row_alone(EKC_BF16, 19, 9, 1040, {tile, 1, 3, 8}, {8, 2, 2, 1});
  }
}

// Whether wgmma rounds as mma does is for a GPU to say; where it does, the forms may be mixed.
void test_wgmma_like_mma() {
  for (int type : {EKC_F16, EKC_BF16}) {
    for_seeds("linear_wgmma beside linear_tiled", [&](uint32_t seed) {
      Random random(seed);
      const LinearCase c = {20, 136, 1096, true, false, true};
      LinearData data(type, type, c, random);
      EkcLinear p = data.arguments(c);
      run_wgmma(type, p, {32, 1, 1, 1}, seed);
      Tensor other(data.y.type, c.rows, c.n, data.y.stride);
      p.y = other.address();
      const Grid grid = {(uint32_t)(p.rows + 63) / 64, (uint32_t)(p.n + 127) / 128, 1};
      launch(std::string("ekc_linear_tiled_") + type_name(type), grid, 256, EKC_LINEAR_TILED_SHARED, &p, seed);
      expect_same_bytes(other.data(), data.y.data(), other.bytes(), "bits");
    });
  }
}
