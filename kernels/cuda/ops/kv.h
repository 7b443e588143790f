// The paged cache: writing keys and values, copying blocks. Layout: engine_cuda.h.
#pragma once

DEV int kv_element_bytes(int kv_type) { return kv_type == EKC_F32 ? 4 : kv_type == EKC_E4M3 ? 1 : 2; }

// Byte offset of byte `b` of row `row` in a tile whose rows are row_bytes long.
DEV i64 kv_offset(int row, int b, int row_bytes) {
  const int chunk = (b >> 4 & 7) ^ (row & 7);
  return (i64)(row >> 3) * 8 * row_bytes + (b >> 7) * 1024 + (row & 7) * 128 + chunk * 16 + (b & 15);
}

DEV void kv_store(u64 tile, int row, int d, int row_bytes, int kv_type, float v) {
  const u64 at = tile + kv_offset(row, d * kv_element_bytes(kv_type), row_bytes);
  if (kv_type == EKC_F32) store((float*)at, v);
  else if (kv_type == EKC_F16) store((f16*)at, Convert<f16>::from(v));
  else if (kv_type == EKC_BF16) store((bf16*)at, Convert<bf16>::from(v));
  else store((u8*)at, to_e4m3(v));
}

DEV float kv_load(u64 tile, int row, int d, int row_bytes, int kv_type) {
  return load_typed(tile + kv_offset(row, d * kv_element_bytes(kv_type), row_bytes), 0, kv_type);
}

// Where a head of a row goes; tile is negative where it goes nowhere.
struct KvRow {
  i64 tile;
  int row, row_bytes;
};

DEV KvRow kv_row(const EkcWriteKv& p, i64 row, int head) {
  const int slot = load((const int*)p.slots + row);
  const int row_bytes = EKC_KV_ROW_BYTES(p.head_dim * kv_element_bytes(p.kv_type), 1);
  const i64 tile = ((i64)(slot / EKC_PAGE_TOKENS) * p.num_kv_heads + head) * EKC_PAGE_TOKENS * row_bytes;
  return {slot < 0 ? -1 : tile, slot % EKC_PAGE_TOKENS, row_bytes};
}

DEV void kv_store_key(const EkcWriteKv& p, const KvRow& to, int d, float v) {
  kv_store(p.keys + to.tile, to.row, d, to.row_bytes, p.kv_type, v / p.key_scale);
}

DEV void kv_store_value(const EkcWriteKv& p, const KvRow& to, int d, float v) {
  kv_store(p.values + to.tile, to.row, d, to.row_bytes, p.kv_type, v / p.value_scale);
}

// One block per (row, kv head).
template <class T>
DEV void write_kv(const EkcWriteKv& p) {
  const i64 row = block_x();
  const int head = block_y();
  const KvRow to = kv_row(p, row, head);
  if (to.tile < 0) return;
  const T* key = (const T*)p.key + row * p.key_stride + (i64)head * p.head_dim;
  const T* value = (const T*)p.value + row * p.value_stride + (i64)head * p.head_dim;
  for (int d = thread_index(); d < p.head_dim; d += 128) {
    kv_store_key(p, to, d, to_float(load(key + d)));
    kv_store_value(p, to, d, to_float(load(value + d)));
  }
}

// One block per (copy, pool).
DEV void copy_blocks(const EkcCopyBlocks& p) {
  const i64 bytes = load((const u64*)p.block_bytes + block_y());
  const u64 pool = load((const u64*)p.pools + block_y());
  const i64 source = load((const int*)p.copies + 2 * block_x());
  const i64 destination = load((const int*)p.copies + 2 * block_x() + 1);
  for (i64 i = thread_index() * 16; i < bytes; i += 256 * 16) {
    store((u32x4*)(pool + destination * bytes + i), load((const u32x4*)(pool + source * bytes + i)));
  }
}
