// Element-wise operations; a block does EKC_MAP_COLUMNS columns of one row.
#pragma once

DEV float map_value(float x, const EkcMap& p) {
  switch (p.function) {
    case EKC_MAP_SCALE: return x * p.a;
    case EKC_MAP_SOFT_CAP: return p.a * tanh_float(x / p.a);
    // Comparisons and not min and max: a NaN must stay one.
    case EKC_MAP_CLAMP: return x > p.a ? p.a : x < -p.a ? -p.a : x;
    case EKC_MAP_XIELU: {
      const float low = x < p.d ? x : p.d;
      return (x > 0 ? p.a * x * x : p.b * (exp_minus_one(low) - x)) + p.c * x;
    }
    case EKC_MAP_TO_F32: return x;
    default: return activate(x, p.function);
  }
}

template <class T>
DEV void map(const EkcMap& p) {
  const i64 row = block_x();
  const T* x = (const T*)p.x + row * p.x_stride;
  const int first = block_y() * EKC_MAP_COLUMNS;
  for (int c = first + thread_index(); c < first + EKC_MAP_COLUMNS && c < p.columns; c += 256) {
    const float v = map_value(to_float(load(x + c)), p);
    if (p.function == EKC_MAP_TO_F32) store((float*)p.y + row * p.y_stride + c, v);
    else store((T*)p.y + row * p.y_stride + c, Convert<T>::from(v));
  }
}

template <class T>
DEV void add_scaled(const EkcCombine& p) {
  const i64 row = block_x();
  const T* x = (const T*)p.x + row * p.x_stride;
  T* y = (T*)p.y + row * p.y_stride;
  const int first = block_y() * EKC_MAP_COLUMNS;
  for (int c = first + thread_index(); c < first + EKC_MAP_COLUMNS && c < p.columns; c += 256) {
    store(y + c, Convert<T>::from(fma_float(to_float(load(x + c)), p.scale, to_float(load(y + c)))));
  }
}

template <class T>
DEV void activate_multiply(const EkcCombine& p) {
  const i64 row = block_x();
  const T* x = (const T*)p.x + row * p.x_stride;
  T* y = (T*)p.y + row * p.y_stride;
  const int first = block_y() * EKC_MAP_COLUMNS;
  for (int c = first + thread_index(); c < first + EKC_MAP_COLUMNS && c < p.columns; c += 256) {
    const float gate = activate(to_float(load(x + c)), p.function);
    store(y + c, Convert<T>::from(gate * to_float(load(x + p.columns + c))));
  }
}
