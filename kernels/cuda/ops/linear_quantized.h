// y = x W^T with W of 4 or 8 bits. A weight is made a T on its way to the tensor cores, so a result has the bits of the
// tiled product with the same weight stored as T.
#pragma once

// Behind everything else that a kernel keeps in shared memory: a table of 16 floats.
constexpr u32 TableInSkinny = EKC_LINEAR_SKINNY_SHARED - 64, TableInTiled = EKC_LINEAR_TILED_SHARED - 64;

DEV StoredScale row_scale(const EkcQuantizedLinear& p, i64 n, int k) {
  return n < p.linear.n && k < p.linear.k ? load_scale(p.codes, n, k) : StoredScale{0, 0, 0, 0, 0};
}

// Two neighbouring weights, zero past the end of a row, which is a multiple of eight.
template <class T, int TYPE>
DEV u32 packed_pair(const EkcQuantizedLinear& p, u32 word, int i, const CodeScale& s, int k, u32 table) {
  float w[2];
  UNROLL for (int j = 0; j < 2; j++) {
    const u32 code = code_of<TYPE>(word, i + j);
    const float entry = TYPE == EKC_T4 ? bits_float(shared_load(table + code * 4)) : 0.f;
    w[j] = code_weight<TYPE>(code, entry, s, p.codes.mins != 0);
  }
  return k < p.linear.k ? Mma<T>::pack(w[0], w[1]) : 0;
}

// ---- up to 16 rows: linear_skinny with this source. Stage: 16 rows of 64 packed weights, one after another. A lane
// keeps the scales of its two rows for the stage, by 16 columns, and has those of the next one on their way: groups of
// 16 have four in a stage, of 32 two.
template <class T, int TYPE>
struct QuantizedSource {
  static constexpr int Bits = Packed<TYPE>::Bits, RowBytes = 64 * Bits / 8;
  static constexpr u32 Bytes = 16 * RowBytes;
  const EkcQuantizedLinear& p;
  StoredScale next[2][4];
  CodeScale scales[2][4];

  DEV_MEMBER QuantizedSource(const EkcQuantizedLinear& p) : p(p) {}
  DEV_MEMBER void read_ahead(int first_n, int k0) {
    UNROLL for (int row = 0; row < 2; row++) {
      const int n = first_n + (int)(lane_index() >> 2) + row * 8;
      next[row][0] = row_scale(p, n, k0);
      if (p.codes.group_shift <= 5) next[row][2] = row_scale(p, n, k0 + 32);
      if (p.codes.group_shift > 4) continue;
      next[row][1] = row_scale(p, n, k0 + 16);
      next[row][3] = row_scale(p, n, k0 + 48);
    }
  }
  DEV_MEMBER void turn() {
    UNROLL for (int row = 0; row < 2; row++) {
      CodeScale(&s)[4] = scales[row];
      s[0] = s[1] = s[2] = s[3] = code_scale(p.codes, next[row][0]);
      if (p.codes.group_shift <= 5) s[2] = s[3] = code_scale(p.codes, next[row][2]);
      if (p.codes.group_shift > 4) continue;
      s[1] = code_scale(p.codes, next[row][1]);
      s[3] = code_scale(p.codes, next[row][3]);
    }
  }
  DEV_MEMBER void fetch(int first_n, int k0, u32 stage) const {
    UNROLL for (int i = 0; i < RowBytes / 32; i++) {
      const int item = lane_index() + i * 32, row = item / (RowBytes / 16), byte = item % (RowBytes / 16) * 16;
      const bool present = k0 + byte * 8 / Bits < p.linear.k && first_n + row < p.linear.n;
      const i64 at = present ? (first_n + row) * p.linear.weight_stride + (i64)k0 * Bits / 8 + byte : 0;
      copy_async(stage + row * RowBytes + byte, (const void*)(p.linear.weight + at), present ? 16 : 0);
    }
  }
  DEV_MEMBER void fragment(u32 (&a)[4], u32 stage, int k16, int, int k0) const {
    const int lane = lane_index(), g = lane >> 2, t = lane & 3, k = k16 * 16 + 2 * t;
    UNROLL for (int row = 0; row < 2; row++) {
      const CodeScale& s = scales[row][k16];
      UNROLL for (int half = 0; half < 2; half++) {
        const int at = (k + half * 8) * Bits / 8;
        const u32 word = shared_load(stage + (g + row * 8) * RowBytes + (at & ~3));
        const int i = (k + half * 8) % (32 / Bits);
        const u32 table = shared_base() + TableInSkinny;
        a[row + 2 * half] = packed_pair<T, TYPE>(p, word, i, s, k0 + k + half * 8, table);
      }
    }
  }
};

// ---- more rows: linear_tiled with a conversion between copy and mma.
//
// Shared memory: a ring of stages of W [128] rows of 32 packed weights and x [64][32 k]; then two tiles of converted
// weights, in the order that linear_tiled uses.
template <int TYPE>
struct QuantizedTile {
  static constexpr int RowBytes = TileK * Packed<TYPE>::Bits / 8;
  static constexpr u32 WeightBytes = TileN * RowBytes, StageBytes = WeightBytes + TileRows * 64;
  static constexpr u32 ConvertedBytes = TileN * 64;
  static_assert(
      TileStages * StageBytes + 2 * ConvertedBytes <= (TYPE == EKC_T4 ? TableInTiled : EKC_LINEAR_TILED_SHARED),
      "shared memory");
};

template <int TYPE>
DEV void quantized_fetch(const EkcQuantizedLinear& p, u32 stage, i64 first_n, i64 first_row, int k0) {
  typedef QuantizedTile<TYPE> Tile;
  constexpr int Bits = Packed<TYPE>::Bits, Chunks = Tile::RowBytes / 16;
  const EkcLinear& l = p.linear;
  const int thread = thread_index();
  if (thread < TileN * Chunks) {
    const int row = thread / Chunks, byte = thread % Chunks * 16;
    const bool present = k0 + byte * 8 / Bits < l.k && first_n + row < l.n;
    const i64 at = present ? (first_n + row) * l.weight_stride + (i64)k0 * Bits / 8 + byte : 0;
    copy_async(stage + row * Tile::RowBytes + byte, (const void*)(l.weight + at), present ? 16 : 0);
  }
  const int row = thread >> 2, chunk = thread & 3, k = k0 + chunk * 8;
  const bool present = k < l.k && first_row + row < l.rows;
  const i64 at = present ? (first_row + row) * l.x_stride + k : 0;
  copy_async(stage + Tile::WeightBytes + tile_offset(row, chunk), (const void*)(l.x + at * 2), present ? 16 : 0);
}

// A thread makes 16 weights of one row.
template <class T, int TYPE>
DEV void quantized_convert(const EkcQuantizedLinear& p, u32 stage, u32 converted, const CodeScale& s, int k0) {
  constexpr int PerWord = 32 / Packed<TYPE>::Bits, Words = 16 / PerWord;
  const int row = thread_index() >> 1, half = thread_index() & 1, k = k0 + half * 16;
  u32 out[8];
  UNROLL for (int w = 0; w < Words; w++) {
    const u32 word = shared_load(stage + row * QuantizedTile<TYPE>::RowBytes + half * Words * 4 + w * 4);
    UNROLL for (int i = 0; i < PerWord / 2; i++) {
      const int pair = w * PerWord / 2 + i;
      out[pair] = packed_pair<T, TYPE>(p, word, 2 * i, s, k + 2 * pair, shared_base() + TableInTiled);
    }
  }
  shared_store4(converted + tile_offset(row, half * 2), u32x4{out[0], out[1], out[2], out[3]});
  shared_store4(converted + tile_offset(row, half * 2 + 1), u32x4{out[4], out[5], out[6], out[7]});
}

template <class T, int TYPE>
DEV void linear_quantized_tiled(const EkcQuantizedLinear& p) {
  typedef QuantizedTile<TYPE> Tile;
  const i64 first_row = (i64)block_x() * TileRows, first_n = (i64)block_y() * TileN;
  const u32 ring = shared_base(), converted = ring + TileStages * Tile::StageBytes;
  const int steps = (p.linear.k + TileK - 1) / TileK;
  // Of a thread's 16 weights of a step, a step before they are converted.
  const auto scale_at = [&](int step) INLINED {
    return row_scale(p, first_n + (thread_index() >> 1), step * TileK + (thread_index() & 1) * 16);
  };
  TileSums sums;
  tile_clear(sums);
  StoredScale stored = scale_at(0);
  load_table<TYPE>(p.codes, shared_base() + TableInTiled);
  UNROLL for (int s = 0; s < TileStages - 1; s++) {
    if (s < steps) quantized_fetch<TYPE>(p, ring + s * Tile::StageBytes, first_n, first_row, s * TileK);
    copy_commit();
  }
  NO_UNROLL for (int step = 0; step < steps; step++) {
    const CodeScale scale = code_scale(p.codes, stored);
    stored = scale_at(step + 1);
    copy_wait<TileStages - 2>();
    sync_block();
    const int next = step + TileStages - 1;
    if (next < steps) {
      quantized_fetch<TYPE>(p, ring + next % TileStages * Tile::StageBytes, first_n, first_row, next * TileK);
    }
    copy_commit();
    const u32 stage = ring + step % TileStages * Tile::StageBytes;
    const u32 weights = converted + (step & 1) * Tile::ConvertedBytes;
    quantized_convert<T, TYPE>(p, stage, weights, scale, step * TileK);
    sync_block();
    tile_multiply<Mma<T>>(sums.slice, weights, stage + Tile::WeightBytes);
    if ((step + 1) % (EKC_LINEAR_SLICE / TileK) == 0 || step + 1 == steps) tile_close_slice(sums);
  }
  tile_store<T>(p.linear, sums, first_n, first_row);
}

template <class T, int TYPE>
DEV void linear_quantized_skinny(const EkcQuantizedLinear& p) {
  typedef QuantizedSource<T, TYPE> Source;
  static_assert(
      8 * Skinny<2, Source>::Stages * Skinny<2, Source>::StageBytes + EKC_LINEAR_SKINNY_SUMS <= TableInSkinny,
      "shared memory");
  load_table<TYPE>(p.codes, shared_base() + TableInSkinny);
  linear_skinny(p.linear, Source(p), PlainSums<T>(p.linear));
}

template <class T, int TYPE>
DEV void linear_quantized_any(const EkcQuantizedLinear& p) {
  linear_any<T>(p.linear, AnyCode<T, TYPE>(p.codes, p.linear.weight, p.linear.weight_stride));
}

#define EKC_CODES_FOR_ANY_TYPE(T, name, TYPE, format)                                              \
  KERNEL(ekc_embed_##format##_##name, EkcQuantizedEmbed, 256, 4) { embed_codes<T, TYPE>(p); }      \
  KERNEL(ekc_linear_##format##_any_##name, EkcQuantizedLinear, 256, 4) { linear_quantized_any<T, TYPE>(p); }

#define EKC_CODES_FOR_TYPE(T, name, TYPE, format)                                  \
  EKC_CODES_FOR_ANY_TYPE(T, name, TYPE, format)                                    \
  KERNEL(ekc_linear_##format##_tiled_##name, EkcQuantizedLinear, 256, 2) {         \
    linear_quantized_tiled<T, TYPE>(p);                                            \
  }                                                                                \
  EARLY_KERNEL(ekc_linear_##format##_skinny_##name, EkcQuantizedLinear, 256, 1) {  \
    linear_quantized_skinny<T, TYPE>(p);                                           \
  }

#define EKC_CODES(TYPE, format)                       \
  EKC_CODES_FOR_ANY_TYPE(float, f32, TYPE, format)    \
  EKC_CODES_FOR_TYPE(f16, f16, TYPE, format)          \
  EKC_CODES_FOR_TYPE(bf16, bf16, TYPE, format)
