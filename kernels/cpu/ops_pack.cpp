// Packing without arithmetic: 16 rows of words become lines of 16 columns.
#include "pack_direct.h"

namespace engine {
namespace {

typedef uint32_t Words __attribute__((vector_size(16)));
typedef uint16_t Halves __attribute__((vector_size(16)));

INLINE Words load_words(const uint8_t* p) {
  Words x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}

// Where 16 rows are read; rows past the last one stand still on what pads.
struct Cursor {
  const uint8_t* at[16];
  int64_t step[16];

  MEMBER void advance() {
    for (int j = 0; j < 16; j++) at[j] += step[j];
  }
};

Cursor open_panel(
    const PackWeightJob& job, int64_t panel, int64_t element_bytes, int64_t step, const uint8_t* padding) {
  Cursor c;
  const ek_linear_part* part = job.parts;
  int64_t row = panel * 16;
  for (int j = 0; j < 16; j++, row++) {
    while (part < job.parts + job.num_parts && row >= part->n) row -= (part++)->n;
    const bool there = part < job.parts + job.num_parts;
    c.at[j] = there ? static_cast<const uint8_t*>(part->data) + row * part->row_stride * element_bytes : padding;
    c.step[j] = there ? step : 0;
  }
  return c;
}

// Four words of four rows: line l gets word l of each.
INLINE void transpose4(const uint8_t* const* row, int64_t offset, Words (&line)[4]) {
  const Words a = load_words(row[0] + offset), b = load_words(row[1] + offset);
  const Words c = load_words(row[2] + offset), d = load_words(row[3] + offset);
  const Words ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Words cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  line[0] = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
  line[1] = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  line[2] = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
  line[3] = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
}

// Four words of 16 rows as lines of 64 bytes, each word changed by `flip`.
INLINE void pack_lines(const Cursor& c, int64_t offset, uint32_t flip, char* out) {
  for (int j = 0; j < 16; j += 4) {
    Words line[4];
    transpose4(c.at + j, offset, line);
    for (int l = 0; l < 4; l++) {
      const Words x = line[l] ^ flip;
      __builtin_memcpy(out + l * 64 + j * 4, &x, sizeof x);
    }
  }
}

// Eight halves of 16 rows as lines of 32 bytes.
INLINE void pack_half_lines(const Cursor& c, int64_t offset, char* out) {
  for (int j = 0; j < 16; j += 8) {
    Words first[4], second[4];
    transpose4(c.at + j, offset, first);
    transpose4(c.at + j + 4, offset, second);
    for (int l = 0; l < 4; l++) {
      const Halves x = reinterpret_cast<Halves>(first[l]), y = reinterpret_cast<Halves>(second[l]);
      const Halves even = __builtin_shufflevector(x, y, 0, 2, 4, 6, 8, 10, 12, 14);
      const Halves odd = __builtin_shufflevector(x, y, 1, 3, 5, 7, 9, 11, 13, 15);
      __builtin_memcpy(out + l * 64 + j * 2, &even, sizeof even);
      __builtin_memcpy(out + l * 64 + 32 + j * 2, &odd, sizeof odd);
    }
  }
}

// What rounding 32 zeros gives: nibbles -0 and 8, bytes 0 and 128.
constexpr uint8_t kNibblePadding[18] = {0,    0x80, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88,
                                        0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88};
constexpr uint8_t kZeros[128] = {};

template <bool BYTES>
void pack_blocks(const PackWeightJob& job, int64_t panel) {
  constexpr int64_t kBlock = BYTES ? 34 : 18, kGroup = BYTES ? 512 : 256, kSuper = 64 + 2 * kGroup;
  const uint8_t* padding = BYTES ? kZeros : kNibblePadding;
  const int64_t groups = (job.k + 63) / 64 * 2;
  char* super = job.destination + panel * (groups / 2) * kSuper;
  Cursor c = open_panel(job, panel, 1, kBlock, padding);
  for (int64_t g = 0; g < groups; g++, c.advance()) {
    if (g * 32 >= job.k) {
      for (int j = 0; j < 16; j++) c.at[j] = padding;
    }
    for (int j = 0; j < 16; j++) __builtin_memcpy(super + g % 2 * 32 + j * 2, c.at[j], 2);
    char* lines = super + 64 + g % 2 * kGroup;
    pack_lines(c, 2, BYTES ? 0x80808080u : 0, lines);
    if (BYTES) pack_lines(c, 18, 0x80808080u, lines + 256);
    if (g % 2 == 1) super += kSuper;
  }
}

// LINES: elements of 4 bytes, or pairs of 2 bytes, stay together; else halves part.
template <int64_t BYTES, bool LINES>
void pack_elements(const PackWeightJob& job, int64_t panel) {
  const int64_t padded = (job.k + 31) / 32 * 32;
  char* out = job.destination + panel * padded * 16 * BYTES;
  Cursor c = open_panel(job, panel, BYTES, 32 * BYTES, kZeros);
  alignas(16) uint8_t last[16][32 * BYTES];
  for (int64_t k = 0; k < job.k; k += 32, c.advance()) {
    if (job.k - k < 32) {
      __builtin_memset(last, 0, sizeof last);
      for (int j = 0; j < 16; j++) {
        __builtin_memcpy(last[j], c.at[j], static_cast<size_t>((job.k - k) * BYTES));
        c.at[j] = last[j];
      }
    }
    for (int64_t offset = 0; offset < 32 * BYTES; offset += 16, out += 256) {
      if (LINES) {
        pack_lines(c, offset, 0, out);
      } else {
        pack_half_lines(c, offset, out);
      }
    }
  }
}

int32_t stored_type(int32_t format) {
  switch (format) {
    case EK_FORMAT_F32: return EK_F32;
    case EK_FORMAT_F16: return EK_F16;
    case EK_FORMAT_BF16:
    case EK_FORMAT_BF16_DP: return EK_BF16;
    case EK_FORMAT_Q8: return EK_BLOCK_Q8_0;
    case EK_FORMAT_Q4: return EK_BLOCK_Q4_0;
    default: return -1;
  }
}

}  // namespace

bool packs_directly(const PackWeightJob& job) {
  const int32_t type = stored_type(job.format);
  for (int32_t i = 0; i < job.num_parts; i++) {
    if (job.parts[i].dtype != type || job.parts[i].transposed != 0) return false;
  }
  return true;
}

void pack_directly(const PackWeightJob& job, int64_t panel) {
  switch (job.format) {
    case EK_FORMAT_Q8: return pack_blocks<true>(job, panel);
    case EK_FORMAT_Q4: return pack_blocks<false>(job, panel);
    case EK_FORMAT_F32: return pack_elements<4, true>(job, panel);
    case EK_FORMAT_BF16_DP: return pack_elements<2, true>(job, panel);
    default: return pack_elements<2, false>(job, panel);
  }
}

}  // namespace engine
