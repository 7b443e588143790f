// Rotary position embedding in place; one block per (row, head), one thread per pair.
#pragma once

// One pair, rounded to T.
template <class T>
struct RopePair {
  T first, second;
};

template <class T>
DEV RopePair<T> rope_pair(const T* a, const T* b, const float* cos, int half, int i) {
  const float u = to_float(load(a)), v = to_float(load(b));
  const float c = load(cos + i), s = load(cos + half + i);
  return {Convert<T>::from(u * c - v * s), Convert<T>::from(v * c + u * s)};
}

// A head whose first element is x.
template <class T>
DEV void rope_head(T* x, const float* cos, int half, int interleaved) {
  for (int i = thread_index(); i < half; i += 64) {
    T* a = x + (interleaved ? 2 * i : i);
    T* b = x + (interleaved ? 2 * i + 1 : i + half);
    const RopePair<T> pair = rope_pair(a, b, cos, half, i);
    store(a, pair.first);
    store(b, pair.second);
  }
}

template <class T>
DEV void rope(const EkcRope& p) {
  const i64 row = block_x();
  const float* cos = (const float*)p.cos_sin + (i64)load((const int*)p.positions + row) * p.rotary_dim;
  rope_head((T*)p.x + row * p.x_stride + (i64)block_y() * p.head_dim, cos, p.rotary_dim / 2, p.interleaved);
}
