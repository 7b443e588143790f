// What a request changes of its row of logits before a token is chosen: a block of EKC_SAMPLE_THREADS per row, the
// arithmetic of the host's sampler. The row itself stays as it is, for log probabilities.
#pragma once

DEV float finite(float v) {
  const float most = bits_float(0x7f7fffff);
  return v > most ? most : v < -most ? -most : v;
}

// A finite logit with its bias and its penalties; finite.
DEV float edited_logit(const EkcEditRow* r, float logit, float addend, int count) {
  const float biased = finite(logit + addend);
  if (count < 0) return biased;
  const double repetition = (double)load(&r->repetition);
  double x = (double)biased;
  x = x > 0 ? x / repetition : x * repetition;
  if (count > 0) {
    x -= (double)load(&r->frequency) * count;
    x -= (double)load(&r->presence);
  }
  return finite((float)x);
}

DEV bool is_allowed(const u32* allowed, int id) {
  return !allowed || (load(allowed + (id >> 5)) >> (id & 31) & 1) != 0;
}

// The row without what is not allowed; true if this thread met NaN or +infinity.
DEV bool copy_allowed(float* to, const float* from, const u32* allowed, int columns, int length) {
  constexpr int Together = 4;
  bool bad = false;
  for (int first = thread_index(); first < length; first += Together * EKC_SAMPLE_THREADS) {
    float x[Together];
    UNROLL for (int i = 0; i < Together; i++) {
      const int c = first + i * EKC_SAMPLE_THREADS;
      x[i] = c < length ? load(from + c) : 0.f;
      bad |= !(x[i] < bits_float(0x7f800000));
      if (c < columns && !is_allowed(allowed, c)) x[i] = bits_float(0xff800000);
    }
    UNROLL for (int i = 0; i < Together; i++) {
      const int c = first + i * EKC_SAMPLE_THREADS;
      if (c < length) store(to + c, x[i]);
    }
  }
  return bad;
}

DEV void edit_logits(const EkcEditLogits& p) {
  const EkcEditRow* r = (const EkcEditRow*)p.rows_parameters + block_x();
  const i64 index = load(&r->row);
  const int* lists = (const int*)p.lists;
  const float *logits = (const float*)p.logits + index * p.logits_stride, never = bits_float(0xff800000);
  float* row = (float*)p.edited + index * p.length;
  const int columns = load(&r->columns), bits = load(&r->allowed), place = load(&r->pending);
  const u32* allowed = bits < 0 ? nullptr : (const u32*)lists + bits;
  // Behind a word that says that the pending token was met, one of each warp: is its part bad?
  const u32 met = shared_base(), bads = shared_base() + 8;
  const bool bad = vote(copy_allowed(row, logits, allowed, columns, p.length)) != 0;
  if (lane_index() == 0) shared_store(bads + (thread_index() >> 5) * 4, bad ? 1 : 0);
  if (thread_index() == 0) shared_store(met, 0);
  sync_block();
  u32 any = 0;
  for (int w = 0; w < SampleWarps; w++) any |= shared_load(bads + w * 4);
  if (any != 0) {
    if (thread_index() == 0) store(row, bits_float(0x7fc00000));
    return;
  }
  const int pending = place < 0 ? -1 : load((const int*)p.tokens + place), count = load(&r->changed_count);
  const EkcEditEntry* changed = (const EkcEditEntry*)(lists + load(&r->changed));
  for (int i = thread_index(); i < count; i += EKC_SAMPLE_THREADS) {
    const int id = load(&changed[i].id), seen = load(&changed[i].count);
    const float logit = load(logits + id);
    if (id == pending) shared_store(met, 1);
    if (!(logit > never) || !is_allowed(allowed, id)) continue;
    store(row + id, edited_logit(r, logit, load(&changed[i].addend), id != pending ? seen : seen < 0 ? 1 : seen + 1));
  }
  sync_block();
  if (thread_index() == 0 && pending >= 0 && pending < columns && shared_load(met) == 0) {
    const float logit = load(logits + pending);
    if (logit > never && is_allowed(allowed, pending)) store(row + pending, edited_logit(r, logit, 0.f, 1));
  }
  sync_block();
  const int* masked = lists + load(&r->masked);
  const int masked_count = load(&r->masked_count), only = load(&r->only);
  for (int i = thread_index(); i < masked_count; i += EKC_SAMPLE_THREADS) store(row + load(masked + i), never);
  if (only < 0) return;
  sync_block();
  if (!(load(row + only) > never)) return;
  for (int c = thread_index(); c < columns; c += EKC_SAMPLE_THREADS) {
    if (c != only) store(row + c, never);
  }
}
