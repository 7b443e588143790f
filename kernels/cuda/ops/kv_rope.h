// Rotation of queries, and of keys on their way into the cache: one launch in place of three. One block per row and
// head, query heads first.
#pragma once

template <class T>
DEV void kv_rope(const EkcKvRope& p) {
  const i64 row = block_x();
  const int half = p.rotary_dim / 2, head = block_y();
  const i64 at = (i64)load((const int*)p.positions + row) * p.rotary_dim;
  if (head < p.num_heads) {
    T* query = (T*)p.query + row * p.query_stride + (i64)head * p.kv.head_dim;
    rope_head(query, (const float*)p.query_cos_sin + at, half, p.interleaved);
    return;
  }

  const KvRow to = kv_row(p.kv, row, head - p.num_heads);
  if (to.tile < 0) return;
  const float* cos = (const float*)p.key_cos_sin + at;
  const T* key = (const T*)p.kv.key + row * p.kv.key_stride + (i64)(head - p.num_heads) * p.kv.head_dim;
  const T* value = (const T*)p.kv.value + row * p.kv.value_stride + (i64)(head - p.num_heads) * p.kv.head_dim;
  for (int i = thread_index(); i < half; i += 64) {
    const int a = p.interleaved ? 2 * i : i, b = p.interleaved ? 2 * i + 1 : i + half;
    const RopePair<T> pair = rope_pair(key + a, key + b, cos, half, i);
    kv_store_key(p.kv, to, a, to_float(pair.first));
    kv_store_key(p.kv, to, b, to_float(pair.second));
  }
  for (int d = p.rotary_dim + thread_index(); d < p.kv.head_dim; d += 64) {
    kv_store_key(p.kv, to, d, to_float(load(key + d)));
  }
  for (int d = thread_index(); d < p.kv.head_dim; d += 64) kv_store_value(p.kv, to, d, to_float(load(value + d)));
}
