// Packing of weights into panels. Included inside the namespace of one ISA level.
#pragma once

// Blocks of 32 values of one row, as GGUF stores them: f16 scale, then 32 s8 or 16 bytes of nibbles (value 8 is 0;
// the low halves are the first 16). row_stride counts bytes.
INLINE float block_element(const ek_linear_part& part, int64_t row, int64_t k) {
  const bool bytes = part.dtype == EK_BLOCK_Q8_0;
  auto block = static_cast<const uint8_t*>(part.data) + row * part.row_stride + k / 32 * (bytes ? 34 : 18);
  f16_t scale;
  __builtin_memcpy(&scale, block, 2);
  const int i = static_cast<int>(k % 32);
  const int q = bytes ? static_cast<int8_t>(block[2 + i]) : ((block[2 + i % 16] >> (i / 16 * 4)) & 15) - 8;
  return static_cast<float>(q) * to_float(scale);
}

INLINE float source_element(const ek_linear_part& part, int64_t row, int64_t k) {
  if (part.dtype >= EK_BLOCK_Q8_0) return block_element(part, row, k);
  const int64_t i = part.transposed ? k * part.row_stride + row : row * part.row_stride + k;
  switch (part.dtype) {
    case EK_F32: return static_cast<const float*>(part.data)[i];
    case EK_F16: return to_float(static_cast<const f16_t*>(part.data)[i]);
    default: return to_float(static_cast<const bf16_t*>(part.data)[i]);
  }
}

// Reads count (<= 64) consecutive k of one output row as floats.
static void source_row(const ek_linear_part& part, int64_t row, int64_t k, int64_t count, float* out) {
  int64_t i = 0;
  if (!part.transposed && part.dtype < EK_BLOCK_Q8_0) {
    const int64_t at = row * part.row_stride + k;
    for (; i + 16 <= count; i += 16) {
      switch (part.dtype) {
        case EK_F32: vstore(out + i, vload(static_cast<const float*>(part.data) + at + i)); break;
        case EK_F16: vstore(out + i, vload(static_cast<const f16_t*>(part.data) + at + i)); break;
        default: vstore(out + i, vload(static_cast<const bf16_t*>(part.data) + at + i)); break;
      }
    }
  }
  for (; i < count; i++) out[i] = source_element(part, row, k + i);
}

// Finds the part of an output row and the row in it.
INLINE const ek_linear_part* find_part(const PackWeightJob& job, int64_t& row) {
  const ek_linear_part* part = job.parts;
  while (row >= part->n) row -= (part++)->n;
  return part;
}

// 16 rows x 32 k as floats; zeros past n and k.
static void source_block(const PackWeightJob& job, int64_t column, int64_t k, float (&block)[16][32]) {
  const int64_t count = job.k - k < 32 ? job.k - k : 32;
  for (int64_t j = 0; j < 16; j++) {
    for (int64_t i = 0; i < 32; i++) block[j][i] = 0;
    int64_t row = column + j;
    if (row >= job.n) continue;
    const ek_linear_part* part = find_part(job, row);
    source_row(*part, row, k, count, block[j]);
  }
}

template <class T, int PAIR>
static void pack_float_panel(const PackWeightJob& job, int64_t panel) {
  const int64_t padded = (job.k + 31) / 32 * 32;
  T* out = reinterpret_cast<T*>(job.destination) + panel * padded * 16;
  float block[16][32];
  for (int64_t k = 0; k < job.k; k += 32, out += 512) {
    source_block(job, panel * 16, k, block);
    for (int i = 0; i < 32; i++) {
      for (int j = 0; j < 16; j++) {
        from_float(out[(i / PAIR * 16 + j) * PAIR + i % PAIR], block[j][i]);
      }
    }
  }
}

// The group of 32 values of one row as stored integers and a scale of f16. A source in blocks of the same kind is
// taken as it is; anything else is rounded to the nearest multiple of (largest / 127), or of the value of largest
// magnitude over -8.
template <class Q>
static f16_t pack_group(const PackWeightJob& job, int64_t row, int64_t k, const float* x, uint8_t (&stored)[32]) {
  constexpr bool kBytes = Q::kOffset == 128;
  if (row < job.n) {
    const ek_linear_part* part = find_part(job, row);
    if (part->dtype == (kBytes ? EK_BLOCK_Q8_0 : EK_BLOCK_Q4_0) && k < job.k) {
      auto block = static_cast<const uint8_t*>(part->data) + row * part->row_stride + k / 32 * (kBytes ? 34 : 18);
      f16_t scale;
      __builtin_memcpy(&scale, block, 2);
      for (int i = 0; i < 32; i++) {
        stored[i] = static_cast<uint8_t>(kBytes ? block[2 + i] ^ 128 : (block[2 + i % 16] >> (i / 16 * 4)) & 15);
      }
      return scale;
    }
  }
  float largest = 0;
  for (int i = 0; i < 32; i++) largest = __builtin_fabsf(x[i]) > __builtin_fabsf(largest) ? x[i] : largest;
  const f16_t scale = to_f16(kBytes ? __builtin_fabsf(largest) / 127 : largest / -8);
  const float s = to_float(scale);
  const float inverse = s != 0 ? 1 / s : 0;
  const int most = kBytes ? 127 : 7, least = kBytes ? -127 : -8;
  for (int i = 0; i < 32; i++) {
    const float r = __builtin_rintf(x[i] * inverse);
    const int q = r > most ? most : r < least ? least : static_cast<int>(r);
    stored[i] = static_cast<uint8_t>(q + Q::kOffset);
  }
  return scale;
}

template <class Q>
static void pack_quantized_panel(const PackWeightJob& job, int64_t panel) {
  constexpr bool kBytes = Q::kOffset == 128;
  const int64_t groups = (job.k + 63) / 64 * 2;
  char* out = job.destination + panel * (groups / 2) * (64 + 2 * Q::kGroupBytes);
  float block[16][32];
  for (int64_t g = 0; g < groups; g++) {
    char* super = out + g / 2 * (64 + 2 * Q::kGroupBytes);
    auto scales = reinterpret_cast<f16_t*>(super) + g % 2 * 16;
    auto lines = reinterpret_cast<uint8_t*>(super + 64 + g % 2 * Q::kGroupBytes);
    source_block(job, panel * 16, g * 32, block);
    for (int64_t j = 0; j < 16; j++) {
      uint8_t stored[32];
      scales[j] = pack_group<Q>(job, panel * 16 + j, g * 32, block[j], stored);
      for (int i = 0; i < 32; i++) {
        const int64_t at = j * 4 + i % 4;
        if (kBytes) {
          lines[i / 4 * 64 + at] = stored[i];
        } else if (i < 16) {
          lines[i / 4 * 64 + at] = static_cast<uint8_t>(stored[i] | stored[i + 16] << 4);
        }
      }
    }
  }
}

static void pack_weight(const PackWeightJob& job, int64_t panel) {
  switch (job.format) {
    case EK_FORMAT_F32: return pack_float_panel<float, 1>(job, panel);
    case EK_FORMAT_F16: return pack_float_panel<f16_t, 1>(job, panel);
    case EK_FORMAT_BF16: return pack_float_panel<bf16_t, 1>(job, panel);
    case EK_FORMAT_Q8: return pack_quantized_panel<Bytes>(job, panel);
    case EK_FORMAT_Q4: return pack_quantized_panel<Nibbles>(job, panel);
    default: return pack_float_panel<bf16_t, 2>(job, panel);
  }
}
