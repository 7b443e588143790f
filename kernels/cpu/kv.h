// Writing the paged cache. Included inside the namespace of one ISA level.
#pragma once

// The K tile of 16 tokens that holds token `offset` of a block; its V tile follows it.
INLINE char* kv_tile(const KvJob& kv, int64_t block, int64_t head, int64_t offset) {
  const int64_t tiles = kv.block_size / 16;
  return kv.data + block * kv.block_bytes + (head * tiles + offset / 16) * 2 * kv.tile_bytes;
}

// K [d/PAIR][16][PAIR], V [16/PAIR][d][PAIR]; dimensions past head_dim are zero. What is divided by a scale is an
// element of 8 bits.
template <class T, int PAIR>
static void write_token(
    const KvJob& kv, const float* key, const float* value, char* tile, int64_t token) {
  constexpr bool kScaled = sizeof(T) == 1;
  T narrow[16];
  char* k_lines = tile + KvElement<T>::kScaleBytes;
  char* v_lines = k_lines + kv.tile_bytes;
  T* k = reinterpret_cast<T*>(k_lines) + token * PAIR;
  T* v = reinterpret_cast<T*>(v_lines) + token / PAIR * kv.padded_dim * PAIR + token % PAIR;
  const float k_scale = KvElement<T>::scale(key, kv.head_dim, kv.key_scale);
  const float v_scale = KvElement<T>::scale(value, kv.head_dim, kv.value_scale);
  if (KvElement<T>::kScaleBytes != 0) {
    reinterpret_cast<float*>(tile)[token] = k_scale;
    reinterpret_cast<float*>(tile + kv.tile_bytes)[token] = v_scale;
  }
  const vf k_divisor = vset(k_scale == 0 ? 1 : k_scale), v_divisor = vset(v_scale == 0 ? 1 : v_scale);
  for (int64_t d = 0; d < kv.padded_dim; d += 16) {
    const int64_t left = kv.head_dim - d;
    const vf x = left >= 16 ? vload(key + d) : vload_n(key + d, left);
    vstore(narrow, kScaled ? vdiv(x, k_divisor) : x);
    for (int64_t i = 0; i < 16; i++) k[((d + i) / PAIR * 16) * PAIR + (d + i) % PAIR] = narrow[i];
    const vf y = left >= 16 ? vload(value + d) : vload_n(value + d, left);
    vstore(narrow, kScaled ? vdiv(y, v_divisor) : y);
    for (int64_t i = 0; i < 16; i++) v[(d + i) * PAIR] = narrow[i];
  }
}

// The layout that dot products of bf16 pairs read, where they are used.
template <class T>
static void write_pairs(
    const KvJob& kv, const float* key, const float* value, char* tile, int64_t token) {
  if (kv.dot) {
    write_token<T, 2>(kv, key, value, tile, token);
  } else {
    write_token<T, 1>(kv, key, value, tile, token);
  }
}

static void kv_write(const KvWriteJob& job, int64_t row, int64_t head) {
  const KvJob& kv = job.kv;
  const int64_t slot = job.slots[row];
  if (slot < 0) return;
  const int64_t block = slot / kv.block_size, offset = slot % kv.block_size;
  const float* key = job.key + row * job.key_stride + head * kv.head_dim;
  const float* value = job.value + row * job.value_stride + head * kv.head_dim;
  char* tile = kv_tile(kv, block, head, offset);
  const int64_t token = offset % 16;
  switch (kv.dtype) {
    case EK_F32: return write_token<float, 1>(kv, key, value, tile, token);
    case EK_F16: return write_token<f16_t, 1>(kv, key, value, tile, token);
    case EK_I8: return write_pairs<i8_t>(kv, key, value, tile, token);
    case EK_F8_E4M3: return write_pairs<e4m3_t>(kv, key, value, tile, token);
    default: return write_pairs<bf16_t>(kv, key, value, tile, token);
  }
}
