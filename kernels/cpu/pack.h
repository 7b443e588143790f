// Packing of weights into panels. Included inside the namespace of one ISA level.
#pragma once

INLINE float source_element(const ek_linear_part& part, int64_t row, int64_t k) {
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
  if (!part.transposed) {
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

static void pack_weight(const PackWeightJob& job, int64_t panel) {
  switch (job.format) {
    case EK_FORMAT_F32: return pack_float_panel<float, 1>(job, panel);
    case EK_FORMAT_F16: return pack_float_panel<f16_t, 1>(job, panel);
    case EK_FORMAT_BF16: return pack_float_panel<bf16_t, 1>(job, panel);
    default: return pack_float_panel<bf16_t, 2>(job, panel);
  }
}
