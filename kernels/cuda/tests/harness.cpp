#include "harness.h"

int failures, comparisons;
std::string context;
static int seeds_per_case = 3;
static bool stops_at_first;

void report(const std::string& what) {
  if (++failures <= 20) fprintf(stderr, "FAILED %s: %s\n", context.c_str(), what.c_str());
  if (stops_at_first) std::exit(1);
}

float decode(const void* p, int64_t index, int type) {
  if (type == EKC_F32) return ((const float*)p)[index];
  if (type == EKC_E4M3) {
    const int v = ((const uint8_t*)p)[index], e = v >> 3 & 15, m = v & 7;
    const float a = e == 15 && m == 7 ? NAN : e == 0 ? ldexpf((float)m, -9) : ldexpf((float)(8 + m), e - 10);
    return v & 0x80 ? -a : a;
  }
  const uint16_t bits = ((const uint16_t*)p)[index];
  if (type == EKC_F16) {
    _Float16 h;
    memcpy(&h, &bits, 2);
    return (float)h;
  }
  const uint32_t wide = (uint32_t)bits << 16;
  float f;
  memcpy(&f, &wide, 4);
  return f;
}

void encode(void* p, int64_t index, int type, float value) {
  if (type == EKC_F32) {
    ((float*)p)[index] = value;
  } else if (type == EKC_F16) {
    const _Float16 h = (_Float16)value;
    memcpy((uint16_t*)p + index, &h, 2);
  } else if (type == EKC_BF16) {
    uint32_t u;
    memcpy(&u, &value, 4);
    ((uint16_t*)p)[index] = (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
  } else {
    // Nearest of all codes, ties to the even one: slow and plainly right.
    uint8_t best = 0;
    double distance = 1e30;
    for (int code = 0; code < 0x7f; code++) {
      const uint8_t c = (uint8_t)code;
      const double d = fabs((double)decode(&c, 0, EKC_E4M3) - fabs((double)value));
      if (d < distance || (d == distance && code % 2 == 0)) {
        distance = d;
        best = c;
      }
    }
    ((uint8_t*)p)[index] = (uint8_t)(best | (std::signbit(value) ? 0x80 : 0));
  }
}

int type_bytes(int type) { return type == EKC_F32 ? 4 : type == EKC_E4M3 || type == EKC_I8 ? 1 : 2; }
const char* type_name(int type) { return type == EKC_F32 ? "f32" : type == EKC_F16 ? "f16" : "bf16"; }
double epsilon_of(int type) { return type == EKC_F32 ? 1.2e-7 : type == EKC_F16 ? 4.9e-4 : 3.91e-3; }

uint64_t Random::bits() {
  state += 0x9e3779b97f4a7c15ull;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

float Random::normal() {
  const double u = uniform() + 1e-12;
  return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * uniform()));
}

Memory::Memory(int64_t bytes) : data_((uint8_t*)machine_allocate(bytes)), bytes_(bytes) { fill(0xff); }
Memory::~Memory() { machine_free(data_); }

Tensor::Tensor(int type, int rows, int columns, int64_t stride)
    : Memory(((int64_t)(rows - 1) * (stride == 0 ? columns : stride) + columns) * type_bytes(type)),
      type(type), rows(rows), columns(columns), stride(stride == 0 ? columns : stride) {}

void Tensor::randomize(Random& random, float scale) {
  for (int r = 0; r < rows; r++) {
    for (int c = 0; c < columns; c++) set(r, c, random.normal() * scale);
  }
}

std::vector<double> Tensor::values() const {
  std::vector<double> all;
  for (int r = 0; r < rows; r++) {
    for (int c = 0; c < columns; c++) all.push_back(at(r, c));
  }
  return all;
}

void expect_near(const Tensor& got, const std::vector<double>& want, double relative, double magnitude) {
  for (int r = 0; r < got.rows; r++) {
    for (int64_t c = 0; c < got.stride; c++) {
      if (r == got.rows - 1 && c >= got.columns) break;
      if (c >= got.columns) {
        if (!std::isnan(got.at(r, c))) report("wrote between rows");
        continue;
      }
      comparisons++;
      const double g = got.at(r, c), w = want[(size_t)r * got.columns + c];
      if (!(fabs(g - w) <= relative * (fabs(w) + magnitude))) {
        char text[120];
        snprintf(text, sizeof text, "[%d, %d] is %.9g, expected %.9g", r, (int)c, g, w);
        report(text);
        return;
      }
    }
  }
}

void expect_same_bytes(const void* a, const void* b, int64_t bytes, const char* what) {
  comparisons++;
  if (memcmp(a, b, (size_t)bytes) != 0) report(what);
}

void for_seeds(const std::string& name, const std::function<void(uint32_t)>& body) {
  for (int seed = 1; seed <= seeds_per_case; seed++) {
    const int before = failures;
    context = name + " seed " + std::to_string(seed);
    body((uint32_t)seed);
    if (failures != before) return;  // one replay of a failing case is enough
  }
}

struct Group {
  const char* name;
  void (*run)();
};

static const Group groups[] = {
    {"rows", test_rows},
    {"kv", test_kv},
    {"linear", test_linear},
    {"wgmma", test_wgmma},
    {"wgmma_like_mma", test_wgmma_like_mma},
    {"quantized", test_quantized},
    {"unpacking", test_unpacking},
    {"rounding", test_rounding},
    {"w8a8", test_w8a8},
    {"w8a8_wgmma", test_w8a8_wgmma},
    {"sample", test_sample},
    {"attention_any", test_attention_any},
    {"attention_d64", test_attention_d64},  // parts of "attention"
    {"attention_d128", test_attention_d128},
    {"attention8_d64", test_attention8_d64},
    {"attention_bulk_d64", test_attention_bulk_d64},
    {"attention_wgmma", test_attention_wgmma},
    {"attention_wgmma_d64", test_attention_wgmma_d64},
    {"attention_wgmma_like_mma", test_attention_wgmma_like_mma},
    {"attention", test_attention},
};

// cuda_kernel_tests [--first] [--seeds N] GROUP... | --ptx FOLDER; without groups, all of them. --first: ends at the
// first failure, as mutants do.
// On a GPU: cuda_driver_tests PTX_FOLDER, then the same.
int main(int count, char** arguments) {
  if (!machine_start(count, arguments)) return 1;
  bool any = false;
  for (int i = 1; i < count; i++) {
    const std::string argument = arguments[i];
    if (argument == "--ptx" && i + 1 < count) return check_ptx(arguments[i + 1]);
    if (argument == "--first") {
      stops_at_first = true;
      continue;
    }
    if (argument == "--seeds" && i + 1 < count) {
      seeds_per_case = atoi(arguments[++i]);
      continue;
    }
    bool known = false;
    for (const Group& group : groups) {
      if (argument == group.name) {
        group.run();
        known = any = true;
      }
    }
    if (!known) {
      fprintf(stderr, "unknown group %s\n", argument.c_str());
      return 2;
    }
  }
  for (const Group& group : groups) {
    const std::string name = group.name;
    const bool part = name.find("_d") != std::string::npos || name.find("_like_") != std::string::npos;
    if (!any && !part) group.run();
  }
  if (failures == 0 && comparisons > 0) {
    printf("%d comparisons\n", comparisons);
    return 0;
  }
  fprintf(stderr, "%d failures, %d comparisons\n", failures, comparisons);
  return 1;
}
