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
      p.is_edited = r % 5 == 0;
      if (r == 1) p.uniform = 0;
      if (r == 2) p.uniform = (1ull << 53) - 1;
      parameters.push_back(p);
    }
    logits.set(8, length - 1, NAN);
    for (int c = 0; c < columns; c++) logits.set(9, c, -INFINITY);
    Memory table(rows * (int64_t)sizeof(EkcSampleRow));
    memcpy(table.data(), parameters.data(), (size_t)table.bytes());
    Ints ids(std::vector<int>(rows, -77));
    Tensor changed(EKC_F32, rows, length);
    for (int r = 0; r < rows; r += 5) {
      for (int c = 0; c < length; c++) changed.set(r, c, logits.at(r, c));
      for (int c = 0; c < length; c++) logits.set(r, c, NAN);
    }
    EkcSample p = {ids.address(), logits.address(), changed.address(), table.address(), logits.stride, length, 0};
    launch("ekc_sample", {rows, 1, 1}, EKC_SAMPLE_THREADS, EKC_SAMPLE_SHARED, &p, seed);
    for (int r = 0; r < rows; r++) {
      const int want = parameters[r].columns == 0 ? -77
                       : choose(r % 5 == 0 ? changed : logits, r, length, parameters[r]);
      comparisons++;
      if (ids[r] != want) {
        report("row " + std::to_string(r) + ": " + std::to_string(ids[r]) + ", expected " + std::to_string(want));
      }
    }
  });
}

// ---- what a request changes of its row

struct Edits {
  EkcEditRow row = {};
  std::vector<int> masked;
  std::vector<uint32_t> allowed;
  std::vector<EkcEditEntry> changed;
  int pending = -1;
};

static void set(float& logit, float v) {
  if (v > -INFINITY || logit > -INFINITY) logit = std::max(-3.4028235e38f, std::min(3.4028235e38f, v));
}

static void penalize(const EkcEditRow& e, float& logit, int count) {
  double x = logit;
  x = x > 0 ? x / e.repetition : x * e.repetition;
  if (count > 0) x -= (double)e.frequency * count, x -= e.presence;
  set(logit, (float)x);
}

// One thing after the other, in the host's order.
static std::vector<float> edited(const Tensor& logits, int length, const Edits& edits) {
  const EkcEditRow& e = edits.row;
  std::vector<float> row;
  bool bad = false;
  for (int c = 0; c < length; c++) {
    float x = (float)logits.at(e.row, c);
    bad |= !(x < INFINITY);
    if (!edits.allowed.empty() && c < e.columns && !(edits.allowed[c / 32] >> (c % 32) & 1)) x = -INFINITY;
    row.push_back(x);
  }
  for (int id : edits.masked) row[id] = -INFINITY;
  for (auto& c : edits.changed) set(row[c.id], row[c.id] + c.addend);
  bool is_new = edits.pending >= 0 && edits.pending < e.columns;
  for (auto& c : edits.changed) {
    const bool is_pending = c.id == edits.pending;
    is_new &= !is_pending;
    if (c.count >= 0 || is_pending) penalize(e, row[c.id], std::max(c.count, 0) + is_pending);
  }
  if (is_new) penalize(e, row[edits.pending], 1);
  if (e.only >= 0 && row[e.only] > -INFINITY) {
    for (int c = 0; c < e.columns; c++) row[c] = c == e.only ? row[c] : -INFINITY;
  }
  if (bad) row[0] = NAN;
  return row;
}

static std::vector<int> some(Random& random, int columns, int part) {
  std::vector<int> ids;
  for (int c = 0; c < columns; c++) {
    if (random.below(part) == 0) ids.push_back(c);
  }
  for (size_t i = ids.size(); i > 1; i--) std::swap(ids[i - 1], ids[random.below((int)i)]);
  return ids;
}

static Edits draw_edits(Random& random, int row, int columns) {
  Edits e;
  e.row.row = row, e.row.columns = columns;
  e.row.repetition = random.below(3) == 0 ? 1.f : (float)(0.5 + random.uniform());
  e.row.frequency = (float)(2 * random.uniform() - 1), e.row.presence = (float)(2 * random.uniform() - 1);
  if (random.below(2) == 0) {
    for (int w = 0; w < (columns + 31) / 32; w++) e.allowed.push_back((uint32_t)random.bits());
  }
  if (random.below(2) == 0) e.masked = some(random, columns, 1 + random.below(9));
  if (!e.masked.empty()) e.masked.push_back(e.masked[0]);
  for (int id : some(random, columns, 2)) {
    e.changed.push_back({id, random.below(2) == 0 ? 0.f : random.normal() * 50, random.below(5) - 1});
  }
  const int kind = random.below(4);
  if (kind == 1) e.pending = random.below(columns);
  if (kind == 2 && !e.changed.empty()) e.pending = e.changed[random.below((int)e.changed.size())].id;
  if (kind == 0 && e.masked.size() > 2) {
    // Masked by another thread than the one that would store its penalty.
    e.pending = e.masked[e.masked.size() / 2];
    std::vector<EkcEditEntry> others;
    for (const EkcEditEntry& c : e.changed) {
      if (c.id != e.pending) others.push_back(c);
    }
    e.changed = others;
  }
  if (kind == 3) e.pending = random.below(2) == 0 ? EKC_SAMPLE_CORRUPT : columns;
  e.row.only = random.below(2) == 0 ? -1 : e.masked.empty() ? random.below(columns) : e.masked.back();
  return e;
}

template <class T>
static int place(std::vector<int>& lists, const std::vector<T>& values) {
  const int at = (int)lists.size();
  lists.resize(lists.size() + values.size() * sizeof(T) / 4);
  if (!values.empty()) memcpy(lists.data() + at, values.data(), values.size() * sizeof(T));
  return at;
}

static void test_edits(int columns, int length) {
  for_seeds("edits " + std::to_string(columns), [&](uint32_t seed) {
    Random random(seed + 100);
    const int rows = 9, count = 6;
    Tensor logits(EKC_F32, rows, length, length + 1), result(EKC_F32, rows, length, length);
    logits.randomize(random, 4.f);
    for (int64_t i = 0; i < (int64_t)rows * length; i += 1 + random.below(9)) {
      logits.set(i / length, i % length, -INFINITY);
    }
    logits.set(3, random.below(length), seed % 2 == 0 ? NAN : INFINITY);
    logits.set(5, 0, 3.4e38), logits.set(5, length - 1, -3.4e38);
    std::vector<Edits> all;
    std::vector<int> lists = {1, 2, 3}, tokens = {-77};
    for (int i = 0; i < count; i++) {
      Edits e = draw_edits(random, i + (i > 1), columns);
      e.row.allowed = e.allowed.empty() ? -1 : place(lists, e.allowed);
      e.row.masked = place(lists, e.masked), e.row.masked_count = (int)e.masked.size();
      e.row.changed = place(lists, e.changed), e.row.changed_count = (int)e.changed.size();
      e.row.pending = -1;
      if (e.pending != -1) e.row.pending = (int)tokens.size(), tokens.push_back(e.pending);
      all.push_back(e);
    }
    Memory table(count * (int64_t)sizeof(EkcEditRow));
    for (int i = 0; i < count; i++) memcpy(table.data() + i * sizeof(EkcEditRow), &all[i].row, sizeof(EkcEditRow));
    Ints list_memory(lists), token_memory(tokens);
    EkcEditLogits p = {result.address(), logits.address(), table.address(), list_memory.address(),
                       token_memory.address(), logits.stride, length, 0};
    launch("ekc_edit_logits", {(uint32_t)count, 1, 1}, EKC_SAMPLE_THREADS, EKC_SAMPLE_SHARED, &p, seed);
    for (const Edits& e : all) {
      const std::vector<float> want = edited(logits, length, e);
      comparisons++;
      if (std::isnan(want[0])) {
        if (!std::isnan(result.at(e.row.row, 0))) report("row " + std::to_string(e.row.row) + " is not marked");
      } else {
        expect_same_bytes(
            result.data() + e.row.row * (int64_t)length * 4, want.data(), length * 4ll,
            ("row " + std::to_string(e.row.row)).c_str());
      }
    }
  });
}

// ---- what log probabilities are made of

static void check_record(
    const Tensor& logits, const Tensor& changed, int length, const EkcLogprobRow& r, int id, const uint8_t* at) {
  EkcLogprobRecord got;
  memcpy(&got, at, sizeof got);
  const int token = r.token >= 0 ? r.token : id;
  float max = -INFINITY;
  bool bad = token < 0 || token >= r.columns;
  for (int c = 0; c < length; c++) {
    const float x = (float)logits.at(r.row, c);
    bad |= !(x < INFINITY);
    max = std::max(max, x);
  }
  comparisons++;
  const std::string name = "row " + std::to_string(r.row) + ": ";
  if (bad) return got.token == -1 ? void() : report(name + "a record of nothing");
  const Tensor& source = r.is_edited ? changed : logits;
  auto x = [&](int c) { return (float)source.at(r.row, c); };
  uint64_t total = 0;
  for (int c = 0; c < length; c++) {
    total += (uint64_t)(exp_weight((float)logits.at(r.row, c) - max) * 17592186044416.f);
  }
  int rank = 0;
  std::vector<int> order(r.columns);
  std::iota(order.begin(), order.end(), 0);
  for (int c : order) rank += x(c) >= x(token);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return x(a) > x(b); });
  order.resize(r.top);
  std::sort(order.begin(), order.end());
  if (got.total != total || got.max != max || got.logit != x(token) || got.token != token || got.rank != rank) {
    report(name + "rank " + std::to_string(got.rank) + " of " + std::to_string(got.token) + ", expected " +
           std::to_string(rank) + " of " + std::to_string(token));
  }
  for (int i = 0; i < r.top; i++) {
    int best;
    float logit;
    memcpy(&best, at + sizeof got + 8 * i, 4);
    memcpy(&logit, at + sizeof got + 8 * i + 4, 4);
    if (best != order[i] || logit != x(order[i])) {
      return report(name + "best " + std::to_string(i) + " is " + std::to_string(best) + ", expected " +
                    std::to_string(order[i]));
    }
  }
}

static void test_logprobs(int columns, int length, int levels, int most) {
  for_seeds("logprobs " + std::to_string(columns), [&](uint32_t seed) {
    Random random(seed + 200);
    const int rows = 8, count = 6;
    Tensor logits(EKC_F32, rows, length, length + 5), changed(EKC_F32, rows, length, length);
    logits.randomize(random, 4.f), changed.randomize(random, 4.f);
    for (int64_t i = 0; i < (int64_t)rows * length; i++) {
      const double v = logits.at(i / length, i % length);
      const double level = std::fabs(std::floor(v / levels));
      if (levels > 0) logits.set(i / length, i % length, random.below(2) == 0 ? level : -level);
      if (random.below(9) == 0) logits.set(i / length, i % length, -INFINITY);
    }
    logits.set(4, length - 1, NAN);
    for (int c = 0; c < length; c++) logits.set(6, c, -INFINITY);
    const int64_t bytes = (int64_t)sizeof(EkcLogprobRecord) + 8 * most;
    Memory table(count * (int64_t)sizeof(EkcLogprobRow)), records(bytes * (count + 2));
    std::vector<int> ids;
    for (int r = 0; r < rows; r++) ids.push_back(random.below(columns));
    ids[1] = EKC_SAMPLE_NONE;
    std::vector<EkcLogprobRow> all;
    for (int i = 0; i < count; i++) {
      const int top = std::min(columns, i == 0 ? 0 : i == 2 ? most : random.below(most + 1));
      all.push_back({i + (i > 2), columns, top, i % 3 == 2 ? random.below(columns) : -1, i % 2, i + 1});
    }
    memcpy(table.data(), all.data(), (size_t)table.bytes());
    Ints id_memory(ids);
    EkcLogprobs p = {records.address(), logits.address(), changed.address(), id_memory.address(), table.address(),
                     logits.stride, length, (int32_t)bytes};
    launch("ekc_logprobs", {(uint32_t)count, 1, 1}, EKC_SAMPLE_THREADS, EKC_SAMPLE_SHARED, &p, seed);
    for (const EkcLogprobRow& r : all) {
      check_record(logits, changed, length, r, ids[r.row], records.data() + r.place * bytes);
    }
  });
}

void test_sample() {
  test_rows(1, 1, 0);
  test_rows(7, 7, 0);
  test_rows(700, 705, 0);
  test_rows(1500, 1500, 2);
  test_edits(1, 1);
  test_edits(33, 40);
  test_edits(2100, 2107);
  test_logprobs(1, 1, 0, 1);
  test_logprobs(40, 47, 0, 40);
  test_logprobs(1500, 1500, 0, 20);
  test_logprobs(700, 701, 2, 20);
}
