// Chooses a token from a row of logits: a block of EKC_SAMPLE_THREADS per row.
//
// Weights are exp((x - max) * scale) in units of 2^-44, added up as integers: sums do not depend on their order, so the
// choice is the same every time and everywhere. Thresholds are found digit by digit in keys that order as floats do.
#pragma once

constexpr int SampleWarps = EKC_SAMPLE_THREADS / 32;
constexpr u32 ScratchBase = 256 * 8;  // behind the histogram: two words per warp, then results of the whole block

struct SampleRow {
  const float* logits;
  int columns;
  float max, scale;
};

DEV u32 sample_scratch(int i) { return shared_base() + ScratchBase + i * 8; }
DEV u32 sample_result(int i) { return sample_scratch(SampleWarps + i); }

DEV u64 join(u32x2 v) { return (u64)v.y << 32 | v.x; }
DEV u32x2 split(u64 v) { return u32x2{(u32)v, (u32)(v >> 32)}; }

DEV u64 warp_sum(u64 v) {
  UNROLL for (int mask = 16; mask > 0; mask >>= 1) {
    v += join(u32x2{shuffle_xor((u32)v, mask), shuffle_xor((u32)(v >> 32), mask)});
  }
  return v;
}

// The block's sum, and that of the warps before this one's; every thread gets them.
DEV u64 block_sum(u64 v, u64& before) {
  const int warp = thread_index() >> 5;
  v = warp_sum(v);
  if (lane_index() == 0) shared_store2(sample_scratch(warp), split(v));
  sync_block();
  u64 total = 0;
  before = 0;
  for (int w = 0; w < SampleWarps; w++) {
    const u64 other = join(shared_load2(sample_scratch(w)));
    total += other;
    before += w < warp ? other : 0;
  }
  sync_block();
  return total;
}

// floor(a * b / 2^53), or its ceiling.
DEV u64 scaled53(u64 a, u64 b, bool up) {
  const unsigned __int128 product = (unsigned __int128)a * b + (up ? (1ull << 53) - 1 : 0);
  return (u64)(product >> 53);
}

// exp of what is at most 0 within 2 units in the last place, by Cody and Waite's reduction and Cephes' polynomial: the
// steps of the host's sampler, so that both draw the same tokens.
DEV float exp_weight(float x) {
  if (!(x > -87.3f)) return 0.f;
  const float shifted = x * 1.44269504088896341f + 12582912.f, n = shifted - 12582912.f;
  float r = x - n * 0.693359375f;
  r -= n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.f;
  return bits_float(float_bits(p) + (float_bits(shifted) << 23));
}

DEV u64 weight_mass(const SampleRow& row, float x) {
  return (u64)(exp_weight((x - row.max) * row.scale) * 17592186044416.f);
}

// The largest logit and its first index; bad if any of the `length` is NaN or +infinity.
DEV u32x2 sample_scan(const float* logits, int length, int columns, bool& bad) {
  u32 key = 0, index = 0;
  bad = false;
  for (int c = thread_index(); c < length; c += EKC_SAMPLE_THREADS) {
    const float x = load(logits + c);
    bad |= !(x < bits_float(0x7f800000));
    if (c < columns) take_better(key, index, ordered_bits(x), c);
  }
  UNROLL for (int mask = 16; mask > 0; mask >>= 1) {
    const u32 other_key = shuffle_xor(key, mask), other_index = shuffle_xor(index, mask);
    take_better(key, index, other_key, other_index);
  }
  bad = vote(bad) != 0;
  if (lane_index() == 0) {
    shared_store2(sample_scratch(thread_index() >> 5), u32x2{key, index});
    shared_store(shared_base() + (thread_index() >> 5) * 4, bad ? 1 : 0);
  }
  sync_block();
  for (int w = 0; w < SampleWarps; w++) {
    const u32x2 other = shared_load2(sample_scratch(w));
    take_better(key, index, other.x, other.y);
    bad |= shared_load(shared_base() + w * 4) != 0;
  }
  sync_block();
  return u32x2{key, index};
}

// Where keys in descending order have gathered `target`, each counting 1 or its mass: that key, and what was gathered
// before it. The first of them always counts. Every thread gets the result.
DEV u32 sample_select(const SampleRow& row, u32 least, bool counts_mass, u64 target, u64& before) {
  u32 prefix = 0;
  before = 0;
  NO_UNROLL for (int shift = 24; shift >= 0; shift -= 8) {
    for (int i = thread_index(); i < 256; i += EKC_SAMPLE_THREADS) shared_store2(shared_base() + i * 8, u32x2{0, 0});
    sync_block();
    for (int c = thread_index(); c < row.columns; c += EKC_SAMPLE_THREADS) {
      const float x = load(row.logits + c);
      const u32 key = ordered_bits(x);
      if (key < least || (shift < 24 && key >> (shift + 8) != prefix)) continue;
      shared_add64(shared_base() + (key >> shift & 255) * 8, counts_mass ? weight_mass(row, x) : 1);
    }
    sync_block();
    if (thread_index() == 0) {
      u64 gathered = before;
      int digit = 255, last = -1;
      for (; digit >= 0; digit--) {
        const u64 here = join(shared_load2(shared_base() + digit * 8));
        if (here == 0) continue;
        if (last >= 0) gathered += join(shared_load2(shared_base() + last * 8));
        last = digit;
        if (gathered + here >= target) break;
      }
      shared_store2(sample_result(0), u32x2{(u32)(last < 0 ? 0 : last), 0});
      shared_store2(sample_result(1), split(gathered));
    }
    sync_block();
    prefix = prefix << 8 | shared_load2(sample_result(0)).x;
    before = join(shared_load2(sample_result(1)));
  }
  return prefix;
}

// What of the row is left: keys above `cut`, and the first `ties` of those that equal it.
struct SampleCut {
  u32 cut;
  u32 ties;
};

// A warp's run of columns: warps take the row in order, a multiple of 32 columns each.
DEV int sample_run(int columns) { return (columns + EKC_SAMPLE_THREADS - 1) / EKC_SAMPLE_THREADS * 32; }

// Whether column c + lane is left, and its logit; ties_before counts the columns that equal the cut.
DEV bool sample_kept(const SampleRow& row, const SampleCut& s, int c, int end, u32& ties_before, float& x) {
  x = c < end ? load(row.logits + c) : 0.f;
  const u32 key = c < end ? ordered_bits(x) : 0;
  const u32 ties = vote(c < end && key == s.cut);
  const u32 rank = ties_before + __builtin_popcount(ties & ((1u << lane_index()) - 1));
  ties_before += __builtin_popcount(ties);
  return c < end && (key > s.cut || (key == s.cut && rank < s.ties));
}

// The mass of 32 columns from c on, one a lane.
DEV u64 sample_mass(const SampleRow& row, const SampleCut& s, int c, int end, u32& ties_before) {
  float x;
  return sample_kept(row, s, c, end, ties_before, x) ? weight_mass(row, x) : 0;
}

// A warp's columns.
struct SampleRun {
  int first, end;
};

DEV SampleRun sample_run_of(const SampleRow& row) {
  const int run = sample_run(row.columns), first = (thread_index() >> 5) * run;
  return SampleRun{first, first + run < row.columns ? first + run : row.columns};
}

// In the warps before this one: columns above the cut (high half), and those that equal it (low half).
DEV u64 sample_counts_before(const SampleRow& row, const SampleCut& s, const SampleRun& run) {
  u64 count = 0, before;
  for (int c = run.first + lane_index(); c < run.end; c += 32) {
    const u32 key = ordered_bits(load(row.logits + c));
    count += key > s.cut ? 1ull << 32 : key == s.cut;
  }
  block_sum(count, before);
  return before;
}

// The column at share `uniform` / 2^53 of the mass that is left, in ascending order of columns. One thread stores it.
DEV void sample_draw(const SampleRow& row, const SampleCut& s, u64 uniform, int* id) {
  const SampleRun run = sample_run_of(row);
  const u32 ties_before = (u32)sample_counts_before(row, s, run);
  u32 ties = ties_before;
  u64 sum = 0, before;
  for (int c = run.first; c < run.end; c += 32) sum += sample_mass(row, s, c + lane_index(), run.end, ties);
  const u64 target = scaled53(block_sum(sum, before), uniform, false);
  if (before > target || before + warp_sum(sum) <= target) return;
  ties = ties_before;
  for (int c = run.first; c < run.end; c += 32) {
    u64 mass = sample_mass(row, s, c + lane_index(), run.end, ties);
    UNROLL for (int by = 1; by < 32; by <<= 1) {
      const u64 other = join(u32x2{shuffle_up((u32)mass, by), shuffle_up((u32)(mass >> 32), by)});
      mass += (int)lane_index() >= by ? other : 0;
    }
    const u32 beyond = vote(before + mass > target);
    if (beyond != 0) {
      if (lane_index() == 0) store(id, c + __builtin_ctz(beyond));
      return;
    }
    before += join(u32x2{shuffle((u32)mass, 31), shuffle((u32)(mass >> 32), 31)});
  }
}

// The mass of the columns whose keys are at least `least`.
DEV u64 sample_total(const SampleRow& row, u32 least) {
  u64 mass = 0, before;
  for (int c = thread_index(); c < row.columns; c += EKC_SAMPLE_THREADS) {
    const float x = load(row.logits + c);
    if (ordered_bits(x) >= least) mass += weight_mass(row, x);
  }
  return block_sum(mass, before);
}

DEV void sample(const EkcSample& p) {
  const i64 index = block_x();
  const EkcSampleRow* r = (const EkcSampleRow*)p.rows_parameters + index;
  int* id = (int*)p.ids + index;
  const int columns = load(&r->columns);
  if (columns == 0) return;
  const float* logits = load(&r->is_edited) != 0 ? (const float*)p.edited + index * p.length
                                                 : (const float*)p.logits + index * p.logits_stride;
  bool bad;
  const u32x2 best = sample_scan(logits, p.length, columns, bad);
  const float max = load(logits + best.y), scale = load(&r->scale);
  const bool none = !(max > bits_float(0xff800000));
  if (bad || none || scale == 0) {
    if (thread_index() == 0) store(id, bad ? EKC_SAMPLE_CORRUPT : none ? EKC_SAMPLE_NONE : (int)best.y);
    return;
  }
  const SampleRow row = {logits, columns, max, scale};
  // -infinity is never left; the ordered bits of the lowest number are the first that may be.
  u32 least = ordered_bits(-bits_float(0x7f7fffff));
  const double offset = load(&r->min_offset);
  if (offset <= 0) {
    const double bound = (double)max + offset;
    float threshold = (float)bound;
    u32 key = ordered_bits(threshold);
    if ((double)threshold < bound) key++;
    least = key > least ? key : least;
  }
  u64 before;
  const int top_k = load(&r->top_k);
  if (top_k > 0 && top_k < columns) {
    const u32 kth = sample_select(row, least, false, (u64)top_k, before);
    least = kth > least ? kth : least;
  }
  SampleCut cut = {least - 1, 0};
  const u64 top_p = load(&r->top_p);
  if (top_p < 1ull << 53) {
    const u64 target = scaled53(sample_total(row, least), top_p, true);
    cut.cut = sample_select(row, least, true, target, before);
    // Of equal ones as many as it takes, and one at least.
    const float x = bits_float(cut.cut & 0x80000000 ? cut.cut & 0x7fffffff : ~cut.cut);
    const u64 each = weight_mass(row, x), missing = target > before ? target - before : 0;
    cut.ties = each == 0 ? 0x7fffffff : missing == 0 ? 1 : (u32)((missing + each - 1) / each);
  }
  sample_draw(row, cut, load(&r->uniform), id);
}
