// Rows of logits on one ISA level, compiled once per translation unit with that level's flags (see isa_body.h).
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "jobs.h"
#include "logits_table.h"

namespace engine {
namespace {

#include "scalar.h"
#if defined(__AVX512F__)
#include "vec_avx512.h"
#elif defined(__AVX2__)
#include "vec_avx2.h"
#else
#include "vec_portable.h"
#endif
#include "math.h"

constexpr float kExpFloor = -87.0f;

INLINE vf weight(vf x, vf max, vf scale) {
  const vf d = vmul(vsub(x, max), scale);
  return vselect(vless(d, vset(kExpFloor)), vzero(), vexp(d));
}

// The last block, filled up with what changes neither maximum nor sum.
INLINE const float* padded(const float* row, int64_t count, float* buffer) {
  if (count >= EK_LOGITS_BLOCK) return row;
  for (int64_t i = 0; i < EK_LOGITS_BLOCK; i++) buffer[i] = i < count ? row[i] : -__builtin_inff();
  return buffer;
}

int32_t scan(const float* row, int64_t n, float* block_max) {
  float buffer[EK_LOGITS_BLOCK];
  vf bad = vzero();
  for (int64_t at = 0; at < n; at += EK_LOGITS_BLOCK) {
    const float* x = padded(row + at, n - at, buffer);
    vf most = vset(-__builtin_inff());
    for (int i = 0; i < EK_LOGITS_BLOCK; i += 16) {
      const vf v = vload(x + i);
      // Zero times NaN or infinity is NaN and stays; minus infinity is raised to a finite number first.
      bad = vfma(vmax(vset(-__FLT_MAX__), v), vzero(), bad);
      most = vmax(most, v);
    }
    block_max[at / EK_LOGITS_BLOCK] = vmaximum(most);
  }
  return vsum(bad) == 0.0f;
}

double sum_exp(const float* row, int64_t n, const float* block_max, float max, float scale, double* block_sums) {
  float buffer[EK_LOGITS_BLOCK];
  const vf maxes = vset(max);
  const vf scales = vset(scale);
  double total = 0;
  for (int64_t at = 0; at < n; at += EK_LOGITS_BLOCK) {
    const int64_t block = at / EK_LOGITS_BLOCK;
    double part = 0;
    if ((block_max[block] - max) * scale >= kExpFloor) {
      const float* x = padded(row + at, n - at, buffer);
      vf sum = weight(vload(x), maxes, scales);
      for (int i = 16; i < EK_LOGITS_BLOCK; i += 16) sum = vadd(sum, weight(vload(x + i), maxes, scales));
      part = vsum(sum);
    }
    block_sums[block] = part;
    total += part;
  }
  return total;
}

void weights(const float* values, int64_t n, float max, float scale, float* result) {
  const vf maxes = vset(max);
  const vf scales = vset(scale);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) vstore(result + i, weight(vload(values + i), maxes, scales));
  if (i < n) vstore_n(result + i, weight(vload_n(values + i, n - i), maxes, scales), n - i);
}

}  // namespace

extern const LogitsTable EK_LOGITS_TABLE;
const LogitsTable EK_LOGITS_TABLE = {scan, sum_exp, weights};

}  // namespace engine
