// Products by tiles, told apart bit for bit: those of the processor, those in scalar code, and those of AVX-512 VNNI.
//   kernels_tiles [bf16] [integers] [attention]    what this machine has, of these groups or of all
//   kernels_tiles real ...                         fails where the processor's own tiles cannot be had
// Small, so that it ends in a minute on an emulated processor (eng/amx_emulator.py); several threads on one processor,
// and a timer's signals, so that the system has to keep the tiles' state.
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include <vector>

#include "engine_kernels.h"

namespace {

struct Level {
  const char* name;
  ek_context* context = nullptr;
  uint64_t digest = 0;  // of all it gave in a group, for comparisons with other machines
};

Level g_real{"real tiles"}, g_emulated{"scalar tiles"}, g_vnni{"avx512-vnni"}, g_bf16{"avx512-bf16"};
int64_t g_compared = 0, g_failures = 0;
volatile sig_atomic_t g_signals = 0;

uint64_t g_random = 1;

uint32_t next_random() {
  g_random ^= g_random << 13;
  g_random ^= g_random >> 7;
  g_random ^= g_random << 17;
  return static_cast<uint32_t>(g_random >> 20);
}

float random_float() { return static_cast<float>(next_random() & 0xffff) / 32768 - 1; }

std::vector<float> random_floats(int64_t count) {
  std::vector<float> values(count);
  for (float& x : values) x = random_float();
  return values;
}

// Sums and products of these are subnormal, overflow, or neither.
std::vector<float> extreme_floats(int64_t count) {
  std::vector<float> values(count);
  for (float& x : values) x = ldexpf(random_float(), static_cast<int>(next_random() % 250) - 140);
  return values;
}

bool same_bits(float a, float b) { return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b); }

void digest(Level& level, const std::vector<float>& values) {
  for (float x : values) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    level.digest = (level.digest ^ (x != x ? 0x7fc00000 : bits)) * 0x100000001b3;
  }
}

struct Case {
  const char* what;
  int64_t rows, n, k;
  int32_t format, activation;
};

void compare(const Case& c, const Level& a, const std::vector<float>& x, const Level& b, const std::vector<float>& y) {
  g_compared++;
  for (size_t i = 0; i < x.size(); i++) {
    if (same_bits(x[i], y[i])) continue;
    if (g_failures++ < 40) {
      printf("DIFFERENT %s: rows %ld, n %ld, k %ld, format %#x, activation %d: value %zu is %.9g by %s, %.9g by %s\n",
             c.what, static_cast<long>(c.rows), static_cast<long>(c.n), static_cast<long>(c.k),
             static_cast<unsigned>(c.format), c.activation, i, x[i], a.name, y[i], b.name);
    }
    return;
  }
}

// What a rounding in another order may change.
void compare_near(
    const Case& c, const Level& a, const std::vector<float>& x, const Level& b, const std::vector<float>& y) {
  g_compared++;
  const float most = 1e-5f * static_cast<float>(c.k + 1);
  for (size_t i = 0; i < x.size(); i++) {
    if (fabsf(x[i] - y[i]) <= most) continue;
    if (g_failures++ < 40) {
      printf("FAR APART %s: rows %ld, n %ld, k %ld: value %zu is %.9g by %s, %.9g by %s\n", c.what,
             static_cast<long>(c.rows), static_cast<long>(c.n), static_cast<long>(c.k), i, x[i], a.name, y[i], b.name);
    }
    return;
  }
}

void fail(const char* what, int32_t code) {
  printf("FAILED %s: %d\n", what, code);
  g_failures++;
}

// A packed weight in aligned memory.
class Weight {
 public:
  Weight(int64_t n, int64_t k, int32_t format, int32_t activation)
      : bytes_(ek_linear_bytes(n, k, format)),
        memory_(ek_map(bytes_)),
        w_{memory_, n, k, format, activation, nullptr, {}} {}
  ~Weight() { ek_unmap(memory_, bytes_); }
  Weight(const Weight&) = delete;
  Weight& operator=(const Weight&) = delete;
  ek_linear_weight& operator*() { return w_; }
  ek_linear_weight* operator->() { return &w_; }

  void pack(ek_context* context, const std::vector<float>& values) {
    const ek_linear_part part{values.data(), w_.n, w_.k, EK_F32, 0};
    const int32_t code = ek_linear_pack(context, &w_, &part, 1);
    if (code != EK_OK) fail("ek_linear_pack", code);
  }

  void pack_random_codes() {
    const int64_t group = int64_t{1} << (w_.format >> 4 & 15), groups = (w_.k + group - 1) / group;
    const int codes_of = w_.format & 15, scale = w_.format >> 8 & 15;
    static const uint8_t kBits[12] = {4, 5, 6, 8, 4, 4, 8, 4, 4, 4, 4, 4};
    const uint8_t mask = static_cast<uint8_t>((1 << kBits[codes_of]) - 1);
    std::vector<uint8_t> codes(16 * w_.k), zeros(16 * groups), sub_mins(16 * groups);
    std::vector<int8_t> subs(16 * groups);
    std::vector<float> scales(16 * groups), mins(16 * groups);
    for (int64_t panel = 0; panel * 16 < w_.n; panel++) {
      for (uint8_t& x : codes) {
        x = next_random() & mask;
        if (codes_of == EK_CODES_E4M3 && (x & 0x7f) == 0x7f) x = 8;
      }
      for (int64_t i = 0; i < 16 * groups; i++) {
        // Sixteenths fit every type of scale.
        scales[i] = static_cast<float>(next_random() % 15 + 1) / 256;
        mins[i] = static_cast<float>(next_random() % 15) / 256;
        zeros[i] = next_random() & mask;
        subs[i] = static_cast<int8_t>(scale == EK_CODES_SCALE_SUPER_E4M3 ? next_random() % 0x7f : next_random());
        sub_mins[i] = static_cast<uint8_t>(next_random());
      }
      const int64_t rows = w_.n - panel * 16 < 16 ? w_.n - panel * 16 : 16;
      const ek_codes_rows given{codes.data(), scales.data(), zeros.data(), mins.data(), subs.data(),
                                sub_mins.data(), rows, group};
      const int32_t code = ek_codes_pack(&w_, panel, &given);
      if (code != EK_OK) fail("ek_codes_pack", code);
    }
  }

 private:
  int64_t bytes_;
  void* memory_;
  ek_linear_weight w_;
};

// extra: 0 nothing, 1 a bias, 2 accumulation.
std::vector<float> multiply(
    Level& level, Weight& weight, std::vector<float>& x, int64_t rows, const std::vector<float>& given,
    int extra) {
  std::vector<float> y(given);
  const ek_matrix mx{x.data(), rows, weight->k, weight->k}, my{y.data(), rows, weight->n, weight->n};
  const int32_t code = ek_linear(level.context, &my, &mx, &*weight, extra == 1 ? given.data() : nullptr, extra == 2);
  if (code != EK_OK) fail("ek_linear", code);
  digest(level, y);
  return y;
}

void bf16_product(const char* what, int64_t rows, int64_t n, int64_t k, bool extreme) {
  const Case c{what, rows, n, k, EK_FORMAT_BF16_DP, 0};
  const std::vector<float> w = extreme ? extreme_floats(n * k) : random_floats(n * k);
  std::vector<float> x = extreme ? extreme_floats(rows * k) : random_floats(rows * k);
  const std::vector<float> given = random_floats(rows * n > n ? rows * n : n);
  Weight weight(n, k, EK_FORMAT_BF16_DP, EK_ACTIVATION_8);
  weight.pack(g_emulated.context, w);
  const int extra = extreme ? 0 : static_cast<int>(rows % 3);
  const std::vector<float> emulated = multiply(g_emulated, weight, x, rows, given, extra);
  if (g_real.context != nullptr) {
    compare(c, g_real, multiply(g_real, weight, x, rows, given, extra), g_emulated, emulated);
  }
  if (g_bf16.context != nullptr && !extreme) {
    compare_near(c, g_emulated, emulated, g_bf16, multiply(g_bf16, weight, x, rows, given, extra));
  }
}

void bf16_products() {
  for (int64_t rows = 1; rows <= 40; rows++) bf16_product("bf16", rows, 1 + rows * 37 % 83, 1 + rows * 71 % 131, false);
  for (int64_t k = 1; k <= 70; k += 3) bf16_product("bf16 by k", 1 + k % 21, 33, k, false);
  for (int64_t rows = 5; rows <= 35; rows += 10) bf16_product("bf16 of extremes", rows, 50, 64, true);
  bf16_product("bf16, larger", 70, 200, 330, false);
}

// On the levels that promise the same bits: the processor's tiles, or scalar ones where it has none. Codebooks are
// multiplied without tiles, and otherwise by the baseline, which scalar tiles stand on.
void int_product(const Case& c, Weight& weight) {
  std::vector<float> x = random_floats(c.rows * c.k);
  const std::vector<float> given = random_floats(c.rows * c.n > c.n ? c.rows * c.n : c.n);
  const int extra = static_cast<int>(c.rows % 3);
  const std::vector<float> vnni = multiply(g_vnni, weight, x, c.rows, given, extra);
  if (g_real.context != nullptr) {
    compare(c, g_real, multiply(g_real, weight, x, c.rows, given, extra), g_vnni, vnni);
  } else if (c.format < EK_FORMAT_CODES || (c.format & 15) < EK_CODES_GRID2) {
    compare(c, g_emulated, multiply(g_emulated, weight, x, c.rows, given, extra), g_vnni, vnni);
  }
}

// Those of floats are rounded in other ways from level to level, and no tiles multiply them.
bool is_float_codes(int32_t codes) { return codes >= EK_CODES_E4M3 && codes <= EK_CODES_FP4; }

void every_format() {
  int formats = 0;
  for (int32_t activation = EK_ACTIVATION_8; activation <= EK_ACTIVATION_FLOAT; activation++) {
    for (int32_t format : {EK_FORMAT_Q8, EK_FORMAT_Q4}) {
      for (int64_t rows : {1, 8, 9, 16, 17, 33, 40}) {
        Weight weight(37 + rows, 300, format, activation);
        weight.pack(g_vnni.context, random_floats(weight->n * weight->k));
        int_product({"rounded at load", rows, weight->n, weight->k, format, activation}, weight);
      }
      formats++;
    }
  }
  for (int32_t codes = EK_CODES_4; codes <= EK_CODES_GRID3S; codes++) {
    for (int32_t rest = 0; rest < 4 * 16 * 16; rest++) {
      const int32_t group = 4 + rest % 4, scale = rest / 4 % 16, min = rest / 64;
      const int32_t format = EK_FORMAT_CODES + codes + 16 * group + 256 * scale + 4096 * min;
      if (is_float_codes(codes) || scale > EK_CODES_SCALE_SUPER_E4M3 || min > EK_CODES_SUPER_MIN ||
          ek_linear_bytes(16, 32, format) < 0) {
        continue;
      }
      formats++;
      for (int64_t rows : {1, 9, 33}) {
        Weight weight(10 + rows, 260, format, EK_ACTIVATION_8);
        weight.pack_random_codes();
        int_product({"codes", rows, weight->n, weight->k, format, EK_ACTIVATION_8}, weight);
      }
    }
  }
  printf("%d formats\n", formats);
}

// 8 bits with a scale per row of weights, whose inputs the checkpoint says how to round.
void rounded_inputs() {
  const int32_t format = EK_FORMAT_CODES + EK_CODES_8 + 16 * 7 + 256 * EK_CODES_SCALE_F32;
  for (int32_t kind = EK_INPUTS_I8_TENSOR; kind <= EK_INPUTS_I8_TOKEN_ZERO; kind++) {
    for (int64_t rows : {8, 9, 24, 35}) {
      Weight weight(40, 300, format, EK_ACTIVATION_8);
      weight.pack_random_codes();
      weight->inputs = {kind, kind == EK_INPUTS_I8_TENSOR ? 3 : 0, 0.02f};
      int_product({"rounded inputs", rows, weight->n, weight->k, format, kind}, weight);
    }
  }
}

// Two sequences, the first with a block that another recycled, in blocks of 16 out of order.
struct AttentionCase {
  int32_t dtype, head_dim, queries, tokens, window;
  float soft_cap;
  std::vector<float> q, k, v;
};

constexpr int32_t kHeads = 4, kKvHeads = 2;

std::vector<float> attend(Level& level, AttentionCase& c) {
  const int32_t blocks = (c.tokens + 15) / 16, width = kKvHeads * c.head_dim;
  const int64_t bytes = 2 * blocks * ek_kv_block_bytes(16, kKvHeads, c.head_dim, c.dtype);
  const ek_kv kv{ek_map(bytes), 2 * blocks, 16, kKvHeads, c.head_dim, c.dtype, 1, 0.013f, 0.0071f};
  std::vector<int32_t> slots, table;
  for (int32_t request = 0; request < 2; request++) {
    for (int32_t b = 0; b < blocks; b++) table.push_back(2 * (blocks - 1 - b) + request);
    for (int32_t t = 0; t < c.tokens; t++) slots.push_back(table[request * blocks + t / 16] * 16 + t % 16);
  }
  const ek_matrix key{c.k.data(), 2 * c.tokens, width, width}, value{c.v.data(), 2 * c.tokens, width, width};
  int32_t code = ek_kv_write(level.context, &kv, &key, &value, slots.data());
  if (code != EK_OK) fail("ek_kv_write", code);
  const int32_t rows[3] = {0, c.queries, 2 * c.queries}, lens[2] = {c.tokens, c.tokens};
  const int64_t out = kHeads * c.head_dim;
  std::vector<float> y(2 * c.queries * out);
  const ek_matrix mq{c.q.data(), 2 * c.queries, out, out}, my{y.data(), 2 * c.queries, out, out};
  ek_attention_settings settings{};
  settings.num_heads = kHeads;
  settings.scale = 1 / sqrtf(static_cast<float>(c.head_dim));
  settings.sliding_window = c.window;
  settings.soft_cap = c.soft_cap;
  const ek_attention_batch batch{rows, lens, table.data(), 2, blocks};
  code = ek_attention(level.context, &my, &mq, &kv, &settings, &batch);
  if (code != EK_OK) fail("ek_attention", code);
  ek_unmap(kv.data, bytes);
  digest(level, y);
  return y;
}

// Keys and values of bf16 and of 8 bits are multiplied by tiles, others as on the level below.
void attention_of(AttentionCase c) {
  const int64_t stored = 2 * c.tokens * kKvHeads * c.head_dim;
  c.q = random_floats(2 * c.queries * kHeads * c.head_dim);
  c.k = random_floats(stored);
  c.v = random_floats(stored);
  const Case shown{"attention", c.queries, c.head_dim, c.tokens, c.dtype, c.window};
  const std::vector<float> below = attend(g_bf16, c);
  const bool tiles = c.dtype != EK_F32 && c.dtype != EK_F16;
  const std::vector<float> emulated = tiles ? attend(g_emulated, c) : below;
  if (g_real.context != nullptr) compare(shown, g_real, attend(g_real, c), tiles ? g_emulated : g_bf16, emulated);
  if (tiles) compare_near({"attention", c.queries, c.head_dim, 999, c.dtype, 0}, g_emulated, emulated, g_bf16, below);
}

void attentions() {
  for (int32_t dtype : {EK_BF16, EK_I8, EK_F8_E4M3, EK_F16, EK_F32}) {
    for (int32_t head_dim : {64, 72, 128, 256}) {
      for (int32_t queries : {1, 3, 17, 40}) attention_of({dtype, head_dim, queries, 40 + queries, 0, 0, {}, {}, {}});
    }
    attention_of({dtype, 64, 35, 35, 0, 0, {}, {}, {}});
    attention_of({dtype, 64, 20, 300, 0, 0, {}, {}, {}});
    attention_of({dtype, 64, 20, 90, 33, 0, {}, {}, {}});
    attention_of({dtype, 64, 20, 90, 0, 3, {}, {}, {}});
    attention_of({dtype, 64, 1, 1100, 0, 0, {}, {}, {}});
  }
}

void integers() {
  every_format();
  rounded_inputs();
}

void start(Level& level, int32_t isa, int32_t expected) {
  ek_options options{};
  options.threads = 3;
  options.isa = isa;
  options.spin_us = -1;
  if (ek_isa_best() < expected && isa != EK_ISA_AMX_EMULATED) return;
  const int32_t code = ek_context_create(&options, &level.context);
  if (code != EK_OK) return fail("ek_context_create", code);
  if (ek_context_isa(level.context) == expected) return;
  printf("%s: the level is %d\n", level.name, ek_context_isa(level.context));
  ek_context_destroy(level.context);
  level.context = nullptr;
}

void interrupt_often() {
  struct sigaction action = {};
  action.sa_handler = [](int) { g_signals = g_signals + 1; };
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  const itimerval every{{0, 2000}, {0, 2000}};
  setitimer(ITIMER_REAL, &every, nullptr);
}

void run(const char* group, void (*cases)()) {
  const int64_t compared = g_compared, failures = g_failures;
  for (Level* level : {&g_real, &g_emulated, &g_vnni, &g_bf16}) level->digest = 0;
  g_random = 1;
  cases();
  for (const Level* level : {&g_real, &g_emulated, &g_vnni, &g_bf16}) {
    printf("digest of %s by %s: %016lx\n", group, level->name, static_cast<unsigned long>(level->digest));
  }
  printf("%s: %ld comparisons, %ld differences\n", group, static_cast<long>(g_compared - compared),
         static_cast<long>(g_failures - failures));
  fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const auto given = [&](const char* word) {
    for (int i = 1; i < argc; i++) {
      if (strcmp(argv[i], word) == 0) return true;
    }
    return false;
  };
  const bool needs_real = given("real"), all = argc == 1 + needs_real;
  printf("the best level of this machine is %d\n", ek_isa_best());
  start(g_emulated, EK_ISA_AMX_EMULATED, EK_ISA_AMX_BF16);
  start(g_real, EK_ISA_AMX_BF16, EK_ISA_AMX_BF16);
  start(g_vnni, EK_ISA_AVX512_VNNI, EK_ISA_AVX512_VNNI);
  start(g_bf16, EK_ISA_AVX512_BF16, EK_ISA_AVX512_BF16);
  if (g_real.context == nullptr) {
    printf("no tiles of the processor's own here\n");
    if (needs_real) return 2;
  }
  interrupt_often();
  if (all || given("bf16")) run("bf16", bf16_products);
  if (g_vnni.context != nullptr && (all || given("integers"))) run("integers", integers);
  if (g_bf16.context != nullptr && (all || given("attention"))) run("attention", attentions);
  for (Level* level : {&g_real, &g_emulated, &g_vnni, &g_bf16}) ek_context_destroy(level->context);
  printf("%s: %ld comparisons, %ld differences, %s signals\n", g_failures == 0 ? "ok" : "FAILED",
         static_cast<long>(g_compared), static_cast<long>(g_failures), g_signals > 0 ? "with" : "without");
  return g_failures == 0 ? 0 : 1;
}
