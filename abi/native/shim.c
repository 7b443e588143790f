/*
 * Makes the .NET runtime a polite guest. A process that loads libengine may be a Go program (tiny signal
 * stacks), a server that forks, or one with its own SIGPIPE handler; none of that may break.
 */
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

extern void engineimpl__start(void);

int engine_shim_state = SHIM_NEW;

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;

static void ignore_signal(int signal)
{
    (void)signal;
}

static void after_fork_in_child(void)
{
    /* The runtime's threads are gone and its locks may be held: no managed code from here on. A child of
       a process that never used the library is as good as new. */
    if (__atomic_load_n(&engine_shim_state, __ATOMIC_ACQUIRE) != SHIM_NEW) {
        __atomic_store_n(&engine_shim_state, SHIM_FORKED, __ATOMIC_RELEASE);
    }
}

/* The garbage collector interrupts threads with SIGRTMIN. The runtime copies SA_ONSTACK from the handler
   that it finds; without it, the signal would run on a goroutine's few kilobytes of stack. */
__attribute__((constructor)) static void before_anything(void)
{
    struct sigaction found;
    if (sigaction(SIGRTMIN, NULL, &found) == 0 && found.sa_handler == SIG_DFL) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = ignore_signal;
        action.sa_flags = SA_ONSTACK | SA_RESTART;
        sigemptyset(&action.sa_mask);
        sigaction(SIGRTMIN, &action, NULL);
    }
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

engine_status engine_shim_enter_slow(void)
{
    if (__atomic_load_n(&engine_shim_state, __ATOMIC_ACQUIRE) == SHIM_FORKED) {
        return ENGINE_E_FORKED;
    }
    pthread_mutex_lock(&start_lock);
    if (engine_shim_state == SHIM_NEW) {
        struct sigaction host_sigpipe;
        int known = sigaction(SIGPIPE, NULL, &host_sigpipe) == 0;
        __atomic_store_n(&engine_shim_state, SHIM_STARTING, __ATOMIC_RELEASE);
        engineimpl__start();
        if (known) {
            sigaction(SIGPIPE, &host_sigpipe, NULL);
        }
        __atomic_store_n(&engine_shim_state, SHIM_READY, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&start_lock);
    return ENGINE_OK;
}

uint32_t engine_abi_version(void)
{
    return ENGINE_ABI_VERSION;
}

const char *engine_version_string(void)
{
    return engine_shim_version;
}

const char *engine_status_name(int32_t status)
{
    for (const engine_shim_status *row = engine_shim_statuses; row->name; row++) {
        if (row->value == status) {
            return row->name;
        }
    }
    return "ENGINE_E_UNKNOWN";
}

const char *engine_status_message(int32_t status)
{
    for (const engine_shim_status *row = engine_shim_statuses; row->name; row++) {
        if (row->value == status) {
            return row->message;
        }
    }
    return "a status that this library does not know";
}

int32_t engine_has_feature(const char *name)
{
    if (!name) {
        return 0;
    }
    for (const char *const *feature = engine_shim_features; *feature; feature++) {
        if (strcmp(*feature, name) == 0) {
            return 1;
        }
    }
    return 0;
}

engine_status engine_abi_layout_json(char *buffer, uint64_t capacity, uint64_t *length)
{
    if (!length) {
        return ENGINE_E_INVALID_ARGUMENT;
    }
    *length = engine_shim_layout_bytes;
    if (!buffer || capacity < engine_shim_layout_bytes) {
        return ENGINE_E_BUFFER_TOO_SMALL;
    }
    memcpy(buffer, engine_shim_layout, engine_shim_layout_bytes);
    return ENGINE_OK;
}
