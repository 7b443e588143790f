// Floats in an order that integers have.
#pragma once

// Bits that order as floats do, -0 as 0; NaN (either sign) is 0, below everything.
DEV u32 ordered_bits(float v) {
  if (v != v) return 0;
  const u32 u = float_bits(v + 0.f);
  return u & 0x80000000 ? ~u : u | 0x80000000;
}

// Larger value first, then lower index.
DEV void take_better(u32& key, u32& index, u32 other_key, u32 other_index) {
  if (other_key > key || (other_key == key && other_index < index)) {
    key = other_key;
    index = other_index;
  }
}
