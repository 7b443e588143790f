// The index of the largest logit; one block per row.
#pragma once

// Bits that order as floats do; NaN (either sign) is 0, below everything.
DEV u32 ordered_bits(float v) {
  if (v != v) return 0;
  const u32 u = float_bits(v);
  return u & 0x80000000 ? ~u : u | 0x80000000;
}

// Larger value first, then lower index.
DEV void take_better(u32& key, u32& index, u32 other_key, u32 other_index) {
  if (other_key > key || (other_key == key && other_index < index)) {
    key = other_key;
    index = other_index;
  }
}

template <class T>
DEV void argmax(const EkcArgmax& p) {
  const i64 row = block_x();
  const T* logits = (const T*)p.logits + row * p.logits_stride;
  u32 key = 0, index = 0;
  for (int c = thread_index(); c < p.columns; c += 256) {
    take_better(key, index, ordered_bits(to_float(load(logits + c))), c);
  }
  UNROLL for (int mask = 16; mask > 0; mask >>= 1) {
    const u32 other_key = shuffle_xor(key, mask), other_index = shuffle_xor(index, mask);
    take_better(key, index, other_key, other_index);
  }
  const u32 shared = shared_base();
  if (lane_index() == 0) shared_store2(shared + (thread_index() >> 5) * 8, u32x2{key, index});
  sync_block();
  if (thread_index() != 0) return;
  for (int w = 0; w < 8; w++) {
    const u32x2 other = shared_load2(shared + w * 8);
    take_better(key, index, other.x, other.y);
  }
  store((int*)p.ids + row, (int)index);
}
