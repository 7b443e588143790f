// y[i] = x[indices[i]]; one block per row, 16 bytes at a time where the addresses allow.
#pragma once

DEV void gather_rows(const EkcGatherRows& p) {
  const i64 row = block_x();
  const u64 from = p.x + load((const int*)p.indices + row) * p.x_stride_bytes;
  const u64 to = p.y + row * p.y_stride_bytes;
  i64 done = 0;
  if (((from | to) & 15) == 0) {
    done = p.row_bytes / 16 * 16;
    for (i64 i = thread_index() * 16; i < done; i += 256 * 16) {
      store((u32x4*)(to + i), load((const u32x4*)(from + i)));
    }
  }
  for (i64 i = done + thread_index() * 2; i < p.row_bytes; i += 256 * 2) {
    store((u16*)(to + i), load((const u16*)(from + i)));
  }
}

// y[r][i] = x[r][order[i]]; a block has a run of columns of one row.
template <class T>
DEV void permute_columns(const EkcPermuteColumns& p) {
  const i64 row = block_x();
  const T* x = (const T*)p.x + row * p.x_stride;
  T* y = (T*)p.y + row * p.y_stride;
  const int first = block_y() * EKC_MAP_COLUMNS;
  for (int c = first + thread_index(); c < p.columns && c < first + EKC_MAP_COLUMNS; c += 256) {
    store(y + c, load(x + load((const int*)p.order + c)));
  }
}
