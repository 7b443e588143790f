// 16 floats in four 4-wide vectors of the compiler: the code every machine runs.
// Included inside the namespace of one ISA level.
#pragma once

typedef float f4 __attribute__((vector_size(16)));
typedef int32_t i4 __attribute__((vector_size(16)));
struct vf {
  f4 q[4];
};
struct vmask {
  i4 q[4];
};

#define EACH for (int i = 0; i < 4; i++)
INLINE f4 f4_set(float x) { return f4{x, x, x, x}; }
INLINE vf vset(float x) { return {{f4_set(x), f4_set(x), f4_set(x), f4_set(x)}}; }
INLINE vf vzero() { return vset(0); }
INLINE vf vload(const float* p) {
  vf r;
  __builtin_memcpy(&r, p, sizeof r);
  return r;
}
INLINE void vstore(float* p, vf x) { __builtin_memcpy(p, &x, sizeof x); }
INLINE vf vload_n(const float* p, int64_t n) {
  vf r = vzero();
  __builtin_memcpy(&r, p, static_cast<size_t>(n) * 4);
  return r;
}
INLINE void vstore_n(float* p, vf x, int64_t n) { __builtin_memcpy(p, &x, static_cast<size_t>(n) * 4); }
INLINE vf vadd(vf a, vf b) { EACH a.q[i] += b.q[i]; return a; }
INLINE vf vsub(vf a, vf b) { EACH a.q[i] -= b.q[i]; return a; }
INLINE vf vmul(vf a, vf b) { EACH a.q[i] *= b.q[i]; return a; }
INLINE vf vdiv(vf a, vf b) { EACH a.q[i] /= b.q[i]; return a; }
INLINE vf vfma(vf a, vf b, vf c) { EACH c.q[i] += a.q[i] * b.q[i]; return c; }
INLINE f4 f4_select(i4 m, f4 yes, f4 no) {
  return reinterpret_cast<f4>((m & reinterpret_cast<i4>(yes)) | (~m & reinterpret_cast<i4>(no)));
}
// NaN in b is kept: both return b if either is NaN.
INLINE vf vmax(vf a, vf b) { EACH b.q[i] = f4_select(a.q[i] > b.q[i], a.q[i], b.q[i]); return b; }
INLINE vf vmin(vf a, vf b) { EACH b.q[i] = f4_select(a.q[i] < b.q[i], a.q[i], b.q[i]); return b; }
// To the nearest whole number, ties to even, for |a| < 2^22.
INLINE vf vround(vf a) {
  const f4 magic = f4_set(12582912.0f);
  EACH a.q[i] = (a.q[i] + magic) - magic;
  return a;
}
INLINE vf vabs(vf a) {
  EACH a.q[i] = reinterpret_cast<f4>(reinterpret_cast<i4>(a.q[i]) & i4{INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX});
  return a;
}
INLINE vmask vless(vf a, vf b) {
  vmask m;
  EACH m.q[i] = a.q[i] < b.q[i];
  return m;
}
INLINE vf vselect(vmask m, vf yes, vf no) { EACH no.q[i] = f4_select(m.q[i], yes.q[i], no.q[i]); return no; }
INLINE vf vcopysign(vf magnitude, vf sign) {
  const i4 s{INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN};
  EACH magnitude.q[i] =
      reinterpret_cast<f4>(reinterpret_cast<i4>(magnitude.q[i]) | (s & reinterpret_cast<i4>(sign.q[i])));
  return magnitude;
}
// 2^n for whole n in [-126, 127].
INLINE vf vpow2(vf n) {
  EACH n.q[i] = reinterpret_cast<f4>((__builtin_convertvector(n.q[i], i4) + 127) << 23);
  return n;
}
INLINE float vsum(vf a) {
  const f4 s = (a.q[0] + a.q[2]) + (a.q[1] + a.q[3]);
  return (s[0] + s[2]) + (s[1] + s[3]);
}
INLINE float vmaximum(vf a) {
  float m = a.q[0][0];
  EACH for (int j = 0; j < 4; j++) m = a.q[i][j] > m ? a.q[i][j] : m;
  return m;
}
INLINE vf viota() {
  return {{f4{0, 1, 2, 3}, f4{4, 5, 6, 7}, f4{8, 9, 10, 11}, f4{12, 13, 14, 15}}};
}

INLINE vf vload(const f16_t* p) {
  float t[16];
  for (int i = 0; i < 16; i++) t[i] = to_float(p[i]);
  return vload(t);
}
INLINE void vstore(f16_t* p, vf x) {
  for (int i = 0; i < 16; i++) p[i] = to_f16(x.q[i / 4][i % 4]);
}
INLINE vf vload(const bf16_t* p) {
  float t[16];
  for (int i = 0; i < 16; i++) t[i] = to_float(p[i]);
  return vload(t);
}
INLINE void vstore(bf16_t* p, vf x) {
  for (int i = 0; i < 16; i++) p[i] = to_bf16(x.q[i / 4][i % 4]);
}
#undef EACH
