// What attention by tiles keeps of an item, and the keys and values of a step as tiles of B. Included inside a
// namespace of its own per kind of tiles.
#pragma once

static constexpr int kStep = 128;              // tokens of one softmax step
static constexpr int kStepTiles = kStep / 16;
static constexpr int kRowTiles = kMaxAttentionRows / 16;
static constexpr int kScoreRow = kStep + 16;   // floats from row to row, no power of two
static constexpr int kWeightRow = kStep + 32;

// A row tile against the tokens of a step. Units follow each other with the row tiles fastest.
struct TileUnit {
  int tile;
  int first, last;  // of the step's 16 tokens each, even numbers
  int step, slot;   // where the step's keys and values lie, where the unit's scores, weights and factors
  int64_t base;     // the step's first token
  bool whole;       // every row sees every token of the step
};

// One thread's state of an item.
template <class T, class Tiles>
struct TileAttention : AttentionRows {
  static constexpr bool kScaled = KvElement<T>::kScaleBytes != 0;
  Tiles tiles;
  int row_tiles, tile_rows;       // rows of every tile; those past `rows` are zero
  int chunks, columns;            // of 32 and of 16 dimensions
  int64_t tile_first[kRowTiles], tile_last[kRowTiles]; // tokens that any of its rows sees
  int64_t all_first[kRowTiles], all_last[kRowTiles];   // tokens that all of its rows see
  bf16_t* query;                  // [row_tiles][chunks][tile_rows][32]
  float* acc;                     // [row_tiles * tile_rows][dim] of the current part
  char* key_copies;               // [3 steps][kStepTiles][chunks] tiles of B, where the cache has none
  char* values;                   // [3 steps][kStepTiles / 2][columns] tiles of B
  const char* keys[3][kStepTiles];
  alignas(64) float key_scales[3][kStep], value_scales[3][kStep];
  alignas(64) float scores[2][16 * kScoreRow];
  alignas(64) bf16_t weights[2][16 * kWeightRow];
  alignas(64) float factor[2][16];
  alignas(64) float tops[kRowTiles * 16], sums[kRowTiles * 16 * 16];
  int slot;                       // of the unit whose weights are made
  int num_ahead;                  // which of ahead are to be fetched: K and V of the step after the next
  const char* ahead[kStepTiles];

  MEMBER float* score_row(int m) { return scores[slot] + m * kScoreRow; }
  MEMBER bf16_t* weight_row(int m) { return weights[slot] + m * kWeightRow; }
  MEMBER int unit_rows(const TileUnit& unit) const {
    const int left = rows - unit.tile * tile_rows;
    return left < tile_rows ? left : tile_rows;
  }
  MEMBER int64_t key_bytes() const { return static_cast<int64_t>(chunks) * 1024; }
  MEMBER char* step_values(int step) const { return values + step * (kStepTiles / 2) * columns * 1024L; }
};

// 32 elements as bf16.
INLINE void widen_line(char* to, const bf16_t* from) { __builtin_memcpy(to, from, 64); }
template <class T>
INLINE void widen_line(char* to, const T* from) {
#ifdef __AVX512BF16__
  _mm512_storeu_si512(to, load_bf16(from));
#else
  vstore(reinterpret_cast<bf16_t*>(to), vload(from));
  vstore(reinterpret_cast<bf16_t*>(to) + 16, vload(from + 16));
#endif
}

// V of 16 tokens becomes half `half` of the lines of each tile of B. Slots from `tokens` on may hold anything.
template <class T>
static void copy_values(char* to, const T* from, int half, int columns, int tokens) {
  to += half * 512;
  if (tokens >= 16) {
    for (int c = 0; c < columns; c++, to += 1024, from += 32) {
#pragma GCC unroll 8
      for (int line = 0; line < 8; line++) widen_line(to + line * 64, from + line * columns * 32);
    }
    return;
  }
  for (int line = 0; line < 8; line++, from += columns * 32, to += 64) {
    const int here = tokens - line * 2;
    for (int c = 0; c < columns; c++) {
      char* at = to + c * 1024;
      if (here <= 0) {
        __builtin_memset(at, 0, 64);
        continue;
      }
      widen_line(at, from + c * 32);
      if (here > 1) continue;
      auto lanes = reinterpret_cast<bf16_t*>(at);
      for (int i = 1; i < 32; i += 2) lanes[i] = {0};
    }
  }
}

// Keys, values and scales of the tokens that an item sees of a step.
template <class T, class Tiles>
static void prepare_step(
    const AttentionJob& job, TileAttention<T, Tiles>& st, const int32_t* table, int kv_head, int64_t base, int step) {
  constexpr int kScales = KvElement<T>::kScaleBytes;
  const bool copied = sizeof(T) != 2 || st.dim % 32 != 0;
  const char* any = nullptr;
  for (int t = 0; t < kStepTiles; t++) {
    const int64_t token = base + t * 16;
    char* values = st.step_values(step) + t / 2 * st.columns * 1024L;
    st.keys[step][t] = nullptr;
    float* scales = st.key_scales[step] + t * 16;
    float* value_scales = st.value_scales[step] + t * 16;
    if (token + 16 <= st.first || token >= st.last) {
      copy_values<T>(values, nullptr, t % 2, st.columns, 0);
      vstore(scales, vzero());
      vstore(value_scales, vzero());
      continue;
    }
    const int tokens = st.last - token < 16 ? static_cast<int>(st.last - token) : 16;
    const char* tile = kv_tile(job.kv, table[token / job.kv.block_size], kv_head, token % job.kv.block_size);
    auto v = reinterpret_cast<const T*>(tile + job.kv.tile_bytes + kScales);
    copy_values<T>(values, v, t % 2, st.columns, tokens);
    if (kScales != 0) {
      const vf seen = vset(static_cast<float>(tokens));
      const auto k_scale = reinterpret_cast<const float*>(tile);
      const auto v_scale = reinterpret_cast<const float*>(tile + job.kv.tile_bytes);
      vstore(scales, vselect(vless(viota(), seen), vload(k_scale), vzero()));
      vstore(value_scales, vselect(vless(viota(), seen), vload(v_scale), vzero()));
    }
    any = st.keys[step][t] = tile;
    if (!copied) continue;
    char* copy = st.key_copies + (step * kStepTiles + t) * st.key_bytes();
    auto k = reinterpret_cast<const T*>(tile + kScales);
    for (int line = 0; line < st.dim / 2; line++) widen_line(copy + line * 64, k + line * 32);
    if (st.dim % 32 != 0) __builtin_memset(copy + st.dim * 32, 0, 512);
    any = st.keys[step][t] = copy;
  }
  // What no row sees is multiplied with its neighbours at times; its scores are hidden.
  for (const char*& k : st.keys[step]) k = k == nullptr ? any : k;
}

// One tile of rows hides little of the memory; several find it in the cache.
template <class T, class Tiles>
INLINE void look_ahead(
    const AttentionJob& job, TileAttention<T, Tiles>& st, const int32_t* table, int kv_head, int64_t base,
    int64_t until) {
  st.num_ahead = 0;
  if (st.row_tiles > 1) return;
  for (int64_t token = base; token < base + kStep && token < until && token < st.last; token += 16) {
    st.ahead[st.num_ahead++] =
        kv_tile(job.kv, table[token / job.kv.block_size], kv_head, token % job.kv.block_size);
  }
}

// The units of a part, one after the other.
template <class T, class Tiles>
struct TileUnits {
  const AttentionJob& job;
  TileAttention<T, Tiles>& st;
  const int32_t* table;
  int kv_head;
  int64_t at, end;  // of the tokens of the part
  int64_t until;    // of what this thread does after it
  int tile = -1, step = 2, slot = 1;

  // False if there is none. A new step is prepared.
  MEMBER bool next(TileUnit& unit) {
    for (; at < end; at += kStep, tile = -1) {
      if (at + kStep <= st.first) continue;
      while (++tile < st.row_tiles) {
        const int64_t low = st.tile_first[tile] - at, high = st.tile_last[tile] - at;
        if (low >= kStep || high <= 0) continue;
        if (prepared != at) {
          step = step == 2 ? 0 : step + 1;
          prepare_step(job, st, table, kv_head, at, step);
          look_ahead(job, st, table, kv_head, at + kStep, until);
          prepared = at;
        }
        slot ^= 1;
        const int first = low <= 0 ? 0 : static_cast<int>(low / 32 * 2);
        const int last = high >= kStep ? kStepTiles : static_cast<int>((high + 31) / 32 * 2);
        const bool whole = st.all_first[tile] <= at && st.all_last[tile] >= at + kStep;
        unit = {tile, first, last, step, slot, at, whole};
        return true;
      }
    }
    return false;
  }

  int64_t prepared = -1;
};
