// The kernels as their headers describe them, in scalar C++: what the emulated ones are compared with, and quick
// enough for tests of a whole engine.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "engine_cuda.h"
#include "fake.h"

namespace fake {

// The plain form of a kernel, or null. `name` is that of the kernel, type and width included.
typedef void (*PlainKernel)(const char* arguments, const Op& op, int type);
PlainKernel plain_find(const std::string& name, int* type);

inline float half_to_float(uint16_t bits) {
  _Float16 h;
  memcpy(&h, &bits, 2);
  return (float)h;
}

inline uint16_t float_to_half(float v) {
  _Float16 h = (_Float16)v;
  uint16_t bits;
  memcpy(&bits, &h, 2);
  return bits;
}

inline float brain_to_float(uint16_t bits) {
  uint32_t wide = (uint32_t)bits << 16;
  float v;
  memcpy(&v, &wide, 4);
  return v;
}

inline uint16_t float_to_brain(float v) {
  uint32_t bits;
  memcpy(&bits, &v, 4);
  if (v != v) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float get(uint64_t base, int64_t i, int type) {
  if (type == EKC_F32) return ((const float*)base)[i];
  uint16_t bits = ((const uint16_t*)base)[i];
  return type == EKC_F16 ? half_to_float(bits) : brain_to_float(bits);
}

inline void put(uint64_t base, int64_t i, int type, float v) {
  if (type == EKC_F32) ((float*)base)[i] = v;
  else ((uint16_t*)base)[i] = type == EKC_F16 ? float_to_half(v) : float_to_brain(v);
}

inline float rounded(float v, int type) {
  if (type == EKC_F32) return v;
  return type == EKC_F16 ? half_to_float(float_to_half(v)) : brain_to_float(float_to_brain(v));
}

inline float e4m3_to_float(uint8_t v) {
  if ((v & 0x7f) == 0x7f) return NAN;
  // The bits are those of an f16 whose exponent is 8 too small.
  return half_to_float((uint16_t)((v & 0x80) << 8 | (v & 0x7f) << 7)) * 256.f;
}

// The nearest e4m3, ties to even, saturating; magnitudes are searched because there are only 127.
inline uint8_t float_to_e4m3(float v) {
  if (v != v) return 0x7f;
  float magnitude = fabsf(v);
  uint8_t best = 0;
  for (uint8_t code = 1; code <= 0x7e; code++) {
    float near = fabsf(e4m3_to_float(code) - magnitude), least = fabsf(e4m3_to_float(best) - magnitude);
    if (near < least || (near == least && code % 2 == 0)) best = code;
  }
  return (uint8_t)(best | (v < 0 ? 0x80 : 0));
}

inline float get_element(uint64_t base, int64_t i, int type) {
  return type == EKC_E4M3 ? e4m3_to_float(((const uint8_t*)base)[i]) : get(base, i, type);
}

inline void put_element(uint64_t base, int64_t i, int type, float v) {
  if (type == EKC_E4M3) ((uint8_t*)base)[i] = float_to_e4m3(v);
  else put(base, i, type, v);
}

void plain_attention(const char* arguments, const Op& op, int type);
void plain_write_kv(const char* arguments, const Op& op, int type);
void plain_copy_blocks(const char* arguments, const Op& op, int type);
void plain_linear_codes(const char* arguments, const Op& op, int type);
void plain_embed_codes(const char* arguments, const Op& op, int type);
void plain_permute_columns(const char* arguments, const Op& op, int type);
void plain_round_inputs(const char* arguments, const Op& op, int type);
void plain_round_values(const char* arguments, const Op& op, int type);
void plain_linear_w8a8(const char* arguments, const Op& op, int type);
void plain_linear_w8a8_wgmma(const char* arguments, const Op& op, int type);

}  // namespace fake
