// Loops that do nothing but what the chip can do at most: the yardstick of a benchmark. Included inside the
// namespace of one ISA level.
#pragma once

// Independent sums: enough to hide the latency of an addition, few enough to stay in registers.
#if defined(__AVX512F__)
static constexpr int kProbeSums = 12;
#elif defined(__AVX2__)
static constexpr int kProbeSums = 6;
#else
static constexpr int kProbeSums = 3;
#endif

// Reads count floats, count a multiple of 16 * 8.
static float probe_read(const float* p, int64_t count) {
  vf s[8];
  for (int j = 0; j < 8; j++) s[j] = vzero();
  for (int64_t i = 0; i < count; i += 16 * 8) {
    for (int j = 0; j < 8; j++) s[j] = vadd(s[j], vload(p + i + 16 * j));
  }
  for (int j = 1; j < 8; j++) s[0] = vadd(s[0], s[j]);
  return vsum(s[0]);
}

// 16 * kProbeSums multiply-adds a round; the floating point operations done.
static double probe_fma(int64_t rounds, float* sink) {
  vf s[kProbeSums];
  for (int j = 0; j < kProbeSums; j++) s[j] = vset(0.1f * static_cast<float>(j));
  const vf a = vset(0.999f + *sink * 0), b = vset(1e-6f);
  for (int64_t i = 0; i < rounds; i++) {
    for (int j = 0; j < kProbeSums; j++) s[j] = vfma(s[j], a, b);
  }
  for (int j = 1; j < kProbeSums; j++) s[0] = vadd(s[0], s[j]);
  *sink = vsum(s[0]);
  return 2.0 * 16 * kProbeSums * static_cast<double>(rounds);
}

// The same with dot products of bf16 pairs; 0 where the level has none.
static double probe_dot(int64_t rounds, float* sink) {
#ifdef __AVX512BF16__
  __m512 s[kProbeSums];
  for (int j = 0; j < kProbeSums; j++) s[j] = _mm512_set1_ps(*sink * 0);
  const __m512bh a = _mm512_cvtne2ps_pbh(vset(1.0f), vset(0.5f));
  for (int64_t i = 0; i < rounds; i++) {
    for (int j = 0; j < kProbeSums; j++) s[j] = _mm512_dpbf16_ps(s[j], a, a);
  }
  for (int j = 1; j < kProbeSums; j++) s[0] = vadd(s[0], s[j]);
  *sink = vsum(s[0]);
  return 4.0 * 16 * kProbeSums * static_cast<double>(rounds);
#else
  return static_cast<double>(rounds) * *sink * 0;
#endif
}

static double probe(int32_t kind, const float* data, int64_t amount, float* sink) {
  switch (kind) {
    case EK_PROBE_READ:
      *sink = probe_read(data, amount);
      return 4.0 * static_cast<double>(amount);
    case EK_PROBE_FMA:
      return probe_fma(amount, sink);
    default:
      return probe_dot(amount, sink);
  }
}
