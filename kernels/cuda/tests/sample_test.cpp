// Choosing tokens: against a definition that sorts.
#include "harness.h"

#include <algorithm>
#include <numeric>

#include "engine_cuda_sample.h"

// The kernel's exp to within its rounding: what is compared is chosen by integers made of it.
static float exp_weight(float x) {
  if (!(x > -87.3f)) return 0.f;
  const float shifted = x * 1.44269504088896341f + 12582912.f, n = shifted - 12582912.f;
  float r = x - n * 0.693359375f;
  r -= n * -2.12194440e-4f;
  const float c[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f,
                     5.0000001201e-1f};
  float p = c[0];
  for (int i = 1; i < 6; i++) p = p * r + c[i];
  return ldexpf(p * (r * r) + r + 1.f, (int)n);
}

static int choose(const Tensor& logits, int row, int length, const EkcSampleRow& p) {
  float max = -INFINITY;
  for (int c = 0; c < length; c++) {
    const float x = (float)logits.at(row, c);
    if (std::isnan(x) || x == INFINITY) return EKC_SAMPLE_CORRUPT;
    if (c < p.columns) max = std::max(max, x);
  }
  if (max == -INFINITY) return EKC_SAMPLE_NONE;
  auto at = [&](int c) { return (float)logits.at(row, c); };
  std::vector<int> left;
  for (int c = 0; c < p.columns; c++) {
    if (p.scale == 0 && at(c) == max) return c;
    if (at(c) == -INFINITY || (p.min_offset <= 0 && (double)at(c) < (double)max + p.min_offset)) continue;
    left.push_back(c);
  }
  std::stable_sort(left.begin(), left.end(), [&](int a, int b) { return at(a) > at(b); });
  if (p.top_k > 0 && p.top_k < (int)left.size()) {
    size_t end = (size_t)p.top_k;
    while (end < left.size() && at(left[end]) == at(left[end - 1])) end++;
    left.resize(end);
  }
  auto mass = [&](int c) { return (unsigned __int128)(exp_weight((at(c) - max) * p.scale) * 17592186044416.f); };
  unsigned __int128 total = 0, gathered = 0;
  for (int c : left) total += mass(c);
  if (p.top_p < 1ull << 53) {
    size_t kept = 0;
    while (kept < left.size() && (kept == 0 || gathered << 53 < total * p.top_p)) gathered += mass(left[kept++]);
    left.resize(kept);
    total = gathered;
  }
  std::sort(left.begin(), left.end());
  gathered = 0;
  for (int c : left) {
    gathered += mass(c);
    if (gathered << 53 > total * p.uniform) return c;
  }
  return -100;
}

static void test_rows(int columns, int length, int levels) {
  for_seeds("sample " + std::to_string(columns), [&](uint32_t seed) {
    Random random(seed);
    const int rows = 12;
    Tensor logits(EKC_F32, rows, length, length + 3);
    logits.randomize(random, 4.f);
    for (int64_t i = 0; i < (int64_t)rows * length; i++) {
      const double v = logits.at(i / length, i % length);
      if (levels > 0) logits.set(i / length, i % length, std::floor(v * levels) / levels);
      if (random.below(9) == 0) logits.set(i / length, i % length, -INFINITY);
    }
    std::vector<EkcSampleRow> parameters;
    for (int r = 0; r < rows; r++) {
      const double top_p = r % 3 == 0 ? 1 : random.uniform();
      EkcSampleRow p = {};
      p.uniform = random.bits() >> 11, p.top_p = (uint64_t)(top_p * (double)(1ull << 53));
      p.min_offset = r % 4 == 1 ? -10 * random.uniform() : 1;
      p.scale = r == 0 ? 0.f : (float)(0.2 + 2 * random.uniform());
      p.top_k = r % 2 == 0 ? 0 : 1 + random.below(columns + 5), p.columns = r == 11 ? 0 : columns;
      if (r == 1) p.uniform = 0;
      if (r == 2) p.uniform = (1ull << 53) - 1;
      parameters.push_back(p);
    }
    logits.set(8, length - 1, NAN);
    for (int c = 0; c < columns; c++) logits.set(9, c, -INFINITY);
    Memory table(rows * (int64_t)sizeof(EkcSampleRow));
    memcpy(table.data(), parameters.data(), (size_t)table.bytes());
    Ints ids(std::vector<int>(rows, -77));
    EkcSample p = {ids.address(), logits.address(), table.address(), logits.stride, length, 0};
    launch("ekc_sample", {rows, 1, 1}, EKC_SAMPLE_THREADS, EKC_SAMPLE_SHARED, &p, seed);
    for (int r = 0; r < rows; r++) {
      const int want = parameters[r].columns == 0 ? -77 : choose(logits, r, length, parameters[r]);
      comparisons++;
      if (ids[r] != want) {
        report("row " + std::to_string(r) + ": " + std::to_string(ids[r]) + ", expected " + std::to_string(want));
      }
    }
  });
}

void test_sample() {
  test_rows(1, 1, 0);
  test_rows(7, 7, 0);
  test_rows(700, 705, 0);
  test_rows(1500, 1500, 2);
}
