// Activations of coded weights in the order of their codes. Included inside the namespace of one ISA level.
#pragma once

// 128 activations of one row, where there are so many; zeros behind them.
static void gather_block(const PackActivationsJob& job, int64_t row, int64_t k, float (&x)[128]) {
  const float* p = job.x + row * job.x_stride;
  const int64_t count = job.k - k < 128 ? (job.k > k ? job.k - k : 0) : 128;
  int64_t i = 0;
  if (job.order != nullptr) {
    for (; i < count; i++) x[i] = p[job.order[k + i]];
  } else {
    for (; i < count; i++) x[i] = p[k + i];
  }
  for (; i < 128; i++) x[i] = 0;
}
