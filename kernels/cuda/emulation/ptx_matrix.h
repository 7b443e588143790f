// ldmatrix and mma on the emulated machine.
#pragma once

DEV float emu_bf16(u32 v) { return bits_float(v << 16); }
DEV float emu_f16(u32 v) {
  const u16 bits = (u16)v;
  _Float16 h;
  memcpy(&h, &bits, 2);
  return (float)h;
}

template <bool TRANSPOSED>
DEV void emu_load_matrix4(u32* r, u32 a) {
  emu::meet(TRANSPOSED ? "ldmatrix.trans" : "ldmatrix", r, a, [](emu::Meeting& meeting) {
    for (int matrix = 0; matrix < 4; matrix++) {
      u16 values[8][8];
      for (int row = 0; row < 8; row++) {
        memcpy(values[row], emu::shared_at_lane((u32)meeting.value[matrix * 8 + row], 16, matrix * 8 + row), 16);
      }
      for (int lane = 0; lane < 32; lane++) {
        const int g = lane >> 2, t = lane & 3;
        const u32 low = TRANSPOSED ? values[2 * t][g] : values[g][2 * t];
        const u32 high = TRANSPOSED ? values[2 * t + 1][g] : values[g][2 * t + 1];
        ((u32*)meeting.slot[lane])[matrix] = low | high << 16;
      }
    }
  });
}
DEV void load_matrix4(u32 (&r)[4], u32 a) { emu_load_matrix4<false>(r, a); }
DEV void load_matrix4_transposed(u32 (&r)[4], u32 a) { emu_load_matrix4<true>(r, a); }

struct MmaOperands {
  float* d;
  const u32* a;
  u32 b[2];
};

// m16n8k16 with 16-bit elements. A (row, k): lane 4 (row % 8) + k / 2 % 4, register row / 8 + 2 (k / 8), half k % 2.
template <class Decode>
DEV void emu_mma(const char* name, float* d, const u32* a, u32 b0, u32 b1, Decode decode) {
  MmaOperands mine = {d, a, {b0, b1}};
  emu::meet(name, &mine, 0, [&](emu::Meeting& meeting) {
    float A[16][16], B[16][8];
    for (int k = 0; k < 16; k++) {
      const int t = k / 2 % 4, half = k / 8, shift = k % 2 * 16;
      for (int row = 0; row < 16; row++) {
        const MmaOperands& lane = *(MmaOperands*)meeting.slot[row % 8 * 4 + t];
        A[row][k] = decode(lane.a[row / 8 + 2 * half] >> shift & 0xffff);
      }
      for (int n = 0; n < 8; n++) B[k][n] = decode(((MmaOperands*)meeting.slot[n * 4 + t])->b[half] >> shift & 0xffff);
    }
    for (int row = 0; row < 16; row++) {
      double sums[8] = {};
      for (int k = 0; k < 16; k++) {
        for (int n = 0; n < 8; n++) sums[n] += (double)A[row][k] * B[k][n];
      }
      for (int n = 0; n < 8; n++) {
        float& out = ((MmaOperands*)meeting.slot[row % 8 * 4 + n / 2])->d[row / 8 * 2 + n % 2];
        out = (float)(out + sums[n]);
      }
    }
  });
}
DEV void mma_bf16(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  emu_mma("mma_bf16", d, a, b0, b1, [](u32 v) { return emu_bf16(v); });
}
DEV void mma_f16(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  emu_mma("mma_f16", d, a, b0, b1, [](u32 v) { return emu_f16(v); });
}

// m16n8k32 with 8-bit elements: A (row, k): lane 4 (row % 8) + k / 4 % 4, register row / 8 + 2 (k / 16), byte k % 4.
// add(d, products) adds 32 products to an element of D.
template <class Sum>
struct ByteMmaOperands {
  Sum* d;
  const u32* a;
  u32 b[2];
};
template <class Sum, class Decode, class Add>
DEV void emu_byte_mma(const char* name, Sum* d, const u32* a, u32 b0, u32 b1, Decode decode, Add add) {
  typedef ByteMmaOperands<Sum> Operands;
  Operands mine = {d, a, {b0, b1}};
  emu::meet(name, &mine, 0, [&](emu::Meeting& meeting) {
    typedef decltype(decode(0)) Value;
    Value A[16][32], B[8][32], products[32];
    for (int k = 0; k < 32; k++) {
      const int t = k / 4 % 4, half = k / 16, shift = k % 4 * 8;
      for (int row = 0; row < 16; row++) {
        A[row][k] = decode((u8)(((Operands*)meeting.slot[row % 8 * 4 + t])->a[row / 8 + 2 * half] >> shift));
      }
      for (int n = 0; n < 8; n++) B[n][k] = decode((u8)(((Operands*)meeting.slot[n * 4 + t])->b[half] >> shift));
    }
    for (int row = 0; row < 16; row++) {
      for (int n = 0; n < 8; n++) {
        for (int k = 0; k < 32; k++) products[k] = A[row][k] * B[n][k];
        add(((Operands*)meeting.slot[row % 8 * 4 + n / 2])->d[row / 8 * 2 + n % 2], products);
      }
    }
  });
}
DEV void mma_s8(i32 (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  emu_byte_mma("mma_s8", d, a, b0, b1, [](u8 v) { return (i32)(signed char)v; }, [](i32& sum, const i32* products) {
    for (int k = 0; k < 32; k++) sum = (i32)((u32)sum + (u32)products[k]);
  });
}
DEV float emu_e4m3(u8 v) {
  if ((v & 0x7f) == 0x7f) return NAN;
  return emu_f16((v & 0x80) << 8 | (v & 0x7f) << 7) * 256.f;
}
// As coarse as a tensor core may be: what is below 2^-13 of the largest term, the old sum among them, is cut off.
DEV void emu_add_coarsely(float& sum, const float* products) {
  float largest = fabsf(sum);
  double total = sum;
  for (int k = 0; k < 32; k++) {
    largest = fmaxf(largest, fabsf(products[k]));
    total += products[k];
  }
  if (total != total) sum = NAN;
  if (!(largest > 0) || total != total) return;
  const int unit = ilogbf(largest) - 13;
  const double scale = ldexp(1, -unit);
  int64_t units = (int64_t)(sum * scale);
  for (int k = 0; k < 32; k++) units += (int64_t)(products[k] * scale);
  sum = (float)ldexp((double)units, unit);
}
DEV void mma_e4m3(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  emu_byte_mma("mma_e4m3", d, a, b0, b1, emu_e4m3, emu_add_coarsely);
}
