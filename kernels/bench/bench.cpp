// Self-timing of the kernels: kernels_bench [threads] [isa] [format] [n k rows]. Prints medians and, in brackets, the
// best; with one thread times are CPU times, which a busy machine disturbs less: more so where an operation is over
// within a time slice, as of a small n. Weights are streamed from memory: every shape has copies that together exceed
// the caches.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <initializer_list>

#include "engine_kernels.h"

namespace {

clockid_t g_clock = CLOCK_MONOTONIC;

double now() {
  timespec t;
  clock_gettime(g_clock, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

int compare(const void* a, const void* b) {
  const double x = *static_cast<const double*>(a), y = *static_cast<const double*>(b);
  return x < y ? -1 : x > y;
}

double median(double* values, int count) {
  qsort(values, count, sizeof(double), compare);
  return values[count / 2];
}

float* floats(int64_t count) {
  auto p = static_cast<float*>(ek_map(count * 4));
  for (int64_t i = 0; i < count; i++) p[i] = static_cast<float>((i * 2654435761u) % 2048) / 1024 - 1;
  return p;
}

struct Format {
  const char* name;
  int32_t format;
  int32_t needs;
  int32_t activation = EK_ACTIVATION_8;
};

const Format kFormats[] = {
    {"f32", EK_FORMAT_F32, EK_ISA_BASELINE},
    {"f16", EK_FORMAT_F16, EK_ISA_BASELINE},
    {"bf16", EK_FORMAT_BF16, EK_ISA_BASELINE},
    {"bf16dp", EK_FORMAT_BF16_DP, EK_ISA_AVX512_BF16},
    {"q8", EK_FORMAT_Q8, EK_ISA_BASELINE},
    {"q4", EK_FORMAT_Q4, EK_ISA_BASELINE},
    {"q8a15", EK_FORMAT_Q8, EK_ISA_BASELINE, EK_ACTIVATION_15},
    {"q4a15", EK_FORMAT_Q4, EK_ISA_BASELINE, EK_ACTIVATION_15},
    {"q4float", EK_FORMAT_Q4, EK_ISA_BASELINE, EK_ACTIVATION_FLOAT},
    {"z4", EK_FORMAT_CODES + 0x1070, EK_ISA_BASELINE},
    {"z4a15", EK_FORMAT_CODES + 0x1070, EK_ISA_BASELINE, EK_ACTIVATION_15},
    {"z4float", EK_FORMAT_CODES + 0x1070, EK_ISA_BASELINE, EK_ACTIVATION_FLOAT},
    {"q4_1", EK_FORMAT_CODES + 0x2050, EK_ISA_BASELINE},
    {"q5_0", EK_FORMAT_CODES + 0x0051, EK_ISA_BASELINE},
    {"q4_k", EK_FORMAT_CODES + 0x3350, EK_ISA_BASELINE},
    {"q5_k", EK_FORMAT_CODES + 0x3351, EK_ISA_BASELINE},
    {"q6_k", EK_FORMAT_CODES + 0x0342, EK_ISA_BASELINE},
    {"iq4_nl", EK_FORMAT_CODES + 0x0054, EK_ISA_BASELINE},
    {"w8", EK_FORMAT_CODES + 0x0273, EK_ISA_BASELINE},
    {"fp8", EK_FORMAT_CODES + 0x0276, EK_ISA_BASELINE},
    {"fp8flt", EK_FORMAT_CODES + 0x0276, EK_ISA_BASELINE, EK_ACTIVATION_FLOAT},
    {"nf4", EK_FORMAT_CODES + 0x0267, EK_ISA_BASELINE},
    {"mxfp4", EK_FORMAT_CODES + 0x0155, EK_ISA_BASELINE},
    {"nvfp4", EK_FORMAT_CODES + 0x0545, EK_ISA_BASELINE},
    {"iq2_xxs", EK_FORMAT_CODES + 0x0459, EK_ISA_BASELINE},
    {"iq3_s", EK_FORMAT_CODES + 0x045b, EK_ISA_BASELINE},
};

// Any codes will do, the same in every panel.
void pack_codes(const ek_linear_weight& w) {
  auto codes = static_cast<uint8_t*>(malloc(16 * w.k));
  auto scales = static_cast<float*>(malloc(16 * w.k * 4));
  auto bytes = static_cast<uint8_t*>(malloc(16 * w.k));
  for (int64_t i = 0; i < 16 * w.k; i++) {
    codes[i] = static_cast<uint8_t>(i * 2654435761u >> 8 & 15);
    scales[i] = 0.01f;
    bytes[i] = 7;
  }
  const ek_codes_rows rows{codes, scales, bytes, scales, reinterpret_cast<int8_t*>(bytes), bytes, 16,
                           int64_t{1} << (w.format >> 4 & 15)};
  for (int64_t panel = 0; panel * 16 < w.n; panel++) ek_codes_pack(&w, panel, &rows);
  free(codes);
  free(scales);
  free(bytes);
}

void bench_linear(ek_context* context, const Format& format, int64_t n, int64_t k, int64_t only) {
  const int64_t bytes = ek_linear_bytes(n, k, format.format);
  const int copies = static_cast<int>(1 + (96 << 20) / bytes);
  char* memory = static_cast<char*>(ek_map(bytes * copies));
  float* source = floats(n * k);
  const ek_linear_part part{source, n, k, EK_F32, 0};
  for (int c = 0; c < copies; c++) {
    const ek_linear_weight w{memory + c * bytes, n, k, format.format, format.activation, nullptr, {}};
    if (format.format >= EK_FORMAT_CODES) {
      pack_codes(w);
    } else {
      ek_linear_pack(context, &w, &part, 1);
    }
  }
  ek_unmap(source, n * k * 4);
  const int64_t rows[] = {1, 2, 4, 8, 16, 32, 128, 512};
  for (int64_t listed : rows) {
    const int64_t m = only > 0 ? only : listed;
    if ((m > 32 && n >= 32000) || (only > 0 && listed > 1)) continue;
    float* x = floats(m * k);
    float* y = floats(m * n);
    const ek_matrix mx{x, m, k, k}, my{y, m, n, n};
    double times[200];
    int count = 0;
    double spent = 0;
    for (int i = 0; i < 200 && (spent < 0.4 || i < 5); i++) {
      const ek_linear_weight w{memory + i % copies * bytes, n, k, format.format, format.activation, nullptr, {}};
      const double t = now();
      ek_linear(context, &my, &mx, &w, nullptr, 0);
      times[count] = now() - t;
      spent += times[count++];
    }
    const double s = median(times, count);
    const double b = times[0];
    printf("%-7s [%5ld,%5ld] M %4ld  %9.1f us  %7.1f Gop/s [%7.1f]  %5.1f GB/s [%5.1f]\n", format.name,
           static_cast<long>(n), static_cast<long>(k), static_cast<long>(m), s * 1e6, 2e-9 * m * n * k / s,
           2e-9 * m * n * k / b, 1e-9 * bytes / s, 1e-9 * bytes / b);
    ek_unmap(x, m * k * 4);
    ek_unmap(y, m * n * 4);
  }
  ek_unmap(memory, bytes * copies);
}

void bench_attention(ek_context* context, int32_t dtype, int32_t head_dim, int32_t queries, int32_t tokens) {
  const int32_t kv_heads = 4, heads = 32, layers = queries == 1 ? 22 : 1, blocks = (tokens + 15) / 16;
  const int64_t layer = ek_kv_block_bytes(16, kv_heads, head_dim, dtype) * blocks;
  char* memory = static_cast<char*>(ek_map(layer * layers));
  float* rows = floats(static_cast<int64_t>(tokens) * kv_heads * head_dim);
  float* q = floats(static_cast<int64_t>(queries) * heads * head_dim);
  float* o = floats(static_cast<int64_t>(queries) * heads * head_dim);
  auto slots = static_cast<int32_t*>(malloc(tokens * 4)), table = static_cast<int32_t*>(malloc(blocks * 4));
  for (int32_t i = 0; i < blocks; i++) table[i] = i;
  for (int32_t i = 0; i < tokens; i++) slots[i] = i;
  const ek_matrix kv_rows{rows, tokens, kv_heads * head_dim, kv_heads * head_dim};
  const ek_matrix mq{q, queries, heads * head_dim, heads * head_dim};
  const ek_matrix mo{o, queries, heads * head_dim, heads * head_dim};
  for (int l = 0; l < layers; l++) {
    const ek_kv kv{memory + l * layer, blocks, 16, kv_heads, head_dim, dtype, 1, 1, 1};
    ek_kv_write(context, &kv, &kv_rows, &kv_rows, slots);
  }
  const int32_t cu[] = {0, queries}, context_lens[] = {tokens};
  const ek_attention_settings settings{heads, 1.0f / sqrtf(static_cast<float>(head_dim)), 0, 0, 0, nullptr};
  const ek_attention_batch batch{cu, context_lens, table, 1, blocks};
  double times[50];
  int count = 0;
  double spent = 0;
  for (int i = 0; i < 50 && (spent < 1 || i < 5); i++) {
    const double t = now();
    for (int l = 0; l < layers; l++) {
      const ek_kv kv{memory + l * layer, blocks, 16, kv_heads, head_dim, dtype, 1, 1, 1};
      ek_attention(context, &mo, &mq, &kv, &settings, &batch);
    }
    times[count] = now() - t;
    spent += times[count++];
  }
  const double s = median(times, count);
  const double seen = queries == 1 ? tokens : tokens - queries / 2.0;
  const double b = times[0];
  const char* name = dtype == EK_F32    ? "f32"
                     : dtype == EK_F16  ? "f16"
                     : dtype == EK_BF16 ? "bf16"
                     : dtype == EK_I8   ? "i8"
                                        : "e4m3";
  printf("attn %s head %d, %d queries, context %d: %.2f ms [%.2f], %.1f GB/s [%.1f], %.0f GFLOP/s [%.0f]\n", name,
         head_dim, queries, tokens, s * 1e3, b * 1e3, 1e-9 * layer * layers / s, 1e-9 * layer * layers / b,
         4e-9 * queries * seen * heads * head_dim * layers / s, 4e-9 * queries * seen * heads * head_dim * layers / b);
  ek_unmap(memory, layer * layers);
  free(slots);
  free(table);
}

}  // namespace

int main(int argc, char** argv) {
  ek_options options{};
  options.threads = argc > 1 ? atoi(argv[1]) : 0;
  options.isa = argc > 2 ? atoi(argv[2]) : EK_ISA_AUTO;
  if (options.threads == 1) g_clock = CLOCK_THREAD_CPUTIME_ID;
  options.pin = 1;
  options.spin_us = -1;
  const char* filter = argc > 3 ? argv[3] : "";
  ek_context* context;
  if (ek_context_create(&options, &context) != EK_OK) return 1;
  ek_context_pin_caller(context);
  printf("isa %d, %d threads\n", ek_context_isa(context), ek_context_threads(context));
  const int64_t shapes[][2] = {{2560, 2048}, {11264, 2048}, {2048, 5632}, {32000, 2048}};
  for (const Format& format : kFormats) {
    if (ek_context_isa(context) < format.needs || (filter[0] && strcmp(filter, format.name))) continue;
    if (argc > 6) {
      bench_linear(context, format, atoll(argv[4]), atoll(argv[5]), atoll(argv[6]));
      continue;
    }
    for (auto& shape : shapes) bench_linear(context, format, shape[0], shape[1], 0);
  }
  if (!filter[0] || !strcmp(filter, "attn")) {
    for (int32_t dtype : {EK_BF16, EK_I8, EK_F8_E4M3, EK_F16, EK_F32}) {
      for (int32_t dim : {64, 128}) {
        bench_attention(context, dtype, dim, 1, 4096);
        bench_attention(context, dtype, dim, 512, 512);
        bench_attention(context, dtype, dim, 512, 4096);
      }
    }
  }
  ek_context_destroy(context);
  return 0;
}
