// Integer dot products of 16 columns in plain loops. Included inside the namespace of one ISA level.
#pragma once

struct vi {
  int32_t lane[16];
};

INLINE vi vi_set(int32_t x) {
  vi r;
  for (int32_t& l : r.lane) l = x;
  return r;
}
INLINE vf vi_float(vi x) {
  float f[16];
  for (int i = 0; i < 16; i++) f[i] = static_cast<float>(x.lane[i]);
  return vload(f);
}
INLINE vi vi_add(vi a, vi b) {
  for (int i = 0; i < 16; i++) a.lane[i] += b.lane[i];
  return a;
}
INLINE vi vi_shift7(vi a) {
  for (int i = 0; i < 16; i++) a.lane[i] *= 128;
  return a;
}

// Some bits of each 32-bit lane of a line (little-endian).
INLINE vi vi_extract(const char* line, int shift, int mask) {
  uint32_t lanes[16];
  __builtin_memcpy(lanes, line, sizeof lanes);
  vi r;
  for (int i = 0; i < 16; i++) r.lane[i] = static_cast<int32_t>(lanes[i] >> shift) & mask;
  return r;
}
INLINE vi vi_round(vf x) {
  float f[16];
  vstore(f, vround(x));
  vi r;
  for (int i = 0; i < 16; i++) r.lane[i] = static_cast<int32_t>(f[i]);
  return r;
}
INLINE int32_t vi_sum(vi a) {
  int32_t sum = 0;
  for (int32_t l : a.lane) sum += l;
  return sum;
}
INLINE vi vi_high7(vi a) {
  for (int32_t& l : a.lane) l = (l + 64) >> 7;
  return a;
}
INLINE vi vi_sub(vi a, vi b) {
  for (int i = 0; i < 16; i++) a.lane[i] -= b.lane[i];
  return a;
}
INLINE void vi_store_bytes(int8_t* p, vi a) {
  for (int i = 0; i < 16; i++) p[i] = static_cast<int8_t>(a.lane[i]);
}

static constexpr bool kDotsOfFour = false;
static constexpr int kQuantRows = 2;
static constexpr int kQuantMost = 2;
static constexpr int kCodedRows = 2;
static constexpr int kQuantWide = 1;
static constexpr int kUnfetchedRows = 1;

// c += 32 products of each column: eight lines of 16 columns x 4 k, unsigned by signed.
template <int MR, int NV>
INLINE void dot_bytes(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
  for (int v = 0; v < NV; v++) {
    auto line = reinterpret_cast<const uint8_t*>(w[v]);
    for (int m = 0; m < MR; m++) {
      for (int i = 0; i < 512; i++) c[m][v].lane[i % 64 / 4] += line[i] * a[m * 32 + i / 64 * 4 + i % 4];
    }
  }
}

// Four lines of nibbles: step s in the low halves, step s + 4 in the high ones.
template <int MR, int NV>
INLINE void dot_nibbles(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
  for (int v = 0; v < NV; v++) {
    auto line = reinterpret_cast<const uint8_t*>(w[v]);
    for (int m = 0; m < MR; m++) {
      for (int i = 0; i < 256; i++) {
        const int8_t* x = a + m * 32 + i / 64 * 4 + i % 4;
        c[m][v].lane[i % 64 / 4] += (line[i] & 15) * x[0] + (line[i] >> 4) * x[16];
      }
    }
  }
}

static constexpr int kByteVector = 64;
INLINE void vi_here(vi&) {}
INLINE vf vload_u8(const uint8_t* p) {
  float f[16];
  for (int i = 0; i < 16; i++) f[i] = p[i];
  return vload(f);
}
INLINE vf vload_s8(const int8_t* p) {
  float f[16];
  for (int i = 0; i < 16; i++) f[i] = p[i];
  return vload(f);
}
template <class V>
INLINE V btable(const uint8_t* table, V codes) {
  uint8_t b[sizeof(V)];
  __builtin_memcpy(b, &codes, sizeof codes);
  for (uint8_t& x : b) x = table[x];
  __builtin_memcpy(&codes, b, sizeof codes);
  return codes;
}

// c += products of steps [FIRST, LAST) of 32 k, in the codes of C.
template <class C, int FIRST, int LAST, int MR, int NV>
INLINE void dot_codes(vi (&c)[MR][NV], const char* const (&w)[NV], const int8_t* a) {
  for (int v = 0; v < NV; v++) {
    for (int s = FIRST; s < LAST; s++) {
      const auto codes = C::step(w[v], s);
      uint8_t b[64];
      __builtin_memcpy(b, &codes, sizeof codes);
      for (int m = 0; m < MR; m++) {
        const int8_t* x = a + m * 32 + s * 4;
        for (int i = 0; i < 16; i++) {
          c[m][v].lane[i] += b[i * 4] * x[0] + b[i * 4 + 1] * x[1] + b[i * 4 + 2] * x[2] + b[i * 4 + 3] * x[3];
        }
      }
    }
  }
}
