// Layout of weights of small integers, from the number of their format. All of it is inlined into its users.
#pragma once

namespace engine {

// Fields of a format; engine_kernels.h draws the layout.
struct CodesFormat {
  int32_t codes, scale, min;
  int64_t group;         // k that share a scale
  int64_t super;         // k of a superblock: 128, or 256 with two levels of scales
  int64_t sets;          // groups of a superblock
  int64_t scale_bytes;   // of the scales or super scales of 16 columns, one set of them
  int64_t min_at, sub_at, sub_min_at, header;
  int64_t group_lines;   // lines of 64 bytes that 32 k take
  int64_t super_bytes;
  int bits, group_shift;
};

INLINE bool is_codes(int32_t format) { return format >= EK_FORMAT_CODES; }

INLINE CodesFormat codes_format(int32_t format) {
  CodesFormat f{};
  f.codes = format & 15;
  f.group = int64_t{1} << (format >> 4 & 15);
  f.group_shift = format >> 4 & 15;
  f.scale = format >> 8 & 15;
  f.min = format >> 12 & 15;
  const bool super = f.scale >= EK_CODES_SCALE_SUPER;
  const bool words = f.scale == EK_CODES_SCALE_F32 || f.scale >= EK_CODES_SCALE_SUPER_F32;
  f.super = super ? 256 : 128;
  f.sets = f.super / f.group;
  f.scale_bytes = words ? 64 : 32;
  int64_t at = super ? f.scale_bytes : f.sets * f.scale_bytes;
  f.min_at = at;
  if (f.min == EK_CODES_ZERO) at += f.sets * 16;
  if (f.min == EK_CODES_MIN) at += f.sets * f.scale_bytes;
  if (f.min == EK_CODES_SUPER_MIN) at += 32;
  f.sub_at = at;
  if (super) at += f.sets * 16;
  f.sub_min_at = at;
  if (f.min == EK_CODES_SUPER_MIN) at += f.sets * 16;
  f.header = (at + 63) / 64 * 64;
  f.bits = f.codes == EK_CODES_5 ? 5 : f.codes == EK_CODES_6 ? 6
           : f.codes == EK_CODES_8 || f.codes == EK_CODES_E4M3 ? 8 : 4;
  f.group_lines = f.bits;
  f.super_bytes = f.header + f.super / 32 * f.group_lines * 64;
  return f;
}

INLINE bool is_float_codes(const CodesFormat& f) { return f.codes >= EK_CODES_E4M3 && f.codes <= EK_CODES_FP4; }
// Inputs that are small floats meet codes that are, exactly, in bf16.
INLINE bool takes_float_codes(const CodesFormat& f, const ek_input_rounding& inputs) {
  return inputs.kind >= EK_INPUTS_E4M3_TENSOR && (is_float_codes(f) || f.codes == EK_CODES_E2M1);
}
INLINE bool is_grid_codes(const CodesFormat& f) { return f.codes >= EK_CODES_GRID2; }

// What is taken from a stored code where there are no zeros: codes are unsigned on their way through the products.
INLINE int codes_offset(const CodesFormat& f) {
  if (f.min != EK_CODES_NO_MIN || is_float_codes(f)) return 0;
  return f.codes == EK_CODES_IQ4 || f.codes == EK_CODES_E2M1 || is_grid_codes(f) ? 128 : 1 << (f.bits - 1);
}

INLINE bool known_codes(int32_t format) {
  if (format < EK_FORMAT_CODES || format >= 2 * EK_FORMAT_CODES) return false;
  const int32_t codes = format & 15, group = format >> 4 & 15, scale = format >> 8 & 15, min = format >> 12 & 15;
  if (codes > EK_CODES_GRID3S || group < 4 || group > 7 || scale > EK_CODES_SCALE_SUPER_E4M3) return false;
  if (codes >= EK_CODES_E4M3 && codes <= EK_CODES_FP4 && group < 5) return false;
  const bool super = scale >= EK_CODES_SCALE_SUPER;
  if (super) return min == EK_CODES_NO_MIN || (min == EK_CODES_SUPER_MIN && codes <= EK_CODES_8);
  const bool values = codes >= EK_CODES_IQ4;
  return min <= (values ? EK_CODES_NO_MIN : EK_CODES_MIN);
}

}  // namespace engine
