// Inputs rounded to 8 bits against the formulas, and products of 8-bit numbers against double.
#include "w8a8_data.h"

// ---- rounding

struct Rounding {
  int kind;
  float scale;
  int zero;
};

static const char* const kind_names[] = {
    "", "i8 tensor", "i8 token", "i8 token zero", "e4m3 tensor", "e4m3 token", "e4m3 group", "nvfp4"};

static float clamped(float v, float least, float most) { return fminf(fmaxf(v, least), most); }

static float as_e4m3(float v) {
  uint8_t code;
  encode(&code, 0, EKC_E4M3, v);
  return decode(&code, 0, EKC_E4M3);
}

// Nearest of the eight, ties to the even one.
static float as_e2m1(float v) {
  static const float values[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  int best = 0;
  for (int i = 1; i < 8; i++) {
    const float now = fabsf(values[i] - fabsf(v)), before = fabsf(values[best] - fabsf(v));
    if (now < before || (now == before && i % 2 == 0)) best = i;
  }
  return copysignf(values[best], v);
}

// What a run of inputs is divided by, and the zero of integers, in f32 as the checkpoints' formats have it.
struct Divisor {
  float scale;
  int zero;
};

static Divisor divisor_of(const Rounding& how, const std::vector<float>& x) {
  float least = 0, most = 0;
  for (float v : x) least = fminf(least, v), most = fmaxf(most, v);
  const float largest = fmaxf(most, -least);
  switch (how.kind) {
    case EKC_INPUT_I8_TOKEN: return {largest > 0 ? largest / 127 : 1, 0};
    case EKC_INPUT_I8_TOKEN_ZERO: {
      const float scale = largest > 0 ? (most - least) / 255 : 1;
      return {scale, (int)clamped(nearbyintf(-128 - least / scale), -128, 127)};
    }
    case EKC_INPUT_E4M3_TOKEN: return {fmaxf(largest / 448, 1.f / (448 * 512)), 0};
    case EKC_INPUT_E4M3_GROUP: return {fmaxf(largest, 1e-10f) / 448, 0};
    default: return {how.scale, how.kind == EKC_INPUT_I8_TENSOR ? how.zero : 0};
  }
}

static bool is_integer(int kind) { return kind <= EKC_INPUT_I8_TOKEN_ZERO; }

// The value of a code: what is stored less its zero.
static float code_value(const Rounding& how, float v, const Divisor& d) {
  if (!is_integer(how.kind)) return as_e4m3(v / d.scale);
  const float zero = (float)d.zero;
  return clamped(nearbyintf(v / d.scale) + zero, -128, 127) - zero;
}

struct RoundingCase {
  int type, rows, k;
  Rounding how;
};

static Tensor inputs_of(const RoundingCase& c, Random& random) {
  return Tensor(c.type, c.rows, c.k, c.k + (int)random.below(3));
}

static std::vector<float> run_of(const Tensor& x, int row, int first, int count) {
  std::vector<float> run;
  for (int k = first; k < first + count && k < x.columns; k++) run.push_back((float)x.at(row, k));
  return run;
}

static void fill_inputs(Tensor& x, Random& random) {
  x.randomize(random, 3.f);
  for (int r = 0; r < x.rows; r++) {
    if (r % 3 == 1) x.set(r, random.below(x.columns), 90);  // an outlier
    for (int k = 0; r % 5 == 4 && k < x.columns; k++) x.set(r, k, 0);
  }
}

// turned: scales of groups of all rows together, and sums of codes.
static void test_codes(const RoundingCase& c, bool turned) {
  for_seeds(std::string("round_inputs ") + kind_names[c.how.kind] + " " + type_name(c.type), [&](uint32_t seed) {
    Random random(seed);
    Tensor x = inputs_of(c, random);
    fill_inputs(x, random);
    const int unit = c.how.kind == EKC_INPUT_E4M3_GROUP ? EKC_INPUT_GROUP : c.k, groups = (c.k + unit - 1) / unit;
    const int64_t pitch = (c.k + 15) / 16 * 16;
    const bool is_group = c.how.kind == EKC_INPUT_E4M3_GROUP;
    Memory y(pitch * c.rows), zeros(4 * c.rows), sums(4 * c.rows);
    Tensor scales(EKC_F32, turned && is_group ? groups : c.rows, turned && is_group ? c.rows : groups);
    const EkcRoundInputs p = {y.address(), scales.address(), zeros.address(), x.address(), pitch, x.stride, c.rows,
                              c.k, c.how.kind, c.how.zero, c.how.scale, turned && is_group ? (int)scales.stride : 0,
                              turned ? sums.address() : 0};
    launch(std::string("ekc_round_inputs_") + type_name(c.type), {(uint32_t)c.rows, 1, 1}, 256, EKC_ROUND_SHARED, &p,
           seed);
    std::vector<uint8_t> want(y.bytes(), 0);
    std::vector<double> want_scales;
    for (int r = 0; r < c.rows; r++) {
      int sum = 0;
      for (int g = 0; g < groups; g++) {
        const auto run = run_of(x, r, g * unit, unit);
        const Divisor d = divisor_of(c.how, run);
        want_scales.push_back(d.scale);
        for (size_t i = 0; i < run.size(); i++) {
          uint8_t& code = want[r * pitch + g * unit + i];
          if (is_integer(c.how.kind)) code = (uint8_t)((int)code_value(c.how, run[i], d) + d.zero);
          else encode(&code, 0, EKC_E4M3, run[i] / d.scale);
          sum += (int8_t)code;
        }
        if (is_integer(c.how.kind) && ((const int*)zeros.data())[r] != d.zero) report("zero of a row");
      }
      if (is_integer(c.how.kind) && turned && ((const int*)sums.data())[r] != sum) report("sum of a row's codes");
    }
    if (turned && is_group) {
      std::vector<double> by_rows;
      for (int r = 0; r < c.rows; r++) {
        for (int g = 0; g < groups; g++) by_rows.push_back(scales.at(g, r));
      }
      comparisons++;
      if (by_rows != want_scales) report("scales of groups");
    } else {
      expect_near(scales, want_scales, 0, 0);
    }
    expect_same_bytes(y.data(), want.data(), y.bytes(), "codes");
  });
}

// An infinity or a NaN is seen in the scale, and in no other row.
static void test_bad_inputs(int kind, float bad) {
  for_seeds(std::string("what is no number, ") + kind_names[kind], [&](uint32_t seed) {
    Random random(seed);
    const RoundingCase c = {EKC_F32, 2, 140, {kind, 0.5f, 3}};
    Tensor x(EKC_F32, c.rows, c.k), y(EKC_F32, c.rows, c.k), scales(EKC_F32, c.rows, 1);
    fill_inputs(x, random);
    x.set(0, 131, bad);
    EkcRoundInputs p = {y.address(), scales.address(), 0, x.address(), y.stride, x.stride, c.rows, c.k, kind, 3, 0.5f,
                        0, 0};
    launch("ekc_round_values_f32", {2, 1, 1}, 256, EKC_ROUND_SHARED, &p, seed);
    comparisons++;
    if (!std::isnan(scales.at(0, 0)) || !std::isfinite(scales.at(1, 0))) report("scales of values");
    if (kind == EKC_INPUT_NVFP4) return;
    const int groups = kind == EKC_INPUT_E4M3_GROUP ? 2 : 1;
    Memory codes(144 * c.rows), zeros(4 * c.rows);
    Tensor factors(EKC_F32, c.rows, groups);
    p.y = codes.address(), p.y_stride = 144, p.scales = factors.address(), p.zeros = zeros.address();
    launch("ekc_round_inputs_f32", {2, 1, 1}, 256, EKC_ROUND_SHARED, &p, seed);
    if (!std::isnan(factors.at(0, groups - 1)) || !std::isfinite(factors.at(1, 0))) report("scales of codes");
    for (int i = 0; i < codes.bytes(); i++) {
      if (kind >= EKC_INPUT_E4M3_TENSOR && (codes.data()[i] & 0x7f) == 0x7f) report("a code that is no number");
    }
  });
}

static void test_values(const RoundingCase& c) {
  for_seeds(std::string("round_values ") + kind_names[c.how.kind] + " " + type_name(c.type), [&](uint32_t seed) {
    Random random(seed);
    Tensor x = inputs_of(c, random), y(c.type, c.rows, c.k, c.k + 5), scales(EKC_F32, c.rows, 1);
    fill_inputs(x, random);
    const EkcRoundInputs p = {y.address(), scales.address(), 0, x.address(), y.stride, x.stride, c.rows, c.k,
                              c.how.kind, c.how.zero, c.how.scale, 0, 0};
    launch(std::string("ekc_round_values_") + type_name(c.type), {(uint32_t)c.rows, 1, 1}, 256, EKC_ROUND_SHARED, &p,
           seed);
    const bool is_group = c.how.kind == EKC_INPUT_E4M3_GROUP, is_nvfp4 = c.how.kind == EKC_INPUT_NVFP4;
    const int unit = is_group ? EKC_INPUT_GROUP : is_nvfp4 ? 16 : c.k;
    std::vector<double> want, want_scales;
    for (int r = 0; r < c.rows; r++) {
      want_scales.push_back(is_nvfp4 ? 1 / c.how.scale : is_group ? 1 : divisor_of(c.how, run_of(x, r, 0, c.k)).scale);
      for (int first = 0; first < c.k; first += unit) {
        const auto run = run_of(x, r, first, unit);
        const Divisor d = divisor_of(c.how, run);
        float largest = 0;
        for (float v : run) largest = fmaxf(largest, fabsf(v));
        float factor = as_e4m3(c.how.scale * largest / 6);
        if (factor == 0) factor = 0.125f;
        for (float v : run) {
          if (is_nvfp4) want.push_back(as_e2m1(v / (factor / c.how.scale)) * factor);
          else want.push_back(code_value(c.how, v, d) * (is_group ? d.scale : 1));
        }
      }
    }
    expect_near(scales, want_scales, 0, 0);
    expect_near(y, want, is_group ? epsilon_of(c.type) : 0, 0);
  });
}

// ---- products

static void run_product(const std::string& format, bool skinny, const EkcW8A8& p, uint32_t seed) {
  const std::string name = "ekc_linear_w8a8_" + format + (skinny ? "_skinny" : "_tiled");
  const Grid tiles = {(uint32_t)(p.linear.rows + 63) / 64, (uint32_t)(p.linear.n + 127) / 128, 1};
  if (skinny) launch(name, {2, 1, 1}, 256, EKC_LINEAR_SKINNY_SHARED, &p, seed);
  else launch(name, tiles, 256, EKC_LINEAR_TILED_SHARED, &p, seed);
}

static void test_product(const std::string& format, const ProductCase& c) {
  const std::string shape = std::to_string(c.rows) + "x" + std::to_string(c.n) + "x" + std::to_string(c.k);
  for_seeds("w8a8 " + format + " " + shape, [&](uint32_t seed) {
    Random random(seed);
    ProductData data(c, random);
    const auto want = data.reference();
    // The tensor core's own sums of e4m3 are coarse, but only within 128 columns.
    const double close = format == "e4m3_mma" ? 2e-3 : 3e-6;
    Tensor tiled(c.y_type, c.rows, c.n, data.y.stride);
    memcpy(tiled.data(), data.y.data(), tiled.bytes());
    run_product(format, false, data.arguments(tiled), seed);
    expect_near(tiled, want, epsilon_of(c.y_type) + close, 1.0);
    // Rows of it, alone and as many as the skinny form takes.
    for (int rows : {1, 9, 16}) {
      if (rows > c.rows || c.accumulate || c.y_type != EKC_F32) continue;
      const int first = c.rows - rows;
      Tensor some(c.y_type, rows, c.n, data.y.stride);
      run_product(format, true, data.arguments(some, first, rows), seed + 1);
      for (int r = 0; r < rows; r++) {
        expect_same_bytes(
            some.data() + r * some.stride * 4, tiled.data() + (first + r) * tiled.stride * 4, c.n * 4, "bits of a row");
      }
    }
  });
}

void test_rounding() {
  const Rounding schemes[] = {{EKC_INPUT_I8_TENSOR, 0.03f, 0}, {EKC_INPUT_I8_TENSOR, 0.02f, -37},
                              {EKC_INPUT_I8_TOKEN, 0, 0},      {EKC_INPUT_I8_TOKEN_ZERO, 0, 0},
                              {EKC_INPUT_E4M3_TENSOR, 0.011f, 0}, {EKC_INPUT_E4M3_TOKEN, 0, 0},
                              {EKC_INPUT_E4M3_GROUP, 0, 0},    {EKC_INPUT_NVFP4, 500, 0}};
  for (const Rounding& how : schemes) {
    for (int type : {EKC_F32, EKC_F16, EKC_BF16}) {
      for (int k : {1, 133, 1300}) {
        for (bool turned : {false, true}) {
          if (how.kind != EKC_INPUT_NVFP4) test_codes({type, 5, k, how}, turned);
        }
        test_values({type, 5, k, how});
      }
    }
    test_bad_inputs(how.kind, NAN);
    test_bad_inputs(how.kind, INFINITY);
  }
}

void test_w8a8() {
  for (int y_type : {EKC_F32, EKC_F16, EKC_BF16}) {
    test_product("i8", {18, 33, 200, false, 30, false, true, true, false, y_type});
    test_product("i8", {3, 130, 77, false, 30, false, false, true, true, y_type});
  }
  test_product("i8", {70, 140, 1040, false, 30, false, true, false, false, EKC_F32});
  test_product("i8", {16, 20, 5000, false, 30, false, true, true, false, EKC_F32});
  for (const std::string format : {"e4m3", "e4m3_mma"}) {
    if (!machine_has("ekc_linear_w8a8_" + format + "_tiled")) continue;  // sm_89
    test_product(format, {18, 33, 200, true, 30, false, false, true, false, EKC_F32});
    test_product(format, {3, 130, 77, true, 30, false, false, true, true, EKC_BF16});
    test_product(format, {20, 40, 1400, true, 7, true, false, true, false, EKC_F32});
    test_product(format, {9, 20, 3000, true, 8, true, false, false, false, EKC_F32});
    test_product(format, {70, 140, 300, true, 7, false, false, false, false, EKC_F32});
    test_product(format, {17, 20, 2500, true, 30, true, false, false, false, EKC_F32});
  }
}
