// Coded weights as floats, and activations for their products. Included inside the namespace of one ISA level.
#pragma once

#include "codes_gather.h"
#include "input_rounding.h"

// Bytes of step s of 32 k as they are stored.
INLINE void coded_bytes(const CodesFormat& f, const char* w, int s, uint8_t (&bytes)[64]) {
  for (int part = 0; part < 64; part += kByteVector) {
    vb x;
    switch (f.codes) {
      case EK_CODES_5: x = Code5::step(w + part, s); break;
      case EK_CODES_6: x = Code6::step(w + part, s); break;
      case EK_CODES_8:
      case EK_CODES_E4M3: x = Code8::step(w + part, s); break;
      case EK_CODES_IQ4: x = CodeTable<true>::step(w + part, s); break;
      case EK_CODES_E2M1: x = CodeTable<false>::step(w + part, s); break;
      case EK_CODES_GRID2: x = GridTable<0>::step(w + part, s); break;
      case EK_CODES_GRID3: x = GridTable<1>::step(w + part, s); break;
      case EK_CODES_GRID3S: x = GridTable<2>::step(w + part, s); break;
      default: x = Code4::step(w + part, s); break;
    }
    __builtin_memcpy(bytes + part, &x, sizeof x);
  }
}

// Byte i of every lane as an e4m3 float.
INLINE vf e4m3_lane(const uint8_t (&bytes)[64], int i) {
  typedef uint32_t words __attribute__((vector_size(64)));
  words x;
  __builtin_memcpy(&x, bytes, sizeof x);
  x = x >> (8 * i);
  x = (x & 128) << 24 | (x & 127) << 20;
  alignas(64) float f[16];
  __builtin_memcpy(f, &x, sizeof x);
  return vmul(vload(f), vset(bits_float(0x7b800000)));
}

// Byte i of every lane as the float that a code of a table stands for.
INLINE vf table_lane(const float* table, const uint8_t (&bytes)[64], int i) {
  alignas(64) float f[16];
  for (int j = 0; j < 16; j++) f[j] = table[bytes[j * 4 + i] & 15];
  return vload(f);
}

// 16 columns x 32 k of a superblock as f32 [k][16].
INLINE void coded_floats(const CodesFormat& f, const char* super, int64_t k, float* out) {
  const int offset = codes_offset(f);
  const bool real = is_float_codes(f);
  const char* w = super + f.header + k / 32 * f.group_lines * 64;
  vf scale = vzero(), other = vzero();
  for (int s = 0; s < 8; s++) {
    if (s % 4 == 0) {
      const int64_t set = (k + s * 4) >> f.group_shift;
      scale = set_scale(f, super, set);
      if (f.min == EK_CODES_ZERO) {
        other = vload_u8(reinterpret_cast<const uint8_t*>(super + f.min_at + set * 16));
      } else if (f.min != EK_CODES_NO_MIN) {
        other = set_min(f, super, set, scale);
      } else {
        other = vset(static_cast<float>(offset));
      }
    }
    alignas(64) uint8_t bytes[64];
    coded_bytes(f, w, s, bytes);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      const vf code = f.codes == EK_CODES_E4M3 ? e4m3_lane(bytes, i)
                      : real ? table_lane(f.codes == EK_CODES_NF4 ? kNf4Table : kFp4Table, bytes, i)
                             : vi_float(vi_extract(reinterpret_cast<char*>(bytes), 8 * i, 255));
      const bool first = f.min == EK_CODES_NO_MIN || f.min == EK_CODES_ZERO;
      const vf value = first ? vmul(vsub(code, other), scale) : vsub(vmul(code, scale), other);
      vstore(out + (s * 4 + i) * 16, real ? vmul(code, scale) : value);
    }
  }
}

static void coded_panel_floats(const CodesFormat& f, const char* panel, int64_t chunks, float* out) {
  for (int64_t chunk = 0; chunk < chunks; chunk++, out += 512) {
    const int64_t k = chunk * 32;
    coded_floats(f, panel + k / f.super * f.super_bytes, k % f.super, out);
  }
}

// y[k] = one column of a panel, times a factor, every value to the input that it belongs to.
static void embed_coded(const EmbedJob& job, int64_t row) {
  const CodesFormat f = codes_format(job.type);
  const int64_t id = job.ids[row];
  const char* panel = static_cast<const char*>(job.table) + id / 16 * job.panel_bytes;
  float* y = job.y + row * job.y_stride;
  float block[512];
  for (int64_t k = 0; k < job.k; k += 32) {
    coded_floats(f, panel + k / f.super * f.super_bytes, k % f.super, block);
    for (int64_t i = k; i < job.k && i < k + 32; i++) {
      y[job.order == nullptr ? i : job.order[i]] = block[(i - k) * 16 + id % 16] * job.scale;
    }
  }
}

// 16 values as whole multiples.
template <bool FINE>
INLINE vi round_values(vf x, vf inverse, bool usable, int8_t* high, int8_t* low) {
  const vi p = usable ? vi_round(vmul(x, inverse)) : vi_set(0);
  if (FINE) {
    const vi h = vi_high7(p);
    vi_store_bytes(high, h);
    vi_store_bytes(low, vi_sub(p, vi_shift7(h)));
  } else {
    vi_store_bytes(high, p);
  }
  return p;
}

// COUNT values that share a scale, which is returned; their whole multiples stay in `rounded` too. GIVEN: values are
// whole already and this is their scale.
template <bool FINE, int COUNT>
INLINE float round_group(
    const float* x, const float* given, int8_t* high, int8_t* low, int64_t step, vi* rounded) {
  constexpr float kMost = FINE ? 16256.0f : 127.0f;
  vf most = vzero(), bad = vzero();
#pragma GCC unroll 8
  for (int i = 0; i < COUNT; i += 16) {
    const vf a = vload(x + i);
    most = vmax(most, vabs(a));
    bad = vadd(bad, vmul(a, vzero()));
  }
  // Not a number if any value is infinite or not a number: that must show in the result.
  const float largest = vmaximum(most), broken = vsum(bad);
  const bool usable = broken == 0 && largest > 1e-30f;
  const vf inverse = vset(given != nullptr ? 1.0f : usable ? kMost / largest : 0.0f);
#pragma GCC unroll 8
  for (int i = 0; i < COUNT; i += 16) {
    const int64_t at = i / 32 * step + i % 32;
    rounded[i / 16] = round_values<FINE>(vload(x + i), inverse, usable, high + at, low + at);
  }
  return given != nullptr ? *given : usable ? largest / kMost : broken;
}

// Minus the sums of four groups of 32 as bytes: whole 64s, then what is left.
INLINE void sums_as_bytes(const vi* rounded, int8_t* bytes) {
#pragma GCC unroll 4
  for (int g = 0; g < 4; g++) {
    const int32_t less = -vi_sum(vi_add(rounded[2 * g], rounded[2 * g + 1]));
    bytes[g] = static_cast<int8_t>(less >> 6);
    bytes[4 + g] = static_cast<int8_t>(less & 63);
  }
}

// One row of a block: its bytes, and its words.
template <bool FINE>
INLINE void round_block(
    const float* x, const CodedShape& shape, const float* given, int8_t* high, int8_t* low, int64_t step,
    int32_t* words) {
  vi rounded[8];
  float scale[4];
  if (shape.scales == 1) {
    scale[0] = round_group<FINE, 128>(x, given, high, low, step, rounded);
  } else {
#pragma GCC unroll 4
    for (int g = 0; g < 4; g++) {
      scale[g] = round_group<FINE, 32>(x + g * 32, given, high + g * step, low + g * step, step, rounded + g * 2);
    }
  }
  __builtin_memcpy(words, scale, shape.scales * sizeof(float));
  int32_t* part = words + shape.scales;
  if (shape.min_bytes) return sums_as_bytes(rounded, reinterpret_cast<int8_t*>(part));
  const int each = 8 / shape.parts;
  for (int p = 0; p < shape.parts; p++) {
    vi all = rounded[p * each];
    for (int i = 1; i < each; i++) all = vi_add(all, rounded[p * each + i]);
    const int32_t sum = vi_sum(all);
    float less = -static_cast<float>(sum);
    // Kernels with one scale for all parts multiply by it last, the others part by part.
    if (shape.scales == 4 || shape.parts == 1) less *= scale[shape.scales == 4 ? p : 0];
    part[p] = shape.min ? static_cast<int32_t>(float_bits(less)) : -shape.offset * sum;
  }
}

template <bool FINE>
static void round_tile(const PackActivationsJob& job, int64_t row, int rows, const CodedShape& shape, int8_t* out) {
  const bool given = job.inputs.kind != EK_INPUTS_OWN;
  RowRounding how[8];
  for (int m = 0; m < rows; m++) how[m] = row_rounding(job, row + m);
  float buffer[128];
  for (int64_t k = 0; k < job.chunks * 32; k += 128, out += shape.row_bytes() * rows) {
    const bool plain = !given && job.order == nullptr && k + 128 <= job.k;
    auto words = reinterpret_cast<int32_t*>(out + rows * (FINE ? 256 : 128));
    for (int m = 0; m < rows; m++, words += shape.scales + shape.parts) {
      if (!plain) gather_block(job, row + m, k, buffer);
      const float* x = plain ? job.x + (row + m) * job.x_stride + k : buffer;
      const float scale = given ? round_inputs(job.inputs, how[m], buffer) : 0.0f;
      int8_t* high = out + m * 32;
      round_block<FINE>(x, shape, given ? &scale : nullptr, high, high + rows * 128, rows * 32, words);
    }
  }
}

// Activations that are not rounded, or as a checkpoint says, per 32 k [rows][32].
static void order_tile(const PackActivationsJob& job, int64_t row, int rows, float* out) {
  const bool given = job.inputs.kind != EK_INPUTS_OWN;
  RowRounding how[8];
  for (int m = 0; m < rows; m++) how[m] = row_rounding(job, row + m);
  for (int64_t k = 0; k < job.chunks * 32; k += 128) {
    for (int m = 0; m < rows; m++) {
      float x[128];
      gather_block(job, row + m, k, x);
      const float scale = given ? round_inputs(job.inputs, how[m], x) : 1.0f;
      for (int i = 0; i < 128; i++) out[i / 32 * rows * 32 + m * 32 + i % 32] = x[i] * scale;
    }
    out += rows * 128;
  }
}
