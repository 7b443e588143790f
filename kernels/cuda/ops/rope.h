// Rotary position embedding in place; one block per (row, head), one thread per pair.
#pragma once

template <class T>
DEV void rope(const EkcRope& p) {
  const i64 row = block_x();
  const int half = p.rotary_dim / 2;
  const float* cos = (const float*)p.cos_sin + (i64)load((const int*)p.positions + row) * p.rotary_dim;
  T* x = (T*)p.x + row * p.x_stride + (i64)block_y() * p.head_dim;
  for (int i = thread_index(); i < half; i += 64) {
    T* a = x + (p.interleaved ? 2 * i : i);
    T* b = x + (p.interleaved ? 2 * i + 1 : i + half);
    const float u = to_float(load(a)), v = to_float(load(b));
    const float c = load(cos + i), s = load(cos + half + i);
    store(a, Convert<T>::from(u * c - v * s));
    store(b, Convert<T>::from(v * c + u * s));
  }
}
