/* How libengine behaves as a guest in somebody's process. guest CHECK; exits with 0 if all is well. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <engine/engine.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                  \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

static engine_t *start(const char *model_name)
{
    engine_model *model = NULL;
    engine_t *engine = NULL;
    CHECK(engine_model_load(model_name, strlen(model_name), NULL, &model, NULL) == ENGINE_OK);
    CHECK(engine_create(model, NULL, &engine, NULL) == ENGINE_OK);
    CHECK(engine_model_release(model) == ENGINE_OK);
    return engine;
}

static uint64_t submit(engine_t *engine, const char *json, engine_request **request, int flags)
{
    engine_submit_args args;
    memset(&args, 0, sizeof args);
    args.struct_size = sizeof args;
    args.flags = flags;
    args.json = json;
    args.json_len = strlen(json);
    uint64_t id = 0;
    CHECK(engine_submit(engine, &args, &id, request, NULL) == ENGINE_OK);
    return id;
}

/* Polls until so many requests have ended; returns the number of tokens. */
static int drain(engine_t *engine, int requests)
{
    engine_event events[32];
    int tokens = 0;
    while (requests > 0) {
        uint64_t count = 0;
        events[0].struct_size = sizeof events[0];
        CHECK(engine_poll(engine, 10000, events, 32, &count, NULL) == ENGINE_OK);
        CHECK(count > 0);
        for (uint64_t i = 0; i < count; i++) {
            tokens += events[i].kind == ENGINE_EVENT_TOKEN;
            requests -= events[i].kind == ENGINE_EVENT_FINISHED || events[i].kind == ENGINE_EVENT_FAILED;
        }
    }
    return tokens;
}

static void custom_handler(int signal) { (void)signal; }

/* Nothing but SIGFPE, SIGSEGV and the runtime's own SIGRTMIN may differ afterwards. */
static void check_signals(void)
{
    struct sigaction before[65], after;
    struct sigaction mine;
    memset(&mine, 0, sizeof mine);
    mine.sa_handler = custom_handler;
    CHECK(sigaction(SIGPIPE, &mine, NULL) == 0);
    CHECK(sigaction(SIGINT, &mine, NULL) == 0);
    for (int i = 1; i < 65; i++) {
        if (sigaction(i, NULL, &before[i]) != 0) {
            memset(&before[i], 0, sizeof before[i]);
        }
    }
    engine_t *engine = start("fake:");
    submit(engine, "{\"prompt\":\"x\"}", NULL, 0);
    drain(engine, 1);
    CHECK(engine_release(engine) == ENGINE_OK);
    for (int i = 1; i < 65; i++) {
        if (sigaction(i, NULL, &after) != 0 || i == SIGFPE || i == SIGSEGV || i == SIGRTMIN) {
            continue;
        }
        if (after.sa_handler != before[i].sa_handler || after.sa_flags != before[i].sa_flags) {
            fprintf(stderr, "signal %d has another handler\n", i);
            exit(1);
        }
    }
    CHECK(sigaction(SIGRTMIN, NULL, &after) == 0 && (after.sa_flags & SA_ONSTACK));
}

static void check_fork(void)
{
    /* A fork before first use leaves both sides able to use the library. */
    pid_t early = fork();
    if (early == 0) {
        engine_t *engine = start("fake:");
        submit(engine, "{\"prompt\":\"x\"}", NULL, 0);
        drain(engine, 1);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(early, &status, 0) == early && status == 0);
    engine_t *engine = start("fake:delay_ms=1");
    submit(engine, "{\"prompt\":\"x\",\"max_tokens\":500,\"ignore_eos\":true}", NULL, 0);
    pid_t child = fork();
    if (child == 0) {
        engine_error *err = (engine_error *)1;
        uint64_t count = 0;
        engine_event event;
        event.struct_size = sizeof event;
        int ok = engine_poll(engine, -1, &event, 1, &count, &err) == ENGINE_E_FORKED && err == NULL
            && engine_release(engine) == ENGINE_E_FORKED && engine_init(NULL, NULL) == ENGINE_E_FORKED
            && engine_abi_version() == ENGINE_ABI_VERSION
            && strcmp(engine_status_name(ENGINE_E_FORKED), "ENGINE_E_FORKED") == 0;
        exit(ok ? 0 : 1); /* Runs the atexit handlers too: they must not hang. */
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(drain(engine, 1) == 500);
    CHECK(engine_release(engine) == ENGINE_OK);
}

static void check_release(void)
{
    engine_t *engine = start("fake:");
    engine_request *request = NULL;
    submit(engine, "{\"prompt\":\"x\",\"max_tokens\":4}", &request, 0);
    CHECK(engine_request_release(request) == ENGINE_OK);
    CHECK(engine_request_release(request) == ENGINE_E_INVALID_HANDLE);
    engine_error *err = NULL;
    CHECK(engine_request_cancel(request, &err) == ENGINE_E_INVALID_HANDLE);
    CHECK(engine_error_code(err) == ENGINE_E_INVALID_HANDLE);
    CHECK(strstr(engine_error_message(err), "request") != NULL);
    CHECK(engine_error_release(err) == ENGINE_OK);
    CHECK(engine_error_release(err) == ENGINE_E_INVALID_HANDLE);
    CHECK(engine_error_code(err) == ENGINE_E_INVALID_HANDLE);
    CHECK(engine_release((engine_t *)(void *)request) == ENGINE_E_INVALID_HANDLE);
    CHECK(engine_release((engine_t *)(void *)&engine) == ENGINE_E_INVALID_HANDLE);
    CHECK(engine_release((engine_t *)0x10) == ENGINE_E_INVALID_HANDLE);
    CHECK(engine_release(NULL) == ENGINE_OK);
    drain(engine, 1);
    CHECK(engine_release(engine) == ENGINE_OK);
    CHECK(engine_release(engine) == ENGINE_E_INVALID_HANDLE);
}

static void check_structs(void)
{
    engine_t *engine = start("fake:");
    struct {
        engine_submit_args known;
        uint64_t more;
    } args;
    memset(&args, 0, sizeof args);
    args.known.struct_size = sizeof args;
    args.known.prompt = "x";
    args.known.prompt_len = 1;
    CHECK(engine_submit(engine, &args.known, NULL, NULL, NULL) == ENGINE_OK);
    args.more = 1;
    CHECK(engine_submit(engine, &args.known, NULL, NULL, NULL) == ENGINE_E_UNSUPPORTED);
    args.known.struct_size = 0;
    CHECK(engine_submit(engine, &args.known, NULL, NULL, NULL) == ENGINE_E_INVALID_ARGUMENT);
    /* An old caller's metrics: only the first 16 bytes are written. */
    unsigned char metrics[sizeof(engine_metrics)];
    memset(metrics, 0xAA, sizeof metrics);
    uint32_t size = 16;
    memcpy(metrics, &size, sizeof size);
    CHECK(engine_metrics_snapshot(engine, (engine_metrics *)(void *)metrics, NULL) == ENGINE_OK);
    for (size_t i = 16; i < sizeof metrics; i++) {
        CHECK(metrics[i] == 0xAA);
    }
    /* A newer caller's events: the stride is the caller's and the unknown tail is zero. */
    struct {
        engine_event known;
        uint64_t more;
    } events[8];
    memset(events, 0xAA, sizeof events);
    events[0].known.struct_size = sizeof events[0];
    uint64_t count = 0;
    CHECK(engine_poll(engine, 5000, &events[0].known, 8, &count, NULL) == ENGINE_OK && count > 0);
    CHECK(events[0].more == 0 && events[0].known.kind == ENGINE_EVENT_PROMPT);
    CHECK(engine_release(engine) == ENGINE_OK);
}

static void check_buffers(void)
{
    engine_tokenizer *tokenizer = NULL;
    CHECK(engine_tokenizer_load("fake:", 5, &tokenizer, NULL) == ENGINE_OK);
    uint64_t length = 0;
    CHECK(engine_tokenize(tokenizer, "hello", 5, 0, NULL, 0, &length, NULL) == ENGINE_E_BUFFER_TOO_SMALL);
    CHECK(length == 5);
    for (uint64_t capacity = 0; capacity <= 6; capacity++) {
        int32_t tokens[8];
        memset(tokens, 0xAA, sizeof tokens);
        engine_status status = engine_tokenize(tokenizer, "hello", 5, 0, tokens, capacity, &length, NULL);
        CHECK(status == (capacity < 5 ? ENGINE_E_BUFFER_TOO_SMALL : ENGINE_OK) && length == 5);
        for (int i = capacity < 5 ? 0 : 5; i < 8; i++) {
            CHECK(tokens[i] == (int32_t)0xAAAAAAAA);
        }
    }
    CHECK(engine_tokenize(tokenizer, NULL, 0, 0, NULL, 0, &length, NULL) == ENGINE_OK && length == 0);
    CHECK(engine_tokenize(tokenizer, NULL, 3, 0, NULL, 0, &length, NULL) == ENGINE_E_INVALID_ARGUMENT);
    CHECK(engine_tokenizer_release(tokenizer) == ENGINE_OK);
}

static void check_fd(void)
{
    engine_t *engine = start("fake:");
    int32_t fd = -1;
    CHECK(engine_fd(engine, &fd, NULL) == ENGINE_OK);
    struct pollfd waiting = {fd, POLLIN, 0};
    CHECK(poll(&waiting, 1, 0) == 0);
    submit(engine, "{\"prompt\":\"x\",\"max_tokens\":3}", NULL, 0);
    CHECK(poll(&waiting, 1, 5000) == 1);
    drain(engine, 1);
    CHECK(poll(&waiting, 1, 50) == 0);
    CHECK(engine_wake(engine, NULL) == ENGINE_OK);
    CHECK(poll(&waiting, 1, 0) == 1);
    CHECK(engine_release(engine) == ENGINE_OK);
}

static void *poll_for_ever(void *engine)
{
    engine_event event;
    uint64_t count = 0;
    event.struct_size = sizeof event;
    return (void *)(intptr_t)engine_poll((engine_t *)engine, -1, &event, 1, &count, NULL);
}

static void check_release_while_polling(void)
{
    engine_t *engine = start("fake:");
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, poll_for_ever, engine) == 0);
    usleep(50000);
    CHECK(engine_release(engine) == ENGINE_OK);
    void *status = NULL;
    CHECK(pthread_join(thread, &status) == 0);
    CHECK((intptr_t)status == ENGINE_E_SHUTTING_DOWN);
}

static void check_shutdown(void)
{
    engine_t *engine = start("fake:delay_ms=2");
    submit(engine, "{\"prompt\":\"x\",\"max_tokens\":2000,\"ignore_eos\":true}", NULL, 0);
    CHECK(engine_shutdown(0, NULL) == ENGINE_E_TIMEOUT);
    engine_status again = engine_shutdown(0, NULL);
    CHECK(again == ENGINE_OK || again == ENGINE_E_TIMEOUT);
    drain(engine, 1); /* The terminal event comes all the same. */
    engine_submit_args args;
    memset(&args, 0, sizeof args);
    args.struct_size = sizeof args;
    args.prompt = "x";
    args.prompt_len = 1;
    CHECK(engine_submit(engine, &args, NULL, NULL, NULL) == ENGINE_E_SHUTTING_DOWN);
    CHECK(engine_release(engine) == ENGINE_OK);
    engine = start("fake:");
    submit(engine, "{\"prompt\":\"x\"}", NULL, 0);
    drain(engine, 1);
    CHECK(engine_release(engine) == ENGINE_OK);
}

static void check_exit(void)
{
    engine_t *engine = start("fake:delay_ms=1");
    for (int i = 0; i < 8; i++) {
        submit(engine, "{\"prompt\":\"x\",\"max_tokens\":3000,\"ignore_eos\":true}", NULL, 0);
    }
    usleep(20000);
    exit(0); /* Live requests, no release. */
}

static void check_dlclose(void)
{
    void *library = dlopen("libengine.so.0", RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
    engine_t *engine = start("fake:");
    submit(engine, "{\"prompt\":\"x\"}", NULL, 0);
    CHECK(dlclose(library) == 0);
    drain(engine, 1);
    CHECK(engine_release(engine) == ENGINE_OK);
}

#include "guest_pooling.h"

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } checks[] = {
        {"signals", check_signals}, {"fork", check_fork}, {"release", check_release},
        {"structs", check_structs}, {"buffers", check_buffers}, {"fd", check_fd},
        {"release-while-polling", check_release_while_polling}, {"shutdown", check_shutdown},
        {"exit", check_exit}, {"dlclose", check_dlclose}, {"pooling", check_pooling},
    };
    for (size_t i = 0; argc > 1 && i < sizeof checks / sizeof checks[0]; i++) {
        if (strcmp(argv[1], checks[i].name) == 0) {
            checks[i].run();
            return 0;
        }
    }
    return 2;
}
