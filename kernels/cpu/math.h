// Vector functions. Polynomials are Chebyshev interpolants fitted for this file; errors in units of the last place
// were measured against double precision and are held by the tests.
// Included inside the namespace of one ISA level.
#pragma once

// 2^f for |f| <= 1/2.
INLINE vf vexp2_fraction(vf f) {
  vf p = vset(0.00015453362f);
  p = vfma(p, f, vset(0.00133910932f));
  p = vfma(p, f, vset(0.00961808218f));
  p = vfma(p, f, vset(0.0555035668f));
  p = vfma(p, f, vset(0.240226508f));
  p = vfma(p, f, vset(0.693147188f));
  return vfma(p, f, vset(1.0f));
}

// 2^x for x <= 127; below -126 the result is 0. NaN stays NaN. vexp2(0) is exactly 1.
INLINE vf vexp2(vf x) {
  const vmask tiny = vless(x, vset(-126.0f));
  const vf clamped = vmin(vset(127.0f), vmax(vset(-126.0f), x));
  const vf n = vround(clamped);
  return vselect(tiny, vzero(), vmul(vexp2_fraction(vsub(clamped, n)), vpow2(n)));
}

// The same for x that are not above 0, but for what is smaller than a normal number.
INLINE vf vexp2_down(vf x) {
#if defined(__AVX512F__)
  const vf clamped = vmax(vset(-160.0f), x);
  const vf n = vround(clamped);
  return vscale(vexp2_fraction(vsub(clamped, n)), n);
#else
  return vexp2(x);
#endif
}

// e^x for |x| clamped to 87; NaN stays NaN.
INLINE vf vexp(vf x) {
  const vf c = vmin(vset(87.0f), vmax(vset(-87.0f), x));
  const vf n = vround(vmul(c, vset(1.44269504f)));
  // ln 2 in two parts: the first has few bits, so that n times it is exact.
  vf f = vfma(n, vset(-0.693145752f), c);
  f = vfma(n, vset(-1.42860677e-6f), f);
  vf p = vset(0.00139264841f);
  p = vfma(p, f, vset(0.00836341962f));
  p = vfma(p, f, vset(0.0416665528f));
  p = vfma(p, f, vset(0.166665755f));
  p = vfma(p, f, vset(0.5f));
  p = vfma(p, vmul(f, f), f);
  return vmul(vadd(p, vset(1.0f)), vpow2(n));
}

INLINE vf vtanh(vf x) {
  const vf a = vabs(x);
  const vf z = vmul(x, x);
  vf p = vset(0.00221490274f);
  p = vfma(p, z, vset(-0.00827245673f));
  p = vfma(p, z, vset(0.0217461871f));
  p = vfma(p, z, vset(-0.0539563494f));
  p = vfma(p, z, vset(0.133332907f));
  p = vfma(p, z, vset(-0.333333331f));
  const vf small = vfma(vmul(p, z), x, x);
  const vf e = vexp(vmin(vset(40.0f), vadd(a, a)));
  const vf big = vcopysign(vsub(vset(1.0f), vdiv(vset(2.0f), vadd(e, vset(1.0f)))), x);
  return vselect(vless(vset(0.65f), a), big, small);
}

// 1 + erf(x), with a small relative error for negative x too.
INLINE vf verf_plus_one(vf x) {
  const vf z = vmul(x, x);
  vf p = vset(-9.66704429e-6f);
  p = vfma(p, z, vset(0.000112659589f));
  p = vfma(p, z, vset(-0.000848408039f));
  p = vfma(p, z, vset(0.00522103181f));
  p = vfma(p, z, vset(-0.0268654307f));
  p = vfma(p, z, vset(0.112837825f));
  p = vfma(p, z, vset(-0.376126385f));
  p = vfma(p, z, vset(1.12837917f));
  const vf near = vfma(p, x, vset(1.0f));
  const vf a = vmin(vset(9.3f), vabs(x));
  const vf t = vdiv(vset(1.0f), vfma(a, vset(0.5f), vset(1.0f)));
  vf q = vset(0.0759877367f);
  q = vfma(q, t, vset(-0.169233481f));
  q = vfma(q, t, vset(0.00341744346f));
  q = vfma(q, t, vset(0.121739139f));
  q = vfma(q, t, vset(0.150543292f));
  q = vfma(q, t, vset(0.255081436f));
  q = vfma(q, t, vset(0.280632688f));
  q = vfma(q, t, vset(0.282232663f));
  q = vfma(q, t, vset(-5.39861599e-6f));
  const vf tail = vmul(q, vexp(vmul(vsub(vzero(), a), a)));
  const vf far = vselect(vless(x, vzero()), tail, vsub(vset(2.0f), tail));
  return vselect(vless(vset(1.0f), vabs(x)), far, near);
}

INLINE vf vsilu(vf x) { return vdiv(x, vadd(vset(1.0f), vexp(vsub(vzero(), x)))); }

INLINE vf vgelu(vf x) {
  return vmul(vmul(vset(0.5f), x), verf_plus_one(vmul(x, vset(0.707106781f))));
}

INLINE vf vgelu_tanh(vf x) {
  const vf inner = vmul(vset(0.797884561f), vfma(vmul(vset(0.044715f), vmul(x, x)), x, x));
  return vmul(vmul(vset(0.5f), x), vadd(vset(1.0f), vtanh(inner)));
}

INLINE vf vactivate(int32_t activation, vf x) {
  switch (activation) {
    case EK_SILU: return vsilu(x);
    case EK_GELU: return vgelu(x);
    case EK_GELU_TANH: return vgelu_tanh(x);
    case EK_RELU: return vmax(vzero(), x);
    default: {
      const vf r = vmax(vzero(), x);
      return vmul(r, r);
    }
  }
}
