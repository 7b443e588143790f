// Inputs rounded to codes of 8 bits, or to the values of such codes; one block per row.
#pragma once

// To the nearest whole number, ties to even; right below 2^22, which is far outside of what codes hold.
DEV float nearest_whole(float v) { return (v + 12582912.f) - 12582912.f; }
DEV float bounded(float v, float least, float most) { return v < least ? least : v > most ? most : v; }

DEV float largest_of_warp(float v) {
  UNROLL for (int mask = 16; mask > 0; mask >>= 1) v = max_float(v, bits_float(shuffle_xor(float_bits(v), mask)));
  return v;
}

// Largest of the 256 threads of a block, in all of them. shared: 32 bytes, as block_sum_256.
DEV float block_max_256(float v, u32 shared) {
  v = largest_of_warp(v);
  if (lane_index() == 0) shared_store(shared + (thread_index() >> 5) * 4, float_bits(v));
  sync_block();
  float most = bits_float(shared_load(shared));
  UNROLL for (int i = 1; i < 8; i++) most = max_float(most, bits_float(shared_load(shared + i * 4)));
  return most;
}

// What the values of a row are divided by, and the zero of integers; `bad` is 0, or a NaN where one is no number.
struct RowRounding {
  float scale, zero, bad;
};

template <class T>
DEV RowRounding row_rounding(const EkcRoundInputs& p, const T* x) {
  float most = 0, least = 0, bad = 0;
  for (int k = thread_index(); k < p.k; k += 256) {
    const float v = to_float(load(x + k));
    most = max_float(most, v);
    least = min_float(least, v);
    bad += v * 0.f;
  }
  most = block_max_256(most, shared_base());
  least = -block_max_256(-least, shared_base() + 32);
  RowRounding r = {p.scale, (float)p.zero, block_sum_256(bad, shared_base() + 64)};
  const float largest = max_float(most, -least);
  if (p.kind == EKC_INPUT_I8_TOKEN) r.scale = largest > 0 ? largest / 127.f : 1.f;
  if (p.kind == EKC_INPUT_E4M3_TOKEN) r.scale = max_float(largest / 448.f, 1.f / (448.f * 512.f));
  if (p.kind == EKC_INPUT_I8_TOKEN_ZERO) {
    r.scale = largest > 0 ? (most - least) / 255.f : 1.f;
    r.zero = bounded(nearest_whole(-128.f - least / r.scale), -128.f, 127.f);
  } else if (p.kind != EKC_INPUT_I8_TENSOR) {
    r.zero = 0;
  }
  return r;
}

DEV bool rounds_to_integers(int kind) { return kind <= EKC_INPUT_I8_TOKEN_ZERO; }

DEV float integer_code(float v, const RowRounding& r) {
  return bounded(nearest_whole(bounded(v / r.scale, -1024.f, 1024.f)) + r.zero, -128.f, 127.f);
}

// Steps of a half below 2, of 1 below 4, of 2 up to 6.
DEV float nearest_e2m1(float magnitude) {
  const float v = magnitude > 6.f ? 6.f : magnitude, step = v < 2.f ? 0.5f : v < 4.f ? 1.f : 2.f;
  return nearest_whole(v / step) * step;
}

// ---- codes

template <class T>
DEV u32 input_code(const EkcRoundInputs& p, const T* x, int k, const RowRounding& r) {
  if (k >= p.k || r.bad != 0) return 0;
  const float v = to_float(load(x + k));
  return rounds_to_integers(p.kind) ? (u32)(i32)integer_code(v, r) & 0xff : to_e4m3(v / r.scale);
}

// Gives the four codes.
template <class T>
DEV u32 put_codes(const EkcRoundInputs& p, const T* x, u8* y, int k, const RowRounding& r) {
  u32 four = 0;
  UNROLL for (int i = 0; i < 4; i++) four |= input_code(p, x, k + i, r) << (8 * i);
  store((u32*)(y + k), four);
  return four;
}

// A warp takes 128 columns at a time, a lane four of them.
template <class T>
DEV void round_groups(const EkcRoundInputs& p, const T* x, u8* y, float* scales, i64 pitch) {
  const int lane = lane_index(), groups = (p.k + EKC_INPUT_GROUP - 1) / EKC_INPUT_GROUP;
  for (int group = thread_index() >> 5; group < groups; group += 8) {
    const int k = group * EKC_INPUT_GROUP + lane * 4;
    float largest = 0, bad = 0;
    UNROLL for (int i = 0; i < 4; i++) {
      const float v = k + i < p.k ? to_float(load(x + k + i)) : 0.f;
      largest = max_float(largest, abs_float(v));
      bad += v * 0.f;
    }
    const bool is_bad = vote(bad != 0) != 0;
    const float scale = max_float(largest_of_warp(largest), 1e-10f) / 448.f;
    const RowRounding r = {scale, 0.f, is_bad ? bits_float(0x7fc00000) : 0.f};
    if (k < p.y_stride) put_codes(p, x, y, k, r);
    if (lane == 0) store(scales + group * pitch, r.scale + r.bad);
  }
}

template <class T>
DEV void round_inputs(const EkcRoundInputs& p) {
  const i64 row = block_x();
  const T* x = (const T*)p.x + row * p.x_stride;
  u8* y = (u8*)p.y + row * p.y_stride;
  if (p.kind == EKC_INPUT_E4M3_GROUP) {
    const i64 groups = (p.k + EKC_INPUT_GROUP - 1) / EKC_INPUT_GROUP;
    if (p.scales_pitch != 0) round_groups(p, x, y, (float*)p.scales + row, p.scales_pitch);
    else round_groups(p, x, y, (float*)p.scales + row * groups, 1);
    return;
  }
  const RowRounding r = row_rounding(p, x);
  i32 sum = 0;
  for (i64 k = thread_index() * 4; k < p.y_stride; k += 1024) {
    const u32 four = put_codes(p, x, y, (int)k, r);
    UNROLL for (int i = 0; i < 4; i++) sum += (i32)(four << (24 - 8 * i)) >> 24;
  }
  if (p.sums != 0) {
    // Whole numbers below 2^24, so f32 has them exactly. row_rounding is done with the first of its three places.
    const float of_row = block_sum_256((float)sum, shared_base());
    if (thread_index() == 0) store((i32*)p.sums + row, (i32)of_row);
  }
  if (thread_index() != 0) return;
  store((float*)p.scales + row, r.scale + r.bad);
  if (rounds_to_integers(p.kind)) store((i32*)p.zeros + row, (i32)r.zero);
}

// ---- values

// Sixteen columns share a factor of their own.
template <class T>
DEV void round_to_nvfp4(const EkcRoundInputs& p, const T* x, T* y) {
  for (int k = thread_index() * 16; k < p.k; k += 256 * 16) {
    const int end = k + 16 < p.k ? k + 16 : p.k;
    float largest = 0;
    for (int i = k; i < end; i++) largest = max_float(largest, abs_float(to_float(load(x + i))));
    float factor = from_e4m3(to_e4m3(p.scale * largest / 6.f));
    if (factor == 0) factor = 0.125f;
    for (int i = k; i < end; i++) {
      const float v = to_float(load(x + i)) / (factor / p.scale);
      const float rounded_v = nearest_e2m1(abs_float(v)) * factor;
      store(y + i, Convert<T>::from(v < 0 ? -rounded_v : rounded_v));
    }
  }
}

template <class T>
DEV void round_groups_to_values(const EkcRoundInputs& p, const T* x, T* y) {
  const int lane = lane_index();
  for (int first = (thread_index() >> 5) * EKC_INPUT_GROUP; first < p.k; first += 8 * EKC_INPUT_GROUP) {
    float v[4], largest = 0;
    UNROLL for (int i = 0; i < 4; i++) {
      const int k = first + lane + 32 * i;
      v[i] = k < p.k ? to_float(load(x + k)) : 0.f;
      largest = max_float(largest, abs_float(v[i]));
    }
    const float scale = max_float(largest_of_warp(largest), 1e-10f) / 448.f;
    UNROLL for (int i = 0; i < 4; i++) {
      const int k = first + lane + 32 * i;
      if (k < p.k) store(y + k, Convert<T>::from(from_e4m3(to_e4m3(v[i] / scale)) * scale));
    }
  }
}

template <class T>
DEV void round_values(const EkcRoundInputs& p) {
  const i64 row = block_x();
  const T* x = (const T*)p.x + row * p.x_stride;
  T* y = (T*)p.y + row * p.y_stride;
  const RowRounding r = row_rounding(p, x);
  float scale = r.scale;
  if (p.kind == EKC_INPUT_NVFP4) {
    scale = 1.f / p.scale;
    round_to_nvfp4(p, x, y);
  } else if (p.kind == EKC_INPUT_E4M3_GROUP) {
    scale = 1.f;
    round_groups_to_values(p, x, y);
  } else {
    for (int k = thread_index(); k < p.k; k += 256) {
      const float v = to_float(load(x + k));
      const float code = rounds_to_integers(p.kind) ? integer_code(v, r) - r.zero : from_e4m3(to_e4m3(v / r.scale));
      store(y + k, Convert<T>::from(code));
    }
  }
  if (thread_index() == 0) store((float*)p.scales + row, scale + r.bad);
}
