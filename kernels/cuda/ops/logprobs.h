// What log probabilities are made of: a block of EKC_SAMPLE_THREADS per row. The total is a sum of integers, as the
// sampler's are; logarithms are the host's.
#pragma once

// The logits above the cut and the first `ties` that equal it, in ascending order of ids.
DEV void store_best(const SampleRow& row, const SampleCut& s, u32x2* best) {
  const SampleRun run = sample_run_of(row);
  const u64 before = sample_counts_before(row, s, run);
  u32 ties = (u32)before, at = (u32)(before >> 32) + (ties < s.ties ? ties : s.ties);
  for (int c = run.first; c < run.end; c += 32) {
    float x;
    const bool kept = sample_kept(row, s, c + lane_index(), run.end, ties, x);
    const u32 all = vote(kept);
    const u32 mine = at + __builtin_popcount(all & ((1u << lane_index()) - 1));
    if (kept) store(best + mine, u32x2{(u32)c + lane_index(), float_bits(x)});
    at += __builtin_popcount(all);
  }
}

DEV void logprobs(const EkcLogprobs& p) {
  const EkcLogprobRow* r = (const EkcLogprobRow*)p.rows_parameters + block_x();
  const i64 index = load(&r->row);
  EkcLogprobRecord* record = (EkcLogprobRecord*)(p.records + (u64)load(&r->place) * p.record_bytes);
  const float* logits = (const float*)p.logits + index * p.logits_stride;
  const int columns = load(&r->columns), given = load(&r->token);
  const int token = given >= 0 ? given : load((const int*)p.ids + index);
  bool bad;
  const u32x2 largest = sample_scan(logits, p.length, p.length, bad);
  if (bad || token < 0 || token >= columns) {
    if (thread_index() == 0) store(&record->token, -1);
    return;
  }
  const float max = load(logits + largest.y);
  const u64 total = sample_total(SampleRow{logits, p.length, max, 1.f}, 1);
  if (load(&r->is_edited) != 0) logits = (const float*)p.edited + index * p.length;
  const float logit = load(logits + token);
  u64 rank = 0, before;
  for (int c = thread_index(); c < columns; c += EKC_SAMPLE_THREADS) rank += load(logits + c) >= logit;
  rank = block_sum(rank, before);
  if (thread_index() == 0) {
    store(&record->total, (uint64_t)total);
    store(&record->max, max);
    store(&record->logit, logit);
    store(&record->token, token);
    store(&record->rank, (int)rank);
  }
  const int top = load(&r->top);
  if (top <= 0) return;
  const SampleRow row = {logits, columns, max, 1.f};
  SampleCut cut;
  cut.cut = sample_select(row, 1, false, (u64)top, before);
  cut.ties = (u32)(top - (i64)before);
  store_best(row, cut, (u32x2*)(record + 1));
}
