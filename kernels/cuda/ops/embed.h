// y[t] = table[ids[t]] * scale; one block per token.
#pragma once

template <class T>
DEV void embed(const EkcEmbed& p) {
  const i64 row = block_x();
  const int id = load((const int*)p.ids + row);
  const bool known = id >= 0 && id < p.vocab;
  T* y = (T*)p.y + row * p.y_stride;
  for (int c = thread_index(); c < p.columns; c += 256) {
    const float v = known ? load_typed(p.table, id * p.table_stride + c, p.table_type) * p.scale : 0.f;
    store(y + c, Convert<T>::from(v));
  }
}
