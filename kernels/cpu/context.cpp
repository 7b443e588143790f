#include "context.h"

#include <sched.h>

#include "amx_table.h"
#include "topology.h"

namespace engine {
namespace {

const IsaTable* table_of(int32_t isa) {
#if defined(__x86_64__)
  switch (isa) {
    case EK_ISA_AVX2: return &kAvx2Table;
    case EK_ISA_AVX512: return &kAvx512Table;
    case EK_ISA_AVX512_VNNI: return &kAvx512VnniTable;
    case EK_ISA_AVX512_BF16:
    case EK_ISA_AMX_BF16: return &kAvx512Bf16Table;
    default: break;
  }
#endif
  (void)isa;
  return &kBaselineTable;
}

void use_attention(IsaTable& table, const TileAttentionTable& tiles) {
  table.attention = tiles.attention;
  table.attention_merge = tiles.attention_merge;
  table.attention_rows = kMaxAttentionRows;
}

// Where the system refuses the tiles' state, the level below does without.
void choose_table(ek_context* context, bool emulated) {
  context->table = table_of(context->isa);
  if (emulated) {
    use_emulated_tiles(context->tiles);
    use_attention(context->tiles, kEmulatedTileAttention);
    context->table = &context->tiles;
    context->isa = EK_ISA_AMX_BF16;
  }
#if defined(__x86_64__)
  if (emulated && best_isa() >= EK_ISA_AVX512_VNNI) context->int_tiles = &kEmulatedIntTiles;
  if (emulated && best_isa() >= EK_ISA_AVX512_BF16) use_attention(context->tiles, kEmulatedTileAttentionBf16);
  if (context->isa != EK_ISA_AMX_BF16 || emulated) return;
  if (allow_tiles()) {
    use_tiles(context->tiles);
    use_attention(context->tiles, kRealTileAttention);
    context->int_tiles = &kRealIntTiles;
    context->table = &context->tiles;
  } else {
    context->isa = EK_ISA_AVX512_BF16;
  }
#endif
}

// The context's own memory, its scratch and its pool live in one mapping.
int64_t mapping_bytes(int32_t threads) {
  return kThreadScratch + kSharedScratch + threads * kThreadScratch;
}

}  // namespace
}  // namespace engine

using namespace engine;

extern "C" int32_t ek_context_create(const ek_options* options, ek_context** result) {
  if (options == nullptr || result == nullptr) return EK_INVALID_ARGUMENT;
  *result = nullptr;
  if (options->threads < 0 || options->threads > kMaxThreads || options->isa < EK_ISA_AUTO ||
      (options->isa > EK_ISA_AMX_BF16 && options->isa != EK_ISA_AMX_EMULATED) || options->num_cpus < 0 ||
      (options->num_cpus > 0 && options->cpus == nullptr)) {
    return EK_INVALID_ARGUMENT;
  }
  int32_t cpus[CPU_SETSIZE];
  int32_t count = affinity_cpus(cpus, CPU_SETSIZE);
  if (options->num_cpus > 0) {
    count = options->num_cpus < CPU_SETSIZE ? options->num_cpus : CPU_SETSIZE;
    for (int32_t i = 0; i < count; i++) cpus[i] = options->cpus[i];
  }
  int32_t threads = options->threads;
  if (threads == 0) {
    const int32_t limit = cgroup_cpu_limit();
    threads = limit < count ? limit : count;
    threads = threads < kMaxThreads ? threads : kMaxThreads;
  }
  static_assert(sizeof(ek_context) <= kThreadScratch, "the context fits its place");
  const int64_t bytes = mapping_bytes(threads);
  void* memory = ek_map(bytes);
  if (memory == nullptr) return EK_OUT_OF_MEMORY;
  auto* context = static_cast<ek_context*>(memory);
  context->mapped_bytes = bytes;
  context->shared = static_cast<char*>(memory) + kThreadScratch;
  context->per_thread = context->shared + kSharedScratch;
  const int32_t best = best_isa();
  context->isa = options->isa == EK_ISA_AUTO || options->isa > best ? best : options->isa;
#if defined(__x86_64__)
  context->has_vbmi = __builtin_cpu_supports("avx512vbmi");
#endif
  choose_table(context, options->isa == EK_ISA_AMX_EMULATED);
  context->first_cpu = cpus[0];
  // More threads than CPUs: pinning two to one CPU would serialize them for good. Fewer than the mask has: which of
  // them nobody said, and another process would choose the same.
  const bool pin = options->pin != 0 && (options->num_cpus > 0 ? threads <= count : threads == count);
  context->pinned = pin;
  const int64_t spin_ns = (options->spin_us < 0 ? 50 : options->spin_us) * 1000LL;
  if (!context->pool.start(threads, pin ? cpus : nullptr, spin_ns)) {
    ek_unmap(memory, bytes);
    return EK_OUT_OF_MEMORY;
  }
  *result = context;
  return EK_OK;
}

extern "C" void ek_context_destroy(ek_context* context) {
  if (context == nullptr) return;
  context->pool.stop();
  ek_unmap(context, context->mapped_bytes);
}

extern "C" int32_t ek_context_threads(const ek_context* context) {
  return context == nullptr ? EK_INVALID_ARGUMENT : context->pool.threads();
}

extern "C" int32_t ek_context_isa(const ek_context* context) {
  return context == nullptr ? EK_INVALID_ARGUMENT : context->isa;
}

extern "C" int32_t ek_context_set_threads(ek_context* context, int32_t threads) {
  if (context == nullptr || threads < 1 || threads > context->pool.created()) return EK_INVALID_ARGUMENT;
  context->pool.set_threads(threads);
  return EK_OK;
}

extern "C" int32_t ek_context_pin_caller(ek_context* context) {
  if (context == nullptr) return EK_INVALID_ARGUMENT;
  if (!context->pinned) return EK_UNSUPPORTED;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(context->first_cpu, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0 ? EK_OK : EK_UNSUPPORTED;
}
