// Row operations. Included inside the namespace of one ISA level.
#pragma once

#include "strips.h"

static void point(const PointJob& job, int64_t row, int64_t first, int64_t last) {
  float* y = job.y + row * job.y_stride;
  const float* x = job.x + row * job.x_stride;
  const vf value = vset(job.value);
  switch (job.op) {
    case kAddScaled:
      each16(first, last, [&](int64_t i, int64_t n) INLINE_LAMBDA {
        store_some(y + i, vadd(load_some(y + i, n), vmul(load_some(x + i, n), value)), n);
      });
      break;
    case kScale:
      each16(first, last, [&](int64_t i, int64_t n) INLINE_LAMBDA {
        store_some(y + i, vmul(load_some(x + i, n), value), n);
      });
      break;
    case kSoftCap:
      each16(first, last, [&](int64_t i, int64_t n) INLINE_LAMBDA {
        store_some(y + i, vmul(value, vtanh(vdiv(load_some(x + i, n), value))), n);
      });
      break;
    case kActivate:
      each16(first, last, [&](int64_t i, int64_t n) INLINE_LAMBDA {
        store_some(y + i, vactivate(job.activation, load_some(x + i, n)), n);
      });
      break;
    default: {
      const float* gate = job.gate + row * job.x_stride;
      each16(first, last, [&](int64_t i, int64_t n) INLINE_LAMBDA {
        store_some(y + i, vmul(vactivate(job.activation, load_some(x + i, n)), load_some(gate + i, n)), n);
      });
      break;
    }
  }
}

// Sum over n of f(16 values), in four interleaved chains added in one fixed order.
template <class F>
INLINE float chain_sum(const float* x, int64_t n, F f) {
  vf s[4] = {vzero(), vzero(), vzero(), vzero()};
  int64_t i = 0;
  for (; i + 64 <= n; i += 64) {
    for (int j = 0; j < 4; j++) s[j] = f(s[j], vload(x + i + 16 * j), static_cast<int64_t>(16));
  }
  for (int j = 0; i < n; i += 16, j++) {
    const int64_t left = n - i < 16 ? n - i : 16;
    s[j & 3] = f(s[j & 3], load_some(x + i, left), left);
  }
  return vsum(vadd(vadd(s[0], s[1]), vadd(s[2], s[3])));
}

static void norm_rms(const NormJob& job, const float* x, float* y) {
  const float sum =
      chain_sum(x, job.n, [](vf s, vf v, int64_t) INLINE_LAMBDA { return vfma(v, v, s); });
  const vf scale = vset(1.0f / __builtin_sqrtf(sum / static_cast<float>(job.n) + job.epsilon));
  const vf offset = vset(job.offset);
  each16(0, job.n, [&](int64_t i, int64_t n) INLINE_LAMBDA {
    vf v = vmul(load_some(x + i, n), scale);
    if (job.weight != nullptr) v = vmul(v, vadd(load_some(job.weight + i, n), offset));
    store_some(y + i, v, n);
  });
}

static void norm_layer(const NormJob& job, const float* x, float* y, const float* weight, const float* bias) {
  const float n = static_cast<float>(job.n);
  const float mean =
      chain_sum(x, job.n, [](vf s, vf v, int64_t) INLINE_LAMBDA { return vadd(s, v); }) / n;
  const vf m = vset(mean);
  const vf lanes = viota();
  const float squares = chain_sum(x, job.n, [&](vf s, vf v, int64_t count) INLINE_LAMBDA {
    const vf d = vselect(vless(lanes, vset(static_cast<float>(count))), vsub(v, m), vzero());
    return vfma(d, d, s);
  });
  const vf scale = vset(1.0f / __builtin_sqrtf(squares / n + job.epsilon));
  each16(0, job.n, [&](int64_t i, int64_t count) INLINE_LAMBDA {
    vf v = vmul(vsub(load_some(x + i, count), m), scale);
    if (weight != nullptr) v = vmul(v, load_some(weight + i, count));
    if (bias != nullptr) v = vadd(v, load_some(bias + i, count));
    store_some(y + i, v, count);
  });
}

static void norm(const NormJob& job, int64_t row) {
  for (int32_t g = 0; g < job.groups; g++) {
    const float* x = job.x + row * job.x_stride + g * job.n;
    float* y = job.y + row * job.y_stride + g * job.n;
    const int64_t shift = job.per_group ? g * job.n : 0;
    if (job.center) {
      norm_layer(
          job, x, y, job.weight == nullptr ? nullptr : job.weight + shift,
          job.bias == nullptr ? nullptr : job.bias + shift);
    } else {
      norm_rms(job, x, y);
    }
  }
}

static void rope(const RopeJob& job, int64_t row) {
  const int64_t half = job.rotary_dim / 2;
  const float* cosines = job.cos_sin + static_cast<int64_t>(job.positions[row]) * job.rotary_dim;
  const float* sines = cosines + half;
  for (int32_t h = 0; h < job.heads; h++) {
    float* x = job.x + row * job.x_stride + static_cast<int64_t>(h) * job.head_dim;
    if (job.interleaved) {
      for (int64_t i = 0; i < half; i++) {
        const float a = x[2 * i], b = x[2 * i + 1];
        x[2 * i] = a * cosines[i] - b * sines[i];
        x[2 * i + 1] = b * cosines[i] + a * sines[i];
      }
      continue;
    }
    each16(0, half, [&](int64_t i, int64_t n) INLINE_LAMBDA {
      const vf a = load_some(x + i, n), b = load_some(x + half + i, n);
      const vf c = load_some(cosines + i, n), s = load_some(sines + i, n);
      store_some(x + i, vsub(vmul(a, c), vmul(b, s)), n);
      store_some(x + half + i, vadd(vmul(b, c), vmul(a, s)), n);
    });
  }
}

template <class T>
static void embed_row(const T* row, float* y, int64_t k, float scale) {
  int64_t i = 0;
  for (; i + 16 <= k; i += 16) vstore(y + i, vmul(vload(row + i), vset(scale)));
  for (; i < k; i++) y[i] = to_float(row[i]) * scale;
}

// One column of a panel: elements of one k are 16 columns apart (16 pairs if interleaved by 2).
template <class T, int PAIR>
static void embed_column(const char* panel, int64_t column, float* y, int64_t k, float scale) {
  const T* p = reinterpret_cast<const T*>(panel) + column * PAIR;
  for (int64_t i = 0; i < k; i++) y[i] = to_float(p[i / PAIR * 16 * PAIR + i % PAIR]) * scale;
}

static void embed(const EmbedJob& job, int64_t row) {
  float* y = job.y + row * job.y_stride;
  const int64_t id = job.ids[row];
  const char* table = static_cast<const char*>(job.table);
  if (!job.packed) {
    switch (job.type) {
      case EK_F32: return embed_row(reinterpret_cast<const float*>(table) + id * job.k, y, job.k, job.scale);
      case EK_F16: return embed_row(reinterpret_cast<const f16_t*>(table) + id * job.k, y, job.k, job.scale);
      default: return embed_row(reinterpret_cast<const bf16_t*>(table) + id * job.k, y, job.k, job.scale);
    }
  }
  const char* panel = table + id / 16 * job.panel_bytes;
  switch (job.type) {
    case EK_FORMAT_F32: return embed_column<float, 1>(panel, id % 16, y, job.k, job.scale);
    case EK_FORMAT_F16: return embed_column<f16_t, 1>(panel, id % 16, y, job.k, job.scale);
    case EK_FORMAT_BF16: return embed_column<bf16_t, 1>(panel, id % 16, y, job.k, job.scale);
    case EK_FORMAT_Q8:
    case EK_FORMAT_Q4:
      for (int64_t i = 0; i < job.k; i++) y[i] = dequantize_element(job.type, panel, id % 16, i) * job.scale;
      return;
    default: return embed_column<bf16_t, 2>(panel, id % 16, y, job.k, job.scale);
  }
}
