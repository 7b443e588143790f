// Codes as fragments of an mma, by as few instructions as keep the bits of the dequantized weight.
//
// A code becomes an f16 of 1,024 and more by its bits (a bf16 of 128 and more), pairs at a time, and the zero goes off
// with that. Code less zero is a small whole number, exact. What is left is one rounding, as dequantizing has it:
//   Direct   scales are of the weights' type: one product of pairs.
//   Split    weights are bf16, scales f16: 11 bits are 8 and 3, a scale the sum of two bf16. The product with the small
//            one is exact, and an fma adds the product with the large one.
//   Levels   4-bit codes, scales of two levels and minima, in f32: the product of code and scale is exact, so that
//            an fma with the minimum rounds as product and sum do; then rounded.
//   Wide     scales of one level, in f32: the product, or where it is exact an fma with the minimum; then rounded.
//   General  anything, product and sum rounded apart.
#pragma once

enum class Unpack { Direct, Split, Levels, Wide, General };

// What the codes of one group of a row share. offset: a pair, what makes of a code's number by its bits code less zero.
// Pairs: scale, and in Split its small part in `other`; else floats, `other` being the minimum.
struct CodeFactors {
  u32 scale, other, offset;
};

template <class T, int TYPE, Unpack HOW>
struct Unpacking {
  static constexpr bool IsWide = HOW != Unpack::Direct && HOW != Unpack::Split;
  // Of the fields of EkcCodes, which there may be.
  static constexpr bool HasZeros = HOW != Unpack::Levels && (TYPE == EKC_I4 || TYPE == EKC_I8);
  // Pairs are of bf16.
  static constexpr bool IsBrain = !IsWide && Convert<T>::type == Convert<bf16>::type;
  static_assert(!IsBrain || TYPE == EKC_I4, "a bf16 does not hold 128 and more with a code of 8 bits");

  // Of one group of row n.
  DEV StoredScale read(const EkcCodes& c, u32 n, int k) {
    const u32 group = n * (u32)c.groups_stride + (u32)(k >> c.group_shift);
    StoredScale s = {0, 0, 0, 0, (u32)c.zero};
    if (HasZeros && c.zeros != 0) s.zero = load_byte(c.zeros, group);
    if (!IsWide) {
      s.scale = load_half(c.scales, group);
      return s;
    }
    const bool has_subs = HOW == Unpack::Levels || (HOW == Unpack::General && c.subs != 0);
    const bool is_half = HOW == Unpack::Levels || c.scale_type != EKC_F32;
    const u32 at = has_subs ? n * (u32)c.scales_stride + (u32)(k >> 8) : group;
    if (has_subs) {
      s.sub = load_byte(c.subs, group);
      if (HOW == Unpack::Levels || c.sub_mins != 0) s.sub_minimum = load_byte(c.sub_mins, group);
    }
    s.scale = is_half ? load_half(c.scales, at) : load_word(c.scales, at);
    if (HOW == Unpack::Levels || c.mins != 0) s.minimum = is_half ? load_half(c.mins, at) : load_word(c.mins, at);
    return s;
  }

  // row: 0 or 1, the half of the fragment's rows. Zeros of 4-bit codes are below 64. zeros: a pair of u16.
  DEV u32 offset(u32 zeros, int row) {
    if (TYPE == EKC_E4M3 || TYPE == EKC_T4) return 0;
    if (IsBrain) return 0xc300c300 + zeros;                           // -(128 + zero)
    if (TYPE == EKC_I4 && row == 1) return 0xd400d400 + zeros * 16;  // -(64 + zero)
    return 0xe400e400 + zeros;                                        // -(1024 + zero)
  }
  // As code_scale has it, but that no minimum is -0: adding it changes nothing. Not wide: the bits of scale and zero.
  DEV CodeFactors prepare(const EkcCodes& c, const StoredScale& s) {
    if (!IsWide) return {s.scale | s.zero << 16, 0, 0};
    float scale = wide(c, s.scale), minimum = bits_float(0x80000000);
    if (HOW == Unpack::Levels || c.mins != 0) minimum = wide(c, s.minimum);
    if (HOW == Unpack::Levels || (HOW == Unpack::General && c.subs != 0)) {
      // 1.5 2^23 and a byte with a sign, by their bits.
      const float integer = bits_float(0x4b400000 + (u32)(i32)(signed char)s.sub) - 12582912.f;
      scale *= HOW == Unpack::General && c.sub_type == EKC_E4M3 ? from_e4m3((u8)s.sub) : integer;
      const bool has_sub_minimum = HOW == Unpack::Levels || c.sub_mins != 0;
      if (has_sub_minimum) minimum = -(minimum * (bits_float(0x4b000000 | s.sub_minimum) - 8388608.f));
    }
    return {float_bits(scale), float_bits(minimum), s.zero};
  }
  DEV float wide(const EkcCodes& c, u32 bits) {
    const float half = low_f16(bits);
    return c.scale_type == EKC_F16 ? half : bits_float(c.scale_type == EKC_BF16 ? bits << 16 : bits);
  }
  // The factors of rows g and g + 8 for a set, of which lane row + 16 set % 32 has prepared a row's.
  DEV void spread(CodeFactors (&f)[2], const EkcCodes& c, const CodeFactors& own, int set) {
    UNROLL for (int row = 0; row < 2; row++) {
      const u32 from = (lane_index() >> 2) + 16 * (set & 1) + 8 * row;
      CodeFactors its = {shuffle(own.scale, from), own.other, (u32)c.zero};
      if (IsWide && (HOW == Unpack::Levels || c.mins != 0)) its.other = shuffle(own.other, from);
      if (IsWide && HasZeros && c.zeros != 0) its.offset = shuffle(own.offset, from);
      f[row] = factors(its, row);
    }
  }
  // Of what has been prepared. row: 0 or 1.
  DEV CodeFactors factors(const CodeFactors& own, int row) {
    if (IsWide) return {own.scale, own.other, offset(own.offset * 0x10001, row)};
    CodeFactors f = {permute_bytes(own.scale, 0, 0x1010), 0, offset(permute_bytes(own.scale, 0, 0x4242), row)};
    if (HOW == Unpack::Split) split(f, low_f16(own.scale));
    return f;
  }
  DEV void split(CodeFactors& f, float scale) {
    const u32 large = float_bits(scale) & 0xffff0000;
    const float small = scale - bits_float(large);
    const bool is_finite = (large & 0x7f800000) != 0x7f800000;
    f.scale = permute_bytes(large, 0, 0x3232);
    f.other = is_finite ? permute_bytes(float_bits(small), 0, 0x3232) : 0;
  }

  // Two weights of one row. exact: code less zero, or the value of an e4m3.
  DEV u32 finish(u32 exact, const CodeFactors& f) {
    if (IsWide) return finish_floats(low_f16(exact), high_f16(exact), f);
    if (!IsBrain) return multiply_f16x2(exact, f.scale);
    return fma_bf16x2(exact, f.scale, HOW == Unpack::Split ? fma_bf16x2(exact, f.other, 0x80008000) : 0x80008000);
  }
  DEV u32 finish_floats(float low, float high, const CodeFactors& f) {
    const float scale = bits_float(f.scale), minimum = bits_float(f.other);
    if (HOW == Unpack::General) return Mma<T>::pack(low * scale + minimum, high * scale + minimum);
    return Mma<T>::pack(fma_float(low, scale, minimum), fma_float(high, scale, minimum));
  }

  // words: a lane's of 64 columns; step: which 16 of them; f: of rows g and g + 8.
  DEV void fragment(u32 (&a)[4], const u32* words, int step, const CodeFactors (&f)[2], u32 table) {
    if (Packed<TYPE>::Bits == 8) {
      UNROLL for (int i = 0; i < 4; i++) {
        const u32 word = words[step * 2 + (i & 1)];
        const u32 integers = permute_bytes(word, 0x64646464, i < 2 ? 0x4140 : 0x4342);
        const u32 exact = TYPE == EKC_E4M3 ? e4m3_to_f16x2(i < 2 ? word : word >> 16)
                                           : add_f16x2(integers, f[i & 1].offset);
        a[i] = finish(exact, f[i & 1]);
      }
      return;
    }
    const u32 word = words[step], next = word >> 8;
    if (TYPE == EKC_T4) {
      UNROLL for (int i = 0; i < 4; i++) {
        const float low = bits_float(shared_load(table + ((i == 0 ? word << 2 : word >> (4 * i - 2)) & 0x3c)));
        const float high = bits_float(shared_load(table + (word >> (4 * i + 14) & 0x3c)));
        a[i] = finish_floats(low, high, f[i & 1]);
      }
    } else if (IsBrain) {
      UNROLL for (int i = 0; i < 4; i++) {
        const u32 code = select_bits(word >> (4 * i), 0x000f000f, 0x43004300);
        a[i] = finish(fma_bf16x2(code, 0x3f803f80, f[i & 1].offset), f[i & 1]);
      }
    } else {
      UNROLL for (int i = 0; i < 4; i += 2) {
        const u32 low = select_bits(i == 0 ? word : next, 0x000f000f, 0x64006400);
        const u32 high = select_bits(i == 0 ? word : next, 0x00f000f0, 0x64006400);
        a[i] = finish(add_f16x2(low, f[0].offset), f[0]);
        a[i + 1] = finish(fma_f16x2(high, 0x2c002c00, f[1].offset), f[1]);
      }
    }
  }
};

// A warp's 16 rows of codes: fetches blocks of 64 columns and makes fragments of them. SETS: scales of a row for 64
// columns. The lanes read them ahead of their use, each those of a row of its own, and give them to each other.
template <class T, int TYPE, Unpack HOW, int SETS>
struct CodeSource {
  typedef T Type;
  typedef Unpacking<T, TYPE, HOW> Form;
  static constexpr int Bits = Packed<TYPE>::Bits, Own = SETS == 4 ? 2 : 1;
  static constexpr u32 Bytes = 128 * Bits;
  const EkcQuantizedLinear& p;
  u32 table;
  // Columns of a group, 512 being as good as more: a power of two from 64 on where there is one set.
  int period;
  StoredScale next[Own];
  CodeFactors factors[SETS][2];

  DEV_MEMBER CodeSource(const EkcQuantizedLinear& p, u32 table) : p(p), table(table) {
    period = SETS > 1 ? 64 : 1 << (p.codes.group_shift < 9 ? p.codes.group_shift : 9);
  }
  DEV_MEMBER void read_ahead(int first_n, int k0) {
    const int n = first_n + (int)(lane_index() & 15), last = p.linear.n - 1;
    UNROLL for (int i = 0; i < Own; i++) {
      const int k = k0 + (SETS == 1 ? 0 : ((int)(lane_index() >> 4) + 2 * i) * (64 / SETS));
      next[i] = Form::read(p.codes, n < last ? n : last, SETS == 1 || k < p.linear.k ? k : p.linear.k - 1);
    }
  }
  DEV_MEMBER bool begins_group(int k0) const { return SETS > 1 || (k0 & (period - 1)) == 0; }
  DEV_MEMBER void turn() {
    CodeFactors own[Own];
    UNROLL for (int i = 0; i < Own; i++) own[i] = Form::prepare(p.codes, next[i]);
    UNROLL for (int set = 0; set < SETS; set++) Form::spread(factors[set], p.codes, own[set >> 1], set);
  }
  // Where the 16 bytes of lane 0 of a block begin; another 512 bytes on with 8 bits.
  DEV_MEMBER u64 at(int first_n, int k0) const {
    return p.linear.weight + first_n * p.linear.weight_stride + k0 / 64 * Bytes;
  }
  DEV_MEMBER static void fetch(u32 to, u64 from) {
    UNROLL for (int i = 0; i < Bits / 4; i++) copy_async(to + i * 512, (const void*)(from + i * 512), 16);
  }
  DEV_MEMBER static void words(u32 (&w)[Bits], u32 at) {
    UNROLL for (int i = 0; i < Bits / 4; i++) {
      const u32x4 four = shared_load4(at + i * 512);
      w[4 * i] = four.x, w[4 * i + 1] = four.y, w[4 * i + 2] = four.z, w[4 * i + 3] = four.w;
    }
  }
  DEV_MEMBER void fragment(u32 (&a)[4], const u32 (&w)[Bits], int step) const {
    Form::fragment(a, w, step, factors[step * SETS / 4], table);
  }
};

// f(source) with the source that these codes need.
template <class T, int TYPE, class F>
DEV void with_codes(const EkcQuantizedLinear& p, u32 table, F f) {
  const EkcCodes& c = p.codes;
  const bool is_plain = c.subs == 0 && c.mins == 0, is_long = c.group_shift >= 6, is_short = c.group_shift < 5;
  if constexpr (TYPE == EKC_I4 || (TYPE == EKC_I8 && Convert<T>::type == EKC_F16)) {
    if (is_plain && is_long && c.scale_type == Convert<T>::type) {
      return f(CodeSource<T, TYPE, Unpack::Direct, 1>(p, table));
    }
    if constexpr (Convert<T>::type == EKC_F16) {
      if (is_plain && !is_short && c.scale_type == EKC_F16) return f(CodeSource<T, TYPE, Unpack::Direct, 2>(p, table));
    }
  }
  if constexpr (TYPE == EKC_I4 && Convert<T>::type == EKC_BF16) {
    if (is_plain && !is_short && c.scale_type == EKC_F16) {
      if (is_long) return f(CodeSource<T, TYPE, Unpack::Split, 1>(p, table));
      return f(CodeSource<T, TYPE, Unpack::Split, 2>(p, table));
    }
  }
  // Codes of 8 bits times scales of 11 are exact in f32, codes of 4 times scales of two levels, 11 and 8, as well.
  const bool is_half = c.scale_type != EKC_F32;
  if constexpr (TYPE == EKC_I4) {
    if (!is_short && is_half && c.subs != 0 && c.sub_type == EKC_I8 && c.sub_mins != 0 && c.zeros == 0) {
      return f(CodeSource<T, TYPE, Unpack::Levels, 2>(p, table));
    }
  }
  if (c.subs == 0 && (c.mins == 0 || is_half)) {
    if constexpr (Packed<TYPE>::Bits == 8) {
      if (is_long) return f(CodeSource<T, TYPE, Unpack::Wide, 1>(p, table));
    }
    if constexpr (TYPE != EKC_E4M3) {
      if (!is_short) return f(CodeSource<T, TYPE, Unpack::Wide, 2>(p, table));
    }
  }
  f(CodeSource<T, TYPE, Unpack::General, 4>(p, table));
}
