// Products of 8-bit numbers by wgmma against double: any shape, size of tile, split and pair; and the bits of a row,
// which are the same in any company, those of integers also the other kernels'.
#include "w8a8_data.h"
#include "wgmma_launch.h"

// Scales of groups as these kernels take them, and sums of a row's codes.
struct TurnedInputs {
  int pitch;
  Memory scales, sums;

  TurnedInputs(const ProductData& data, int first, int rows)
      : pitch((rows + 255) / 256 * 256), scales((int64_t)pitch * data.x_groups * 4), sums((int64_t)rows * 4) {
    for (int r = 0; r < rows; r++) {
      for (int g = 0; g < data.x_groups; g++) {
        ((float*)scales.data())[g * pitch + r] = (float)data.x_scales.at(first + r, g);
      }
      int sum = 0;
      for (int k = 0; k < data.c.k; k++) sum += (int8_t)data.x.data()[(first + r) * data.pitch + k];
      ((int*)sums.data())[r] = sum;
    }
  }
};

// Rows [first, first + rows) of the product.
static void run_tiles(
    const ProductData& data, const Tensor& y, int first, int rows, const TileLaunch& how, uint32_t seed) {
  const ProductCase& c = data.c;
  const TurnedInputs inputs(data, first, rows);
  const uint32_t shared[] = {EKC_W8A8_WGMMA_SHARED(8), EKC_W8A8_WGMMA_SHARED(16), EKC_W8A8_WGMMA_SHARED(32),
                             EKC_W8A8_WGMMA_SHARED(64), EKC_W8A8_WGMMA_SHARED(128)};
  EkcW8A8Wgmma p = {};
  p.product = data.arguments(y, first, rows);
  if (c.x_groups) p.product.x_scales = inputs.scales.address();
  p.x_sums = inputs.sums.address();
  p.x_pitch = inputs.pitch;
  launch_tiles(
      "ekc_linear_w8a8_wgmma", c.is_float ? "e4m3" : "i8", p, p.product.linear, EKC_I8, 1024, shared, how, seed);
}

static void test_product(const ProductCase& c, const TileLaunch& how) {
  const std::string name = tiles_name("w8a8 wgmma", c.is_float ? "e4m3" : "i8", c.rows, c.n, c.k, how);
  for_seeds(name, [&](uint32_t seed) {
    Random random(seed);
    ProductData data(c, random);
    const auto want = data.reference();
    run_tiles(data, data.y, 0, c.rows, how, seed);
    // The tensor core's own sums of e4m3 are coarse, but only within 128 columns.
    expect_near(data.y, want, epsilon_of(c.y_type) + (c.is_float ? 2e-3 : 3e-6), 1.0);
  });
}

// Row `pick` of a product of many rows has the bits of the same row alone.
static void test_row_alone(
    bool is_float, bool groups, int rows, int pick, int k, const TileLaunch& many, const TileLaunch& alone) {
  for_seeds("w8a8 wgmma, a row alone", [&](uint32_t seed) {
    Random random(seed);
    const ProductCase c = {rows, 40, k, is_float, groups ? 7 : 30, groups, !is_float, true, false, EKC_F32};
    ProductData data(c, random);
    run_tiles(data, data.y, 0, rows, many, seed);
    Tensor single(EKC_F32, 1, c.n);
    run_tiles(data, single, pick, 1, alone, seed + 1);
    expect_same_bytes(single.data(), data.y.data() + pick * data.y.stride * 4, single.bytes(), "bits");
  });
}

static void test_integers_like_mma() {
  for_seeds("w8a8 wgmma beside linear_w8a8_i8_tiled", [&](uint32_t seed) {
    Random random(seed);
    const ProductCase c = {20, 136, 1100, false, 30, false, true, true, false, EKC_F32};
    ProductData data(c, random);
    run_tiles(data, data.y, 0, c.rows, {32, 2, 3, 1}, seed);
    Tensor other(EKC_F32, c.rows, c.n, data.y.stride);
    const EkcW8A8 p = data.arguments(other);
    launch("ekc_linear_w8a8_i8_tiled", {1, 2, 1}, 256, EKC_LINEAR_TILED_SHARED, &p, seed);
    expect_same_bytes(other.data(), data.y.data(), other.bytes(), "bits");
  });
}

void test_w8a8_wgmma() {
  test_product({1, 8, 16, false, 30, false, false, false, false, EKC_F32}, {8, 1, 1, 1});
  test_product({7, 130, 200, false, 30, false, true, true, true, EKC_BF16}, {8, 1, 2, 1});
  test_product({20, 129, 2100, false, 30, false, true, true, false, EKC_F16}, {16, 3, 4, 1});
  test_product({33, 140, 1077, false, 30, false, false, false, false, EKC_F32}, {32, 2, 3, 2});
  test_product({70, 64, 300, false, 30, false, true, false, false, EKC_F32}, {64, 1, 2, 1});
  test_product({130, 200, 640, false, 30, false, true, true, false, EKC_F32}, {128, 1, 3, 1});
  test_product({200, 140, 600, false, 30, false, true, false, false, EKC_F32}, {128, 1, 4, 1, true});
  test_product({1, 8, 16, true, 30, false, false, false, false, EKC_F32}, {8, 1, 1, 1});
  test_product({9, 130, 2100, true, 7, true, false, true, true, EKC_BF16}, {8, 3, 4, 1});
  test_product({16, 129, 1077, true, 8, true, false, true, false, EKC_F16}, {16, 2, 3, 1});
  test_product({33, 140, 900, true, 7, true, false, false, false, EKC_F32}, {32, 1, 2, 2});
  test_product({50, 64, 1400, true, 7, false, false, true, false, EKC_F32}, {64, 2, 2, 1});
  test_product({130, 100, 1200, true, 30, true, false, false, false, EKC_F32}, {128, 1, 3, 1});
  test_product({260, 100, 500, true, 7, true, false, true, false, EKC_F32}, {128, 1, 2, 8, true});
  test_row_alone(true, true, 140, 133, 1100, {128, 1, 2, 8, true}, {8, 1, 1, 1});
  for (int tile = 8; tile <= 128; tile *= 2) {
    test_row_alone(true, true, tile + 3, tile + 2, 1100, {tile, 1, 3, 8}, {8, 2, 2, 1});
  }
  test_row_alone(true, false, 67, 66, 1100, {64, 1, 2, 8}, {8, 2, 2, 1});
  test_row_alone(false, false, 67, 66, 1100, {64, 1, 2, 8}, {8, 2, 2, 1});
  test_integers_like_mma();
}
