// What the machine can do at most, measured with all threads of a context.
#include "context.h"

namespace {

constexpr int64_t kReadFloats = 16 * 8;      // what one turn of the reading loop takes
constexpr int64_t kChunkFloats = 256 << 10;  // 1 MB: a turn of a thread

}  // namespace

extern "C" int32_t ek_probe(ek_context* context, int32_t kind, const void* data, int64_t amount, double* done) {
  if (context == nullptr || done == nullptr || amount <= 0 || kind < EK_PROBE_READ || kind > EK_PROBE_BF16_DOT ||
      (kind == EK_PROBE_READ && (data == nullptr || amount % (4 * kReadFloats) != 0))) {
    return EK_INVALID_ARGUMENT;
  }
  const engine::IsaTable* table = context->table;
  double sums[engine::kMaxThreads] = {};
  float sinks[engine::kMaxThreads] = {};
  if (kind == EK_PROBE_READ) {
    const float* floats = static_cast<const float*>(data);
    const int64_t count = amount / 4;
    engine::parallel(context->pool, (count + kChunkFloats - 1) / kChunkFloats, [&](int64_t i, int thread) {
      const int64_t first = i * kChunkFloats;
      const int64_t left = count - first;
      sums[thread] += table->probe(kind, floats + first, left < kChunkFloats ? left : kChunkFloats, &sinks[thread]);
    });
  } else {
    // Many short turns, so that a thread that comes late takes fewer.
    engine::parallel(context->pool, 64, [&](int64_t, int thread) {
      sums[thread] += table->probe(kind, nullptr, amount, &sinks[thread]);
    });
  }
  *done = 0;
  for (const double sum : sums) *done += sum;
  return *done > 0 ? EK_OK : EK_UNSUPPORTED;
}
