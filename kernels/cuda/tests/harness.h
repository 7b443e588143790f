// What the kernel tests share: checked device memory, launches under several seeds, comparison with a reference.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "engine_cuda.h"
#include "engine_cuda_emulation.h"

// ---- outcome

extern int failures;
extern int comparisons;
extern std::string context;  // printed with a failure: the case and what replays it

void report(const std::string& what);

// ---- numbers

float decode(const void* p, int64_t index, int type);
void encode(void* p, int64_t index, int type, float value);
int type_bytes(int type);
const char* type_name(int type);

struct Random {
  uint64_t state;
  explicit Random(uint64_t seed) : state(seed * 0x9e3779b97f4a7c15ull + 12345) {}
  uint64_t bits();
  int below(int n) { return (int)(bits() % (uint64_t)n); }
  double uniform() { return (double)(bits() >> 11) / (double)(1ull << 53); }
  float normal();
};

// ---- the machine: on_emulation.cpp or on_driver.cpp

// Takes its own arguments off the front; false if there is no such machine.
bool machine_start(int& count, char**& arguments);
void* machine_allocate(int64_t bytes);
void machine_free(void* memory);
// Weights: no launch writes them, so kernels may read them before what is in front of them has ended.
void machine_make_constant(void* memory);
// True if it has a kernel of that name.
bool machine_has(const std::string& kernel);

// ---- memory: the emulation refuses any access outside of what is registered

class Memory {
 public:
  explicit Memory(int64_t bytes);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  uint64_t address() const { return (uint64_t)data_; }
  uint8_t* data() const { return data_; }
  int64_t bytes() const { return bytes_; }
  void make_constant() { machine_make_constant(data_); }
  void fill(int byte) { memset(data_, byte, bytes_); }

 private:
  uint8_t* data_;
  int64_t bytes_;
};

struct Ints : Memory {
  explicit Ints(const std::vector<int>& values) : Memory((int64_t)values.size() * 4) {
    memcpy(data(), values.data(), values.size() * 4);
  }
  int operator[](int i) const { return ((const int*)data())[i]; }
};

// Rows of a type; poisoned (NaN) until set.
struct Tensor : Memory {
  int type, rows, columns;
  int64_t stride;
  Tensor(int type, int rows, int columns, int64_t stride = 0);
  double at(int64_t row, int64_t column) const { return decode(data(), row * stride + column, type); }
  void set(int64_t row, int64_t column, double v) { encode(data(), row * stride + column, type, (float)v); }
  void randomize(Random& random, float scale = 1.f);
  std::vector<double> values() const;  // [rows * columns]
};

// Rounding of one result of that type, relative.
double epsilon_of(int type);

// |got - want| <= relative * (|want| + magnitude) everywhere; a NaN fails; padding must still be poisoned.
void expect_near(const Tensor& got, const std::vector<double>& want, double relative, double magnitude = 1.0);
void expect_same_bytes(const void* a, const void* b, int64_t bytes, const char* what);

// ---- launches

struct Grid {
  uint32_t x, y, z;
};

void launch(
    const std::string& kernel, Grid grid, uint32_t block, uint32_t shared, const void* params, uint32_t seed,
    uint32_t cluster = 1);

// Writes the 128 bytes of a map for tensor copies of boxes of 64 columns, swizzled by 128 bytes; stride in elements.
void tensor_map(void* map, int type, uint64_t address, int rows, int columns, int64_t stride, int box_rows);

// Runs body(seed) for a few seeds; launches in it take copies late, early and mixed in turn.
void for_seeds(const std::string& name, const std::function<void(uint32_t)>& body);

// ---- groups, one per file

void test_rows();
void test_kv();
void test_linear();
void test_wgmma();
void test_wgmma_like_mma();
void test_quantized();
void test_unpacking();
void test_rounding();
void test_w8a8();
void test_w8a8_wgmma();
void test_sample();
void test_attention_any();
void test_attention_d64();
void test_attention_d128();
void test_attention8_d64();
void test_attention_bulk_d64();
void test_attention_wgmma();
void test_attention_wgmma_d64();
void test_attention_wgmma_like_mma();
void test_attention();
int check_ptx(const char* folder);
