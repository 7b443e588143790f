/* What stands between the C exports and the managed code behind them. */
#ifndef ENGINE_SHIM_H
#define ENGINE_SHIM_H

#include "engine/engine.h"

typedef struct engine_shim_status {
    int32_t value;
    const char *name;
    const char *message;
} engine_shim_status;

extern const char engine_shim_version[];
extern const char *const engine_shim_features[];
extern const engine_shim_status engine_shim_statuses[];
extern const char engine_shim_layout[];
extern const uint64_t engine_shim_layout_bytes;

/* ENGINE_OK once the runtime runs; ENGINE_E_FORKED in a child of a process that had started it. */
engine_status engine_shim_enter_slow(void);

extern int engine_shim_state;

enum { SHIM_NEW = 0, SHIM_READY = 1, SHIM_FORKED = 2, SHIM_STARTING = 3 };

static inline engine_status engine_shim_enter(void)
{
    if (__builtin_expect(__atomic_load_n(&engine_shim_state, __ATOMIC_ACQUIRE) == SHIM_READY, 1)) {
        return ENGINE_OK;
    }
    return engine_shim_enter_slow();
}

#endif
