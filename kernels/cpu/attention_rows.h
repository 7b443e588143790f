// The query rows of an item, and how the results of parts of the context are combined. Included inside the namespace of
// one ISA level.
#pragma once

static const float kMinusInfinity = -__builtin_inff();

// Rows are (token, head) pairs, head fastest.
struct AttentionRows {
  int rows, dim;                  // dim is padded to 16
  int64_t first, last;            // tokens any row sees
  int64_t low[kMaxAttentionRows], high[kMaxAttentionRows];
  float slope[kMaxAttentionRows]; // of log2 scores, per token of distance
  float max[kMaxAttentionRows], sum[kMaxAttentionRows];
};

// What each row sees; store(row, d, x) takes its query, 16 dimensions at a time.
template <class F>
INLINE void start_item(const AttentionJob& job, AttentionRows& st, const AttentionItem& item, F store) {
  const int32_t q0 = job.cu_seqlens[item.request];
  const int64_t queries = job.cu_seqlens[item.request + 1] - q0;
  const int64_t before = job.context_lens[item.request] - queries;
  st.first = INT64_MAX;
  st.last = 0;
  for (int r = 0; r < st.rows; r++) {
    const int64_t token = item.token + r / item.heads;
    const int64_t head = static_cast<int64_t>(item.kv_head) * job.group + item.head + r % item.heads;
    const int64_t self = before + token, reach = job.window > 0 ? job.window : INT32_MAX;
    const int64_t ahead = job.bidirectional ? self + reach + 1 : self + 1;
    const int64_t behind = job.bidirectional ? self - reach : self - reach + 1;
    st.high[r] = ahead < job.context_lens[item.request] ? ahead : job.context_lens[item.request];
    st.low[r] = behind > 0 ? behind : 0;
    st.first = st.low[r] < st.first ? st.low[r] : st.first;
    st.last = st.high[r] > st.last ? st.high[r] : st.last;
    st.slope[r] = job.slopes == nullptr ? 0 : job.slopes[head] * 1.44269504f;
    const float* q = job.query + (q0 + token) * job.query_stride + head * job.kv.head_dim;
    for (int d = 0; d < st.dim; d += 16) {
      const int64_t left = job.kv.head_dim - d;
      store(r, d, left >= 16 ? vload(q + d) : vload_n(q + d, left));
    }
  }
}

INLINE void start_part(AttentionRows& st, float* acc) {
  const int64_t size = static_cast<int64_t>(st.rows) * st.dim;
  for (int64_t i = 0; i < size; i += 16) vstore(acc + i, vzero());
  for (int r = 0; r < st.rows; r++) {
    st.max[r] = kMinusInfinity;
    st.sum[r] = 0;
  }
}

// What the parts of an item add up to.
struct AttentionTotal {
  int rows, dim;
  float max[kMaxAttentionRows], sum[kMaxAttentionRows];
  float* acc;                     // [rows][dim]
};

INLINE void start_total(AttentionTotal& total) {
  for (int r = 0; r < total.rows; r++) {
    total.max[r] = kMinusInfinity;
    total.sum[r] = 0;
  }
  for (int64_t i = 0; i < static_cast<int64_t>(total.rows) * total.dim; i += 16) vstore(total.acc + i, vzero());
}

// total += part, in the order of the parts; a part without a token leaves the bits alone.
static void merge_part(AttentionTotal& total, const float* max, const float* sum, const float* acc) {
  for (int r = 0; r < total.rows; r++) {
    if (sum[r] == 0) continue;
    const float now = max[r] <= total.max[r] ? total.max[r] : max[r];
    float a[16], b[16];
    vstore(a, vexp2(vset(total.max[r] - now)));
    vstore(b, vexp2(vset(max[r] - now)));
    total.max[r] = now;
    total.sum[r] = total.sum[r] * a[0] + sum[r] * b[0];
    float* to = total.acc + static_cast<int64_t>(r) * total.dim;
    const float* from = acc + static_cast<int64_t>(r) * total.dim;
    const vf va = vset(a[0]), vb = vset(b[0]);
    for (int d = 0; d < total.dim; d += 16) {
      vstore(to + d, vadd(vmul(vload(to + d), va), vmul(vload(from + d), vb)));
    }
  }
}

static void write_output(const AttentionJob& job, const AttentionItem& item, const AttentionTotal& total) {
  for (int r = 0; r < total.rows; r++) {
    const int64_t row = job.cu_seqlens[item.request] + item.token + r / item.heads;
    const int64_t head = static_cast<int64_t>(item.kv_head) * job.group + item.head + r % item.heads;
    float* out = job.output + row * job.output_stride + head * job.kv.head_dim;
    const vf scale = vset(job.kv.value_unit / total.sum[r]);
    each16(0, job.kv.head_dim, [&](int64_t d, int64_t n) INLINE_LAMBDA {
      store_some(out + d, vmul(vload(total.acc + static_cast<int64_t>(r) * total.dim + d), scale), n);
    });
  }
}

static void attention_merge(
    const AttentionJob& job, const AttentionItem& item, const float* partials, int64_t parts, char* scratch) {
  AttentionTotal total;
  total.rows = item.tokens * item.heads;
  total.dim = job.kv.padded_dim;
  total.acc = reinterpret_cast<float*>(scratch);
  start_total(total);
  for (int64_t p = 0; p < parts; p++) {
    const float* partial = partials + p * partial_floats(total.rows, total.dim);
    merge_part(total, partial, partial + kMaxAttentionRows, partial + 2 * kMaxAttentionRows);
  }
  write_output(job, item, total);
}

// Fetches the part-th of `parts` shares of some bytes.
INLINE void fetch_share(const char* p, int64_t bytes, int64_t part, int64_t parts) {
  const int64_t lines = bytes / 64;
  for (int64_t i = lines * part / parts; i < lines * (part + 1) / parts; i++) __builtin_prefetch(p + i * 64, 0, 2);
}
