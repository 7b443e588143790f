// y = x W^T for any shape: 8 rows x 32 columns per block of 256 threads, one output element each.
#pragma once

// The row's scale, bias, then the old y, as every linear kernel does it.
template <class T>
DEV void finish_linear(const EkcLinear& p, i64 row, i64 n, float sum) {
  if (p.row_scales != 0) sum *= load((const float*)p.row_scales + row);
  if (p.bias != 0) sum += load((const float*)p.bias + n);
  const i64 at = row * p.y_stride + n;
  if (p.y_type == EKC_F32) {
    float* y = (float*)p.y + at;
    store(y, p.accumulate ? load(y) + sum : sum);
  } else {
    T* y = (T*)p.y + at;
    store(y, Convert<T>::from(p.accumulate ? to_float(load(y)) + sum : sum));
  }
}

// Weights of 16 or 32 bits.
struct AnyWeight {
  const EkcLinear& p;
  DEV_MEMBER AnyWeight(const EkcLinear& p) : p(p) {}
  DEV_MEMBER float at(i64 n, int k) const { return load_typed(p.weight, n * p.weight_stride + k, p.weight_type); }
};

// Shared memory: x [8][33], weight [32][33]; the odd pitch keeps columns on different banks.
template <class T, class Weight>
DEV void linear_any(const EkcLinear& p, const Weight& weight) {
  const int thread = thread_index(), local_n = thread & 31, local_row = thread >> 5;
  const i64 first_n = (i64)block_x() * 32, first_row = (i64)block_y() * 8;
  const u32 xs = shared_base(), ws = xs + 8 * 33 * 4;
  float total = 0, sum = 0;
  for (int k0 = 0; k0 < p.k; k0 += 32) {
    const int k = k0 + local_n;
    const bool has_x = k < p.k && first_row + local_row < p.rows;
    const T* x = (const T*)p.x + (first_row + local_row) * p.x_stride + k;
    shared_store(xs + (local_row * 33 + local_n) * 4, float_bits(has_x ? to_float(load(x)) : 0.f));
    for (int j = local_row; j < 32; j += 8) {
      const bool has_w = k < p.k && first_n + j < p.n;
      shared_store(ws + (j * 33 + local_n) * 4, float_bits(has_w ? weight.at(first_n + j, k) : 0.f));
    }
    sync_block();
    for (int i = 0; i < 32; i++) {
      const float a = bits_float(shared_load(xs + (local_row * 33 + i) * 4));
      sum = fma_float(a, bits_float(shared_load(ws + (local_n * 33 + i) * 4)), sum);
    }
    if ((k0 + 32) % EKC_LINEAR_SLICE == 0) {
      total += sum;
      sum = 0;
    }
    sync_block();
  }
  total += sum;
  if (first_n + local_n < p.n && first_row + local_row < p.rows) {
    finish_linear<T>(p, first_row + local_row, first_n + local_n, total);
  }
}
