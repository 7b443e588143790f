// y = x W^T with x and W of 8 bits. Rows of bytes are taken for rows of half as many 16-bit numbers: copies, ldmatrix
// and fragments are then those of the 16-bit products, and an mma takes 32 k where it took 16.
#pragma once

DEV EkcLinear as_halves(const EkcLinear& p) {
  EkcLinear half = p;
  half.k = (p.k + 15) / 16 * 8;
  half.x_stride = p.x_stride / 2;
  half.weight_stride = p.weight_stride / 2;
  return half;
}

DEV void finish_w8a8(const EkcLinear& p, i64 row, i64 n, float sum) {
  if (p.y_type == EKC_BF16) finish_linear<bf16>(p, row, n, sum);
  else finish_linear<f16>(p, row, n, sum);  // or f32
}

// Scales of one level, without zeros and minima.
DEV float weight_scale(const EkcW8A8& p, i64 n, int k) {
  const EkcCodes& c = p.codes;
  return load_typed(c.scales, n * c.scales_stride + (k >> c.group_shift), c.scale_type);
}

// ---- whole numbers: sums are exact

DEV void finish_integers(const EkcW8A8& p, i64 row, i64 n, i32 sum) {
  if (p.x_zeros != 0) sum -= load((const i32*)p.x_zeros + row) * load((const i32*)p.weight_sums + n);
  finish_w8a8(p.linear, row, n, (float)sum * weight_scale(p, n, 0));
}

struct IntegerSums {
  typedef i32 Sum;
  const EkcW8A8& p;

  DEV_MEMBER IntegerSums(const EkcW8A8& p) : p(p) {}
  template <int NT, class Source>
  DEV_MEMBER void add(i32 (&sums)[NT][4], const Source& source, u32 stage, int first_n, int k0) const {
    skinny_multiply<MmaI8>(sums, source, stage, first_n, k0);
  }
  DEV_MEMBER void finish(i64 row, i64 n, i32 total) const { finish_integers(p, row, n, total); }
};

// ---- e4m3: what the tensor core has summed of 128 columns goes to f32, with its scales where groups have their own

constexpr int BlockK = 128;

DEV bool has_groups(const EkcW8A8& p) { return p.x_scales != 0 || p.codes.group_shift < 30; }

DEV float weight_factor(const EkcW8A8& p, i64 n, int k) {
  return n < p.linear.n ? weight_scale(p, n, k) : 0.f;
}
DEV float input_factor(const EkcW8A8& p, i64 row, int k) {
  if (p.x_scales == 0) return 1.f;
  return row < p.linear.rows ? load((const float*)p.x_scales + row * p.x_groups + k / BlockK) : 0.f;
}

// Element e of an mma's sums is of weight row g + 8 (e >> 1) and input row 2 t + (e & 1).
struct BlockFactors {
  float weight[2];
  DEV_MEMBER BlockFactors(const EkcW8A8& p, i64 first_n, int k) {
    UNROLL for (int i = 0; i < 2; i++) weight[i] = weight_factor(p, first_n + (lane_index() >> 2) + 8 * i, k);
  }
};

// sums += block of one mma, scaled.
template <class M>
DEV void add_block(float (&sums)[4], const float (&block)[4]) {
  UNROLL for (int e = 0; e < 4; e++) sums[e] += block[e] * M::Unit;
}
template <class M>
DEV void add_block(
    float (&sums)[4], const float (&block)[4], const BlockFactors& factors, const EkcW8A8& p, i64 first_row, int k) {
  UNROLL for (int e = 0; e < 4; e++) {
    const float x = input_factor(p, first_row + 2 * (lane_index() & 3) + (e & 1), k);
    sums[e] = fma_float(block[e] * M::Unit, factors.weight[e >> 1] * x, sums[e]);
  }
}

DEV void finish_floats(const EkcW8A8& p, i64 row, i64 n, float sum) {
  finish_w8a8(p.linear, row, n, has_groups(p) ? sum : sum * weight_scale(p, n, 0));
}

template <class M>
struct FloatSums {
  typedef float Sum;
  const EkcW8A8& p;

  DEV_MEMBER FloatSums(const EkcW8A8& p) : p(p) {}
  // A stage is one block.
  template <int NT, class Source>
  DEV_MEMBER void add(float (&sums)[NT][4], const Source& source, u32 stage, int first_n, int k0) const {
    float block[NT][4];
    UNROLL for (int n = 0; n < NT; n++) {
      UNROLL for (int e = 0; e < 4; e++) block[n][e] = 0;
    }
    skinny_multiply<M>(block, source, stage, first_n, k0);
    if (!has_groups(p)) {
      UNROLL for (int n = 0; n < NT; n++) add_block<M>(sums[n], block[n]);
      return;
    }
    const BlockFactors factors(p, first_n, 2 * k0);
    UNROLL for (int n = 0; n < NT; n++) add_block<M>(sums[n], block[n], factors, p, n * 8, 2 * k0);
  }
  DEV_MEMBER void finish(i64 row, i64 n, float total) const { finish_floats(p, row, n, total); }
};

// ---- more than 16 rows

DEV void linear_integers_tiled(const EkcW8A8& p) {
  const EkcLinear half = as_halves(p.linear);
  const i64 first_row = (i64)block_x() * TileRows, first_n = (i64)block_y() * TileN;
  i32 sums[2][4][4];
  UNROLL for (int i = 0; i < 32; i++) sums[i >> 4][i >> 2 & 3][i & 3] = 0;
  tile_steps(half, tile_count(half), first_n, first_row, [&](u32 stage, int, bool) INLINED {
    tile_multiply<MmaI8>(sums, stage, stage + TileN * 64);
  });
  tile_each(half, sums, first_n, first_row, [&](i64 row, i64 n, i32 sum) INLINED { finish_integers(p, row, n, sum); });
}

// The block that begins at k goes to the slice's sums.
template <class M>
DEV void tile_close_block(
    const EkcW8A8& p, float (&block)[2][4][4], TileSums& sums, i64 first_n, i64 first_row, int k) {
  const bool scaled = has_groups(p);
  UNROLL for (int i = 0; i < 2; i++) {
    if (scaled) {
      const BlockFactors factors(p, first_n + tile_warp_n() + i * 16, k);
      UNROLL for (int j = 0; j < 4; j++) {
        add_block<M>(sums.slice[i][j], block[i][j], factors, p, first_row + tile_warp_row() + j * 8, k);
      }
    } else {
      UNROLL for (int j = 0; j < 4; j++) add_block<M>(sums.slice[i][j], block[i][j]);
    }
    UNROLL for (int e = 0; e < 16; e++) block[i][e >> 2][e & 3] = 0;
  }
}

template <class M>
DEV void linear_floats_tiled(const EkcW8A8& p) {
  constexpr int Step = TileK * 2;  // of bytes
  const EkcLinear half = as_halves(p.linear);
  const i64 first_row = (i64)block_x() * TileRows, first_n = (i64)block_y() * TileN;
  float block[2][4][4];
  TileSums sums;
  tile_clear(sums);
  UNROLL for (int i = 0; i < 32; i++) block[i >> 4][i >> 2 & 3][i & 3] = 0;
  // Whole blocks, as the skinny form has them: a tensor core may round its sums even where it adds zeros to them.
  constexpr int Steps = BlockK / Step;
  const int steps = (tile_count(half) + Steps - 1) / Steps * Steps;
  tile_steps(half, steps, first_n, first_row, [&](u32 stage, int step, bool is_last) INLINED {
    tile_multiply<M>(block, stage, stage + TileN * 64);
    if ((step + 1) % Steps == 0) {
      tile_close_block<M>(p, block, sums, first_n, first_row, step / Steps * BlockK);
    }
    if ((step + 1) % (EKC_LINEAR_SLICE / TileK) == 0 || is_last) tile_close_slice(sums);
  });
  tile_each(half, sums.total, first_n, first_row, [&](i64 row, i64 n, float sum) INLINED {
    finish_floats(p, row, n, sum);
  });
}

// ---- up to 16

template <class Sums>
DEV void linear_w8a8_skinny(const EkcW8A8& p) {
  const EkcLinear half = as_halves(p.linear);
  linear_skinny(half, PlainSource<f16>(half), Sums(p));
}
