// Attention in its plain form: any head, any cache type; one block of 128 threads per (row, query head).
#pragma once

constexpr float LogBase2OfE = 1.44269504f;
constexpr float Masked = -1e30f;

// The sequence whose queries contain row `row`, or -1 for a padding row.
DEV int sequence_of(const EkcAttention& p, int row) {
  const int* starts = (const int*)p.cu_seqlens_q;
  if (row >= load(starts + p.num_sequences)) return -1;
  int low = 0, high = p.num_sequences;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (load(starts + middle) <= row) low = middle;
    else high = middle;
  }
  return low;
}

// Index of the page of key `position` in the pools.
DEV i64 page_of(const EkcAttention& p, int sequence, int position) {
  const int block = load((const int*)p.block_tables + (i64)sequence * p.max_blocks + position / p.block_size);
  return (i64)block * (p.block_size / EKC_PAGE_TOKENS) + position % p.block_size / EKC_PAGE_TOKENS;
}

// A score in base 2, from the product of query and key.
DEV float finish_score(const EkcAttention& p, float product, float slope, int distance) {
  float s = product * p.scale;
  if (p.soft_cap > 0) s = p.soft_cap * tanh_float(s / p.soft_cap);
  return (s + slope * (float)distance) * LogBase2OfE;
}


// The same bits in all 128 threads. Ends with every thread past its reads, so that partials may be used again.
template <bool MAX>
DEV float block_reduce_128(float v, u32 partials) {
  UNROLL for (int mask = 16; mask > 0; mask >>= 1) {
    const float other = bits_float(shuffle_xor(float_bits(v), mask));
    v = MAX ? max_float(v, other) : v + other;
  }
  if (lane_index() == 0) shared_store(partials + (thread_index() >> 5) * 4, float_bits(v));
  sync_block();
  const u32x4 all = shared_load4(partials);
  const float a = bits_float(all.x), b = bits_float(all.y), c = bits_float(all.z), d = bits_float(all.w);
  sync_block();
  return MAX ? max_float(max_float(a, b), max_float(c, d)) : ((a + b) + c) + d;
}

// Product of the query in shared memory with one key.
DEV float key_product(const EkcAttention& p, u32 query, u64 tile, int row, int row_bytes) {
  float sum = 0;
  for (int d = 0; d < p.head_dim; d++) {
    const float k = kv_load(tile, row, d, row_bytes, p.kv_type);
    sum = fma_float(bits_float(shared_load(query + d * 4)), k, sum);
  }
  return sum * p.key_scale;
}

// output[i] of column thread + 128 i: scaled by `correction`, plus the tile's probabilities times its values.
DEV void add_values(
    const EkcAttention& p, float (&output)[4], float correction, u32 probabilities, int sequence, int head, int first,
    int end, int row_bytes) {
  UNROLL for (int i = 0; i < 4; i++) output[i] *= correction;
  for (int page_start = first; page_start < end; page_start += EKC_PAGE_TOKENS) {
    const i64 tile = page_of(p, sequence, page_start) * p.num_kv_heads + head;
    const u64 values = p.values + tile * EKC_PAGE_TOKENS * row_bytes;
    for (int r = 0; r < EKC_PAGE_TOKENS && page_start + r < end; r++) {
      const float weight = bits_float(shared_load(probabilities + (page_start - first + r) * 4));
      if (weight == 0.f) continue;
      UNROLL for (int i = 0; i < 4; i++) {
        const int d = thread_index() + 128 * i;
        if (d < p.head_dim) output[i] = fma_float(weight, kv_load(values, r, d, row_bytes, p.kv_type), output[i]);
      }
    }
  }
}

template <class T>
DEV void attention_any(const EkcAttention& p) {
  const int row = block_x(), head = block_y(), thread = thread_index();
  const int sequence = sequence_of(p, row);
  if (sequence < 0) return;
  const int row_bytes = EKC_KV_ROW_BYTES(p.head_dim * kv_element_bytes(p.kv_type), 1);
  const int kv_head = head / (p.num_heads / p.num_kv_heads);
  const int query_end = load((const int*)p.cu_seqlens_q + sequence + 1);
  const int position = load((const int*)p.context_lens + sequence) - (query_end - row);
  const int start = p.sliding_window > 0 && position >= p.sliding_window ? position - p.sliding_window + 1 : 0;
  const float slope = p.alibi_slopes == 0 ? 0.f : load((const float*)p.alibi_slopes + head);
  const u32 query = shared_base(), probabilities = query + EKC_ANY_HEAD_DIM * 4, partials = probabilities + 128 * 4;

  const T* q = (const T*)p.query + row * p.query_stride + (i64)head * p.head_dim;
  for (int d = thread; d < p.head_dim; d += 128) shared_store(query + d * 4, float_bits(to_float(load(q + d))));
  sync_block();
  float output[4] = {0, 0, 0, 0}, maximum = Masked, total = 0;
  for (int first = start / 128 * 128; first <= position; first += 128) {
    const int key = first + thread;
    float score = Masked;
    if (key >= start && key <= position) {
      const u64 tile = p.keys + (page_of(p, sequence, key) * p.num_kv_heads + kv_head) * EKC_PAGE_TOKENS * row_bytes;
      const float product = key_product(p, query, tile, key % EKC_PAGE_TOKENS, row_bytes);
      score = finish_score(p, product, slope, key - position);
    }
    const float new_maximum = max_float(maximum, block_reduce_128<true>(score, partials));
    const float weight = score == Masked ? 0.f : exp2_approx(score - new_maximum);
    const float correction = exp2_approx(maximum - new_maximum);
    shared_store(probabilities + thread * 4, float_bits(weight));
    total = total * correction + block_reduce_128<false>(weight, partials);
    maximum = new_maximum;
    const int end = first + 128 <= position ? first + 128 : position + 1;
    add_values(p, output, correction, probabilities, sequence, kv_head, first, end, row_bytes);
  }
  T* out = (T*)p.output + row * p.output_stride + (i64)head * p.head_dim;
  UNROLL for (int i = 0; i < 4; i++) {
    const int d = thread + 128 * i;
    if (d < p.head_dim) store(out + d, Convert<T>::from(output[i] / total * p.value_scale));
  }
}
