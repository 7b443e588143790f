// Packing of rows of codes into panels.
#include "context.h"

namespace engine {
namespace {
#include "scalar.h"

void store_scale(char* at, int32_t scale, int64_t column, float value) {
  if (scale == EK_CODES_SCALE_F16 || scale == EK_CODES_SCALE_SUPER) {
    from_float(reinterpret_cast<f16_t*>(at)[column], value);
  } else if (scale == EK_CODES_SCALE_BF16) {
    from_float(reinterpret_cast<bf16_t*>(at)[column], value);
  } else {
    reinterpret_cast<float*>(at)[column] = value;
  }
}

// The header of the superblock that starts at k; groups behind the last one stay zero.
void pack_header(const CodesFormat& f, const ek_codes_rows& rows, int64_t total, int64_t k, char* out) {
  const int64_t groups = (total + rows.group - 1) / rows.group, supers = (total + 255) / 256;
  const bool super = f.scale >= EK_CODES_SCALE_SUPER;
  for (int64_t j = 0; j < rows.rows; j++) {
    if (super) {
      store_scale(out, f.scale, j, rows.scales[j * supers + k / 256]);
      if (f.min == EK_CODES_SUPER_MIN) {
        from_float(reinterpret_cast<f16_t*>(out + f.min_at)[j], rows.mins[j * supers + k / 256]);
      }
    }
    for (int64_t set = 0; set < f.sets && k + set * f.group < total; set++) {
      const int64_t group = j * groups + (k + set * f.group) / rows.group;
      if (super) {
        reinterpret_cast<int8_t*>(out + f.sub_at)[set * 16 + j] = rows.subs[group];
      } else {
        store_scale(out + set * f.scale_bytes, f.scale, j, rows.scales[group]);
      }
      if (f.min == EK_CODES_ZERO) reinterpret_cast<uint8_t*>(out + f.min_at)[set * 16 + j] = rows.zeros[group];
      if (f.min == EK_CODES_MIN) store_scale(out + f.min_at + set * f.scale_bytes, f.scale, j, rows.mins[group]);
      if (f.min == EK_CODES_SUPER_MIN) {
        reinterpret_cast<uint8_t*>(out + f.sub_min_at)[set * 16 + j] = rows.sub_mins[group];
      }
    }
  }
}

// 32 codes of one column, four k to a word: word s is step s.
void pack_words(const CodesFormat& f, const uint32_t (&word)[8], int64_t column, char* out) {
  auto line = [&](int64_t l) { return reinterpret_cast<uint32_t*>(out + l * 64) + column; };
  if (f.bits == 8) {
    for (int s = 0; s < 8; s++) *line(s) = word[s];
    return;
  }
  for (int s = 0; s < 4; s++) *line(s) = (word[s] & 0x0f0f0f0f) | (word[s + 4] & 0x0f0f0f0f) << 4;
  uint32_t high[2] = {0, 0};
  for (int s = 0; s < 8; s++) {
    if (f.bits == 5) high[0] |= (word[s] >> 4 & 0x01010101) << s;
    if (f.bits == 6) high[s / 4] |= (word[s] >> 4 & 0x03030303) << (s % 4 * 2);
  }
  for (int l = 4; l < f.bits; l++) *line(l) = high[l - 4];
}

}  // namespace
}  // namespace engine

using namespace engine;

extern "C" int32_t ek_codes_pack(const ek_linear_weight* w, int64_t panel, const ek_codes_rows* rows) {
  if (w == nullptr || rows == nullptr || w->data == nullptr || !known_codes(w->format) || rows->codes == nullptr ||
      rows->scales == nullptr || panel < 0 || panel * 16 >= w->n || w->k <= 0) {
    return EK_INVALID_ARGUMENT;
  }
  const CodesFormat f = codes_format(w->format);
  const int64_t expected = w->n - panel * 16 < 16 ? w->n - panel * 16 : 16;
  const bool missing = (f.min == EK_CODES_ZERO && rows->zeros == nullptr) ||
                       ((f.min == EK_CODES_MIN || f.min == EK_CODES_SUPER_MIN) && rows->mins == nullptr) ||
                       (f.scale >= EK_CODES_SCALE_SUPER && rows->subs == nullptr) ||
                       (f.min == EK_CODES_SUPER_MIN && rows->sub_mins == nullptr);
  if (missing || rows->rows != expected || rows->group <= 0 || rows->group % f.group != 0) {
    return EK_INVALID_ARGUMENT;
  }
  const int64_t supers = (w->k + f.super - 1) / f.super;
  char* out = static_cast<char*>(const_cast<void*>(w->data)) + panel * supers * f.super_bytes;
  __builtin_memset(out, 0, supers * f.super_bytes);
  for (int64_t s = 0; s < supers; s++, out += f.super_bytes) {
    const int64_t k = s * f.super;
    pack_header(f, *rows, w->k, k, out);
    char* lines = out + f.header;
    for (int64_t g = k; g < k + f.super && g < w->k; g += 32, lines += f.group_lines * 64) {
      const int64_t count = w->k - g < 32 ? w->k - g : 32;
      for (int64_t j = 0; j < rows->rows; j++) {
        uint32_t words[8] = {};
        __builtin_memcpy(words, rows->codes + j * w->k + g, count);
        pack_words(f, words, j, lines);
      }
    }
  }
  return EK_OK;
}
