// Codes of a line as unsigned bytes, and scales of a group as floats. Included inside the namespace of one ISA level.
#pragma once

// Bytes of a line that one register takes: all 64, or half.
typedef uint16_t vb __attribute__((vector_size(kByteVector)));

INLINE vb bload(const char* p) {
  vb x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}
INLINE vb bmask(int byte) { return vb{} + static_cast<uint16_t>(byte * 257); }

// Step s of the 8 steps of 32 k. kBits says how large sums may grow, kOffset what a byte is more than its value where
// the weight has neither zeros nor minima.
struct Code4 {
  static constexpr int kBits = 4, kOffset = 8;
  static constexpr int64_t kLines = 4;
  static MEMBER vb step(const char* w, int s) { return (bload(w + s % 4 * 64) >> (s / 4 * 4)) & bmask(15); }
};

struct Code5 {
  static constexpr int kBits = 5, kOffset = 16;
  static constexpr int64_t kLines = 5;
  static MEMBER vb step(const char* w, int s) {
    const vb high = bload(w + 256);
    return Code4::step(w, s) | ((s < 4 ? high << (4 - s) : high >> (s - 4)) & bmask(16));
  }
};

struct Code6 {
  static constexpr int kBits = 6, kOffset = 32;
  static constexpr int64_t kLines = 6;
  static MEMBER vb step(const char* w, int s) {
    const vb high = bload(w + 256 + s / 4 * 64);
    return Code4::step(w, s) | ((s % 4 < 3 ? high << (4 - s % 4 * 2) : high >> 2) & bmask(48));
  }
};

struct Code8 {
  static constexpr int kBits = 8, kOffset = 128;
  static constexpr int64_t kLines = 8;
  static MEMBER vb step(const char* w, int s) { return bload(w + s * 64); }
};

// Values of 16 codes, plus 128.
alignas(16) static const uint8_t kIq4Table[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                                  129, 141, 153, 166, 181, 197, 217, 241};
alignas(16) static const uint8_t kE2m1Table[16] = {128, 129, 130, 131, 132, 134, 136, 140,
                                                   128, 127, 126, 125, 124, 122, 120, 116};

// What codes of bitsandbytes stand for.
alignas(64) static const float kNf4Table[16] = {
    -1, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
    -0.09105003625154495f, 0, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
    0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1};
alignas(64) static const float kFp4Table[16] = {
    0, 0.0052083334885537624f, 0.6666666865348816f, 1, 0.3333333432674408f, 0.5f, 0.1666666716337204f, 0.25f,
    0, -0.0052083334885537624f, -0.6666666865348816f, -1, -0.3333333432674408f, -0.5f, -0.1666666716337204f, -0.25f};

template <bool IQ4>
struct CodeTable {
  static constexpr int kBits = 8, kOffset = 128;
  static constexpr int64_t kLines = 4;
  static MEMBER vb step(const char* w, int s) { return btable(IQ4 ? kIq4Table : kE2m1Table, Code4::step(w, s)); }
};

// Coordinates of the points of GGUF's codebooks, plus 128; the fourth bit is the sign. IQ2 and, in eighths, IQ1;
// IQ3_XXS; IQ3_S.
alignas(16) static const uint8_t kGridTables[3][16] = {
    {136, 153, 171, 129, 135, 137, 128, 128, 120, 103, 85, 127, 121, 119, 128, 128},
    {132, 140, 148, 156, 164, 172, 180, 190, 124, 116, 108, 100, 92, 84, 76, 66},
    {129, 131, 133, 135, 137, 139, 141, 143, 127, 125, 123, 121, 119, 117, 115, 113}};

template <int TABLE>
struct GridTable {
  static constexpr int kBits = 8, kOffset = 128;
  static constexpr int64_t kLines = 4;
  static MEMBER vb step(const char* w, int s) { return btable(kGridTables[TABLE], Code4::step(w, s)); }
};

INLINE vf e4m3_floats(const int8_t* p) {
  float f[16];
  for (int i = 0; i < 16; i++) {
    const uint32_t b = static_cast<uint8_t>(p[i]);
    f[i] = bits_float((b & 128) << 24 | (b & 127) << 20) * bits_float(0x7b800000);
  }
  return vload(f);
}

INLINE vf typed_floats(const char* p, int32_t scale) {
  switch (scale) {
    case EK_CODES_SCALE_F16:
    case EK_CODES_SCALE_SUPER: return vload(reinterpret_cast<const f16_t*>(p));
    case EK_CODES_SCALE_BF16: return vload(reinterpret_cast<const bf16_t*>(p));
    default: return vload(reinterpret_cast<const float*>(p));
  }
}

// Scales of one set of a superblock.
INLINE vf set_scale(const CodesFormat& f, const char* super, int64_t set) {
  if (f.scale < EK_CODES_SCALE_SUPER) return typed_floats(super + set * f.scale_bytes, f.scale);
  auto sub = reinterpret_cast<const int8_t*>(super + f.sub_at + set * 16);
  const vf factor = f.scale == EK_CODES_SCALE_SUPER_E4M3 ? e4m3_floats(sub) : vload_s8(sub);
  return vmul(typed_floats(super, f.scale), factor);
}

// What a set's codes lie above their weights: w = scale * code - set_min. Not for EK_CODES_NO_MIN.
INLINE vf set_min(const CodesFormat& f, const char* super, int64_t set, vf scale) {
  if (f.min == EK_CODES_ZERO) {
    return vmul(scale, vload_u8(reinterpret_cast<const uint8_t*>(super + f.min_at + set * 16)));
  }
  if (f.min == EK_CODES_MIN) {
    return vsub(vzero(), typed_floats(super + f.min_at + set * f.scale_bytes, f.scale));
  }
  return vmul(
      vload(reinterpret_cast<const f16_t*>(super + f.min_at)),
      vload_u8(reinterpret_cast<const uint8_t*>(super + f.sub_min_at + set * 16)));
}
