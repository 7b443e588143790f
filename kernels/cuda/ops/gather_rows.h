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
