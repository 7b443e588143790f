#include <atomic>

#include "logits_table.h"

namespace engine {
namespace {

const LogitsTable& table() {
#if defined(__x86_64__)
  // Asking the processor is slow; two threads that both ask find the same.
  static std::atomic<int32_t> known{EK_ISA_AUTO};
  int32_t best = known.load(std::memory_order_relaxed);
  if (best == EK_ISA_AUTO) known.store(best = ek_isa_best(), std::memory_order_relaxed);
  if (best >= EK_ISA_AVX512) return kAvx512Logits;
  if (best >= EK_ISA_AVX2) return kAvx2Logits;
#endif
  return kBaselineLogits;
}

}  // namespace
}  // namespace engine

extern "C" int32_t ek_logits_scan(const float* row, int64_t n, float* block_max) {
  return engine::table().scan(row, n, block_max);
}

extern "C" double ek_logits_sum_exp(
    const float* row, int64_t n, const float* block_max, float max, float scale, double* block_sums) {
  return engine::table().sum_exp(row, n, block_max, max, scale, block_sums);
}

extern "C" void ek_logits_weights(const float* values, int64_t n, float max, float scale, float* weights) {
  engine::table().weights(values, n, max, scale, weights);
}
