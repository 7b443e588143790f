// RMS norm, the same with an addition before it, and layer norm; one block per (row, group).
#pragma once

template <class T>
DEV void rms_norm_row(const EkcRmsNorm& p, const T* x, T* y) {
  float squares = 0;
  for (int c = thread_index(); c < p.n; c += 256) {
    const float v = to_float(load(x + c));
    squares = fma_float(v, v, squares);
  }
  const float scale = reciprocal_sqrt(block_sum_256(squares, shared_base()) / (float)p.n + p.epsilon);
  const float* weight = (const float*)p.weight;
  for (int c = thread_index(); c < p.n; c += 256) {
    const float factor = p.weight == 0 ? 1.f : load(weight + c) + p.offset;
    store(y + c, Convert<T>::from(to_float(load(x + c)) * scale * factor));
  }
}

template <class T>
DEV void rms_norm(const EkcRmsNorm& p) {
  const i64 row = block_x(), column = (i64)block_y() * p.n;
  rms_norm_row(p, (const T*)p.x + row * p.x_stride + column, (T*)p.y + row * p.y_stride + column);
}

// A thread reads back only what it wrote itself, so no barrier stands between the sum and the norm.
template <class T>
DEV void add_rms_norm(const EkcRmsNorm& p) {
  const i64 row = block_x();
  const T* x = (const T*)p.x + row * p.x_stride;
  T* residual = (T*)p.residual + row * p.residual_stride;
  for (int c = thread_index(); c < p.n; c += 256) {
    store(residual + c, Convert<T>::from(to_float(load(residual + c)) + to_float(load(x + c))));
  }
  rms_norm_row(p, (const T*)residual, (T*)p.y + row * p.y_stride);
}

template <class T>
DEV void layer_norm(const EkcLayerNorm& p) {
  const i64 row = block_x(), column = (i64)block_y() * p.n;
  const T* x = (const T*)p.x + row * p.x_stride + column;
  T* y = (T*)p.y + row * p.y_stride + column;
  float sum = 0;
  for (int c = thread_index(); c < p.n; c += 256) sum += to_float(load(x + c));
  const float mean = block_sum_256(sum, shared_base()) / (float)p.n;
  float squares = 0;
  for (int c = thread_index(); c < p.n; c += 256) {
    const float v = to_float(load(x + c)) - mean;
    squares = fma_float(v, v, squares);
  }
  const float scale = reciprocal_sqrt(block_sum_256(squares, shared_base() + 32) / (float)p.n + p.epsilon);
  const i64 first = p.per_group ? column : 0;
  const float* weight = (const float*)p.weight + first;
  const float* bias = (const float*)p.bias + first;
  for (int c = thread_index(); c < p.n; c += 256) {
    const float v = (to_float(load(x + c)) - mean) * scale * load(weight + c);
    store(y + c, Convert<T>::from(p.bias == 0 ? v : v + load(bias + c)));
  }
}
