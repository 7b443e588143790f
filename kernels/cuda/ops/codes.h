// Weights of 4 and 8 bits as numbers: w = (value(q) - zero) * scale + minimum, as EkcCodes describes it.
#pragma once

template <int TYPE>
struct Packed {
  static constexpr int Bits = TYPE == EKC_I4 || TYPE == EKC_T4 ? 4 : 8;
};

// What the codes of one group of a row share.
struct CodeScale {
  float scale, minimum, zero;
};

// The same as it lies in memory, for who reads it before it is needed.
struct StoredScale {
  u32 scale, minimum, sub, sub_minimum, zero;
};

DEV StoredScale load_scale(const EkcCodes& c, i64 n, int k) {
  const i64 group = n * c.groups_stride + (k >> c.group_shift);
  const i64 at = n * c.scales_stride + (c.subs == 0 ? k >> c.group_shift : k >> 8);
  StoredScale s = {load_bits(c.scales, at, c.scale_type), 0, 0, 0, 0};
  if (c.mins != 0) s.minimum = load_bits(c.mins, at, c.scale_type);
  if (c.subs != 0) s.sub = load((const u8*)c.subs + group);
  if (c.sub_mins != 0) s.sub_minimum = load((const u8*)c.sub_mins + group);
  if (c.zeros != 0) s.zero = load((const u8*)c.zeros + group);
  return s;
}

DEV CodeScale code_scale(const EkcCodes& c, const StoredScale& stored) {
  CodeScale s = {typed_float(stored.scale, c.scale_type), 0.f, c.zeros != 0 ? (float)(int)stored.zero : (float)c.zero};
  if (c.mins != 0) s.minimum = typed_float(stored.minimum, c.scale_type);
  if (c.subs != 0) {
    s.scale *= c.sub_type == EKC_E4M3 ? from_e4m3((u8)stored.sub) : (float)(signed char)stored.sub;
    if (c.sub_mins != 0) s.minimum = -(s.minimum * (float)(int)stored.sub_minimum);
  }
  return s;
}

// The weight of a code; `entry` is the table's entry for it where there is one.
template <int TYPE>
DEV float code_weight(u32 code, float entry, CodeScale s, bool has_minimum) {
  // A float of 2^23 and the code is made by its bits; less 2^23 and the zero, both exactly.
  const float value = TYPE == EKC_E4M3 ? from_e4m3((u8)code)
                      : TYPE == EKC_T4 ? entry : bits_float(0x4b000000 | code) - (8388608.f + s.zero);
  const float w = value * s.scale;
  return has_minimum ? w + s.minimum : w;
}

// Where the code of column k of row n is: 16 rows of 64 columns lie together, as fragments of an mma. Of a lane's
// words, one of 4-bit codes has its share of 16 columns, and one of 8-bit codes that of a row of them.
template <int BITS>
DEV i64 code_byte(i64 n, int k, i64 stride) {
  const int row = (int)n & 15, step = k >> 4 & 3, high = k >> 3 & 1, odd = k & 1;
  const i64 block = (n >> 4) * 16 * stride + (i64)(k >> 6) * (128 * BITS);
  const int lane = ((row & 7) * 4 + (k >> 1 & 3)) * 16;
  if (BITS == 4) return block + lane + step * 4 + odd * 2 + high;
  return block + (step >> 1) * 512 + lane + (step & 1) * 8 + (row >> 3) * 4 + high * 2 + odd;
}

// Threads 0 to 15 copy the table to shared memory, where no two entries share a bank; the block waits for it.
template <int TYPE>
DEV void load_table(const EkcCodes& c, u32 table) {
  if (TYPE != EKC_T4) return;
  const int i = thread_index();
  if (i < 16) shared_store(table + i * 4, float_bits(load((const float*)c.table + i)));
  sync_block();
}

// One weight at a time, for kernels that take any shape.
template <class T, int TYPE>
struct AnyCode {
  const EkcCodes& c;
  u64 data;
  i64 stride;
  DEV_MEMBER AnyCode(const EkcCodes& c, u64 data, i64 stride) : c(c), data(data), stride(stride) {}
  DEV_MEMBER float at(i64 n, int k) const {
    constexpr int Bits = Packed<TYPE>::Bits;
    const u32 byte = load((const u8*)data + code_byte<Bits>(n, k, stride));
    const u32 code = Bits == 4 ? byte >> (n >> 1 & 4) & 15 : byte;
    const float entry = TYPE == EKC_T4 ? load((const float*)c.table + code) : 0.f;
    return rounded<T>(code_weight<TYPE>(code, entry, code_scale(c, load_scale(c, n, k)), c.mins != 0));
  }
};

// y[t] = table[ids[t]] * scale, for a table of codes; one block per token.
template <class T, int TYPE>
DEV void embed_codes(const EkcQuantizedEmbed& p) {
  const EkcEmbed& e = p.embed;
  const AnyCode<T, TYPE> table(p.codes, e.table, e.table_stride);
  const i64 row = block_x();
  const int id = load((const int*)e.ids + row);
  const bool known = id >= 0 && id < e.vocab;
  T* y = (T*)e.y + row * e.y_stride;
  for (int c = thread_index(); c < e.columns; c += 256) {
    store(y + c, Convert<T>::from(known ? table.at(id, c) * e.scale : 0.f));
  }
}
