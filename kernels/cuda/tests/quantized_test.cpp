// Weights of 4 and 8 bits: the bits of the plain product with the same weight unpacked.
#include "harness.h"

#include <algorithm>

#include "engine_cuda_linear.h"

// What of EkcCodes a case uses.
struct CodesForm {
  int type, shift, scale_type;
  bool zeros, mins, subs;  // mins with subs: sub_mins as well
  int sub_type;
};

struct QuantizedCase {
  int rows, n, k;
  CodesForm form;
  uint32_t blocks = 2;  // of the skinny form
};

static const char* format_name(int type) {
  return type == EKC_I4 ? "i4" : type == EKC_I8 ? "i8" : type == EKC_T4 ? "t4" : "e4m3";
}

struct QuantizedData {
  const QuantizedCase& c;
  const CodesForm& form;
  int groups, supers;
  Tensor x, plain, y, scales, mins, table;
  Memory zeros, subs, sub_mins, weight;

  static int bits(int type) { return type == EKC_I4 || type == EKC_T4 ? 4 : 8; }
  int64_t row_bytes() const { return ((int64_t)c.k + 63) / 64 * 8 * bits(form.type); }
  int scale_at(int k) const { return form.subs ? k / 256 : k >> form.shift; }

  QuantizedData(int type, const QuantizedCase& c, Random& random)
      : c(c), form(c.form), groups((int)(((int64_t)c.k + (1ll << form.shift) - 1) >> form.shift)),
        supers(form.subs ? (c.k + 255) / 256 : groups), x(type, c.rows, c.k, (c.k + 7) / 8 * 8),
        plain(type, c.n, c.k, (c.k + 7) / 8 * 8), y(EKC_F32, c.rows, c.n), scales(form.scale_type, c.n, supers),
        mins(form.scale_type, c.n, supers), table(EKC_F32, 1, 16), zeros(c.n * groups), subs(c.n * groups),
        sub_mins(c.n * groups), weight(row_bytes() * ((c.n + 15) / 16 * 16)) {
    x.randomize(random);
    mins.randomize(random, 0.05f);
    table.randomize(random, 4.f);
    for (int n = 0; n < c.n; n++) {
      for (int g = 0; g < supers; g++) scales.set(n, g, 0.01 + 0.02 * random.uniform());
      for (int g = 0; g < groups; g++) {
        zeros.data()[n * groups + g] = (uint8_t)random.below(form.type == EKC_I4 ? 16 : 256);
        const int sub = form.sub_type == EKC_E4M3 ? 0x30 + random.below(32) : random.below(256);
        subs.data()[n * groups + g] = (uint8_t)sub;
        sub_mins.data()[n * groups + g] = (uint8_t)random.below(64);
      }
      for (int k = 0; k < c.k; k++) put(n, k, random);
      for (int k = c.k; k % 64 != 0; k++) pack(n, k, 0);
    }
    for (Memory* part : {(Memory*)&scales, (Memory*)&mins, (Memory*)&table, &zeros, &subs, &sub_mins, &weight}) {
      part->make_constant();
    }
  }

  float value(uint8_t code) const {
    if (form.type == EKC_E4M3) return decode(&code, 0, EKC_E4M3);
    return form.type == EKC_T4 ? (float)table.at(0, code) : (float)code;
  }

  // A code where engine_cuda_linear.h says. Rows past the last stay 0xff: NaN in e4m3.
  void pack(int n, int k, int code) {
    const int row = n % 16, lane = row % 8 * 4 + k / 2 % 4;
    uint8_t* block = weight.data() + n / 16 * 16 * row_bytes() + k / 64 * (128 * bits(form.type));
    if (bits(form.type) == 8) {
      block[k % 64 / 32 * 512 + lane * 16 + k / 16 % 2 * 8 + row / 8 * 4 + k / 8 % 2 * 2 + k % 2] = (uint8_t)code;
      return;
    }
    uint8_t& two = block[lane * 16 + k % 64 / 16 * 4 + k % 2 * 2 + k / 8 % 2];
    two = (uint8_t)(row < 8 ? (two & 0xf0) | code : (two & 0x0f) | code << 4);
  }

  // A random weight, packed, and as the kernel is to see it.
  void put(int n, int k, Random& random) {
    uint8_t code = (uint8_t)random.bits();
    if (form.type == EKC_E4M3) encode(&code, 0, EKC_E4M3, random.normal() * 20);
    if (bits(form.type) == 4) code &= 15;
    pack(n, k, code);
    const int at = n * groups + (k >> form.shift);
    float scale = (float)scales.at(n, scale_at(k)), q = value(code), minimum = 0;
    const float sub = form.sub_type == EKC_E4M3 ? decode(subs.data(), at, EKC_E4M3) : (float)(int8_t)subs.data()[at];
    if (form.subs) scale *= sub;
    if (form.type == EKC_I4 || form.type == EKC_I8) q -= form.zeros ? (float)zeros.data()[at] : (float)zero();
    if (form.mins) minimum = (float)mins.at(n, scale_at(k));
    if (form.mins && form.subs) minimum = -(minimum * (float)sub_mins.data()[at]);
    const float product = q * scale;
    plain.set(n, k, form.mins ? product + minimum : product);
  }

  int zero() const { return form.mins ? 0 : bits(form.type) == 4 ? 8 : 128; }

  EkcLinear plain_arguments(const Tensor& to) const {
    return {to.address(), x.address(), plain.address(), 0, to.stride, x.stride, plain.stride, c.rows, c.n, c.k,
            plain.type, EKC_F32, 0, 0};
  }
  EkcCodes codes() const {
    EkcCodes codes = {};
    codes.scales = scales.address();
    codes.mins = form.mins ? mins.address() : 0;
    codes.subs = form.subs ? subs.address() : 0;
    codes.sub_mins = form.subs && form.mins ? sub_mins.address() : 0;
    codes.zeros = form.zeros ? zeros.address() : 0;
    codes.table = form.type == EKC_T4 ? table.address() : 0;
    codes.group_shift = form.shift, codes.groups_stride = groups, codes.scales_stride = supers;
    codes.scale_type = form.scale_type, codes.sub_type = form.sub_type, codes.zero = zero();
    return codes;
  }
  EkcQuantizedLinear arguments(const Tensor& to) const {
    EkcQuantizedLinear p = {plain_arguments(to), codes()};
    p.linear.weight = weight.address(), p.linear.weight_stride = row_bytes(), p.linear.weight_type = form.type;
    return p;
  }
};

static void test_product(int type, const QuantizedCase& c) {
  const std::string suffix = std::string("_") + type_name(type), format = format_name(c.form.type);
  for_seeds("quantized " + format + suffix, [&](uint32_t seed) {
    Random random(seed);
    QuantizedData data(type, c, random);
    Tensor want(EKC_F32, c.rows, c.n);
    const EkcLinear plain = data.plain_arguments(want);
    const EkcQuantizedLinear p = data.arguments(data.y);
    const std::string name = "ekc_linear_" + format;
    const Grid any = {(uint32_t)(c.n + 31) / 32, (uint32_t)(c.rows + 7) / 8, 1};
    launch("ekc_linear_any" + suffix, any, 256, EKC_LINEAR_ANY_SHARED, &plain, seed);
    expect_near(want, want.values(), 0, 0);  // no NaN
    launch(name + "_any" + suffix, any, 256, EKC_LINEAR_ANY_SHARED, &p, seed);
    expect_same_bytes(data.y.data(), want.data(), want.bytes(), "any: bits");
    if (type == EKC_F32) return;
    const Grid tiles = {(uint32_t)(c.rows + 63) / 64, (uint32_t)(c.n + 127) / 128, 1};
    want.fill(0xff), data.y.fill(0xff);
    launch("ekc_linear_tiled" + suffix, tiles, 256, EKC_LINEAR_TILED_SHARED, &plain, seed);
    launch(name + "_tiled" + suffix, tiles, 256, EKC_CODES_TILED_SHARED, &p, seed);
    expect_same_bytes(data.y.data(), want.data(), want.bytes(), "tiled: bits");
    if (c.rows > 16) return;
    data.y.fill(0xff);
    const int shared = QuantizedData::bits(c.form.type) == 4 ? EKC_CODES_SKINNY_SHARED(4) : EKC_CODES_SKINNY_SHARED(8);
    launch(name + "_skinny" + suffix, {c.blocks, 1, 1}, 256, shared, &p, seed);
    expect_same_bytes(data.y.data(), want.data(), want.bytes(), "skinny: bits");
  });
}

static void test_embed(int type, const CodesForm& form) {
  const std::string suffix = std::string("_") + type_name(type), format = format_name(form.type);
  for_seeds("embed " + format + suffix, [&](uint32_t seed) {
    Random random(seed);
    const QuantizedCase c = {1, 9, 300, form};
    QuantizedData data(type, c, random);
    Ints ids({3, -1, 0, 8, 9});
    Tensor want(type, 5, c.k), got(type, 5, c.k);
    EkcEmbed plain = {want.address(), data.plain.address(), ids.address(), want.stride, data.plain.stride, 5, c.k, c.n,
                      type, 1.5f, 0};
    launch("ekc_embed" + suffix, {5, 1, 1}, 256, 0, &plain, seed);
    EkcQuantizedEmbed p = {plain, data.codes()};
    p.embed.y = got.address();
    p.embed.table = data.weight.address(), p.embed.table_stride = data.row_bytes(), p.embed.table_type = form.type;
    launch("ekc_embed_" + format + suffix, {5, 1, 1}, 256, 0, &p, seed);
    expect_same_bytes(got.data(), want.data(), want.bytes(), "embed: bits");
  });
}

void test_quantized() {
  const CodesForm gptq = {EKC_I4, 6, EKC_F16, true, false, false, EKC_I8};
  const CodesForm q4_0 = {EKC_I4, 5, EKC_F16, false, false, false, EKC_I8};
  const CodesForm q4_1 = {EKC_I4, 5, EKC_BF16, false, true, false, EKC_I8};
  const CodesForm q4_k = {EKC_I4, 5, EKC_F16, false, true, true, EKC_I8};
  const CodesForm q6_k = {EKC_I8, 4, EKC_F16, false, false, true, EKC_I8};
  const CodesForm q5_1 = {EKC_I8, 5, EKC_F16, false, true, false, EKC_I8};
  const CodesForm int8 = {EKC_I8, 30, EKC_F32, true, false, false, EKC_I8};
  const CodesForm nvfp4 = {EKC_T4, 4, EKC_F32, false, false, true, EKC_E4M3};
  const CodesForm iq4 = {EKC_T4, 5, EKC_F16, false, false, false, EKC_I8};
  const CodesForm nf4 = {EKC_T4, 6, EKC_F32, false, false, false, EKC_I8};
  const CodesForm fp8 = {EKC_E4M3, 7, EKC_F32, false, false, false, EKC_I8};
  for (int type : {EKC_F16, EKC_BF16}) {
    for (const CodesForm& form : {gptq, q4_1, q6_k, int8, nvfp4, fp8}) test_product(type, {3, 20, 200, form});
    for (const CodesForm& form : {q4_0, q4_k, q5_1, iq4, nf4, fp8}) test_product(type, {11, 130, 584, form});
  }
  const CodesForm int4 = {EKC_I4, 7, EKC_BF16, false, false, false, EKC_I8};
  const CodesForm short_int4 = {EKC_I4, 5, EKC_BF16, true, false, false, EKC_I8};
  const CodesForm channels = {EKC_I4, 30, EKC_F16, true, false, false, EKC_I8};
  const CodesForm sums = {EKC_I4, 6, EKC_F32, false, true, false, EKC_I8};
  const CodesForm q2_k = {EKC_I4, 4, EKC_F16, false, true, true, EKC_I8};
  const CodesForm q8_0 = {EKC_I8, 5, EKC_F16, false, false, false, EKC_I8};
  const CodesForm q5_k = {EKC_I8, 5, EKC_F16, false, true, true, EKC_I8};
  const CodesForm fp8_rows = {EKC_E4M3, 30, EKC_BF16, false, false, false, EKC_I8};
  for (int type : {EKC_F16, EKC_BF16}) {
    for (const CodesForm& form : {int4, short_int4, sums, q8_0}) test_product(type, {7, 35, 712, form, 1});
    for (const CodesForm& form : {channels, q2_k, q5_k, fp8_rows}) test_product(type, {9, 19, 1096, form, 3});
  }
  // More than a group of tiles and slices than warps.
  test_product(EKC_BF16, {2, 100, 5192, int4, 1});
  test_product(EKC_F16, {10, 66, 4616, gptq, 1});
  test_product(EKC_F16, {16, 33, 640, gptq});
  test_product(EKC_BF16, {70, 150, 264, nvfp4});
  test_product(EKC_BF16, {70, 150, 264, fp8});
  for (const CodesForm& form : {gptq, q4_k, q6_k, nvfp4, fp8}) test_product(EKC_F32, {9, 35, 291, form});
  for (int type : {EKC_F32, EKC_F16, EKC_BF16}) {
    for (const CodesForm& form : {gptq, q4_k, int8, nvfp4, fp8}) test_embed(type, form);
  }
}
