// Columns 16 at a time. Included inside the namespace of one ISA level.
#pragma once

// Calls f(offset, count) for each run of 16 columns; count < 16 only at the end.
template <class F>
INLINE void each16(int64_t first, int64_t last, F f) {
  int64_t i = first;
  for (; i + 16 <= last; i += 16) f(i, static_cast<int64_t>(16));
  if (i < last) f(i, last - i);
}

INLINE vf load_some(const float* p, int64_t n) { return n == 16 ? vload(p) : vload_n(p, n); }
INLINE void store_some(float* p, vf x, int64_t n) {
  if (n == 16) {
    vstore(p, x);
  } else {
    vstore_n(p, x, n);
  }
}
