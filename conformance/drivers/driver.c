/*
 * The C driver: reads steps from stdin, one per line, tab-separated
 *     case  step  op  model  engine-json  body-json  data
 * and writes what happened to stdout, one JSON object per line. See ../README.md.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <engine/engine.h>

enum { MAX_OUTPUTS = 8, MAX_REQUESTS = 128, EVENTS = 64 };

typedef struct text {
    char *data;
    size_t length;
} text;

typedef struct output {
    text tokens, text, logprobs;
    const char *finish;
    text stop;
} output;

typedef struct result {
    text prompt_tokens, prompt_logprobs;
    output outputs[MAX_OUTPUTS];
    int num_outputs, num_tokens, terminals, done;
    engine_status status;
    text parameter;
} result;

static void add(text *t, const char *data, size_t length)
{
    t->data = realloc(t->data, t->length + length + 1);
    memcpy(t->data + t->length, data, length);
    t->length += length;
    t->data[t->length] = 0;
}

static void addf(text *t, const char *format, double a, double b, double c)
{
    char line[128];
    int length = snprintf(line, sizeof line, format, a, b, c);
    add(t, line, (size_t)length);
}

static void add_separated(text *t, const char *format, double a, double b, double c)
{
    if (t->length) {
        add(t, ",", 1);
    }
    addf(t, format, a, b, c);
}

static void print_string(const char *data, size_t length)
{
    putchar('"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < 0x20) {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static const char *or_empty(const text *t) { return t->data ? t->data : ""; }

/* The engine of the last line, kept while the next lines use the same. */
static char *current_model, *current_limits;
static engine_model *model;
static engine_t *engine;

static engine_status fail(engine_status status, engine_error *err, text *parameter)
{
    const char *name = engine_error_parameter(err);
    if (name) {
        add(parameter, name, strlen(name));
    }
    engine_error_release(err);
    return status;
}

static void close_engine(void)
{
    engine_release(engine);
    engine_model_release(model);
    engine = NULL;
    model = NULL;
    free(current_model);
    free(current_limits);
    current_model = current_limits = NULL;
}

static engine_status open_engine(const char *name, const char *limits, text *parameter)
{
    if (current_model && strcmp(current_model, name) == 0 && strcmp(current_limits, limits) == 0) {
        return ENGINE_OK;
    }
    close_engine();
    engine_error *err = NULL;
    engine_params *params = NULL;
    engine_status status =
        engine_params_from_json(ENGINE_PARAMS_ENGINE, limits, strlen(limits), &params, &err);
    if (status >= 0) {
        status = engine_model_load(name, strlen(name), NULL, &model, &err);
    }
    if (status >= 0) {
        status = engine_create(model, params, &engine, &err);
    }
    engine_params_release(params);
    if (status < 0) {
        close_engine();
        return fail(status, err, parameter);
    }
    current_model = strdup(name);
    current_limits = strdup(limits);
    return ENGINE_OK;
}

static void take_logprobs(text *target, const engine_logprob *entries, uint64_t count)
{
    add(target, target->length ? ",[" : "[", target->length ? 2 : 1);
    for (uint64_t i = 0; i < count; i++) {
        if (i) {
            add(target, ",", 1);
        }
        addf(target, "[%.0f,%.6f,%.0f]", entries[i].token, entries[i].logprob, entries[i].rank);
    }
    add(target, "]", 1);
}

static void take_event(result *r, const engine_event *e)
{
    output *o = &r->outputs[e->output_index < MAX_OUTPUTS ? e->output_index : 0];
    if (e->output_index >= r->num_outputs) {
        r->num_outputs = e->output_index + 1;
    }
    switch (e->kind) {
    case ENGINE_EVENT_PROMPT:
        for (uint64_t i = 0; i < e->tokens_len; i++) {
            add_separated(&r->prompt_tokens, "%.0f", e->tokens[i], 0, 0);
        }
        for (uint64_t i = 0, at = 0; e->logprob_counts && i < e->tokens_len; i++) {
            take_logprobs(&r->prompt_logprobs, e->logprobs + at, (uint64_t)e->logprob_counts[i]);
            at += (uint64_t)e->logprob_counts[i];
        }
        break;
    case ENGINE_EVENT_TOKEN:
        r->num_tokens++;
        add_separated(&o->tokens, "%.0f", e->token, 0, 0);
        add(&o->text, e->text_len ? e->text : "", e->text_len);
        if (e->logprobs_len) {
            take_logprobs(&o->logprobs, e->logprobs, e->logprobs_len);
        }
        break;
    case ENGINE_EVENT_OUTPUT_FINISHED:
        add(&o->text, e->text_len ? e->text : "", e->text_len);
        o->finish = e->finish_reason == ENGINE_FINISH_STOP ? "stop"
            : e->finish_reason == ENGINE_FINISH_LENGTH     ? "length"
            : e->finish_reason == ENGINE_FINISH_ABORT      ? "abort"
                                                           : "error";
        if (e->stop_text) {
            add(&o->stop, e->stop_text, e->stop_text_len);
        }
        break;
    case ENGINE_EVENT_FAILED:
        r->status = e->status;
        if (e->parameter) {
            add(&r->parameter, e->parameter, strlen(e->parameter));
        }
        r->terminals++;
        r->done = 1;
        break;
    case ENGINE_EVENT_FINISHED:
        r->terminals++;
        r->done = 1;
        break;
    default:
        break;
    }
}

static void submit(const char *body, uint64_t tag, int flags, const int32_t *tokens, uint64_t count,
                   engine_request **request, result *r)
{
    engine_submit_args args;
    memset(&args, 0, sizeof args);
    args.struct_size = sizeof args;
    args.flags = flags;
    args.user_tag = tag;
    args.json = body;
    args.json_len = strlen(body);
    args.tokens = tokens;
    args.tokens_len = count;
    engine_error *err = NULL;
    r->status = engine_submit(engine, &args, NULL, request, &err);
    if (r->status < 0) {
        fail(r->status, err, &r->parameter);
        r->done = 1;
    }
}

/* Polls the shared queue until all of the requests have ended; tags are indices. */
static void collect(result *results, int count, engine_request *cancel, int after)
{
    engine_event events[EVENTS];
    for (int open = 1; open;) {
        uint64_t n = 0;
        events[0].struct_size = sizeof events[0];
        if (engine_poll(engine, 30000, events, EVENTS, &n, NULL) < 0 || n == 0) {
            fprintf(stderr, "no event for 30 s\n");
            exit(3);
        }
        for (uint64_t i = 0; i < n; i++) {
            if (events[i].user_tag < (uint64_t)count) {
                take_event(&results[events[i].user_tag], &events[i]);
            }
        }
        if (cancel && results[0].num_tokens >= after) {
            engine_request_cancel(cancel, NULL);
        }
        open = 0;
        for (int i = 0; i < count; i++) {
            open |= !results[i].done;
        }
    }
}

static void collect_own(result *r, engine_request *request)
{
    engine_event events[EVENTS];
    while (!r->done) {
        uint64_t n = 0;
        events[0].struct_size = sizeof events[0];
        if (engine_request_poll(request, 30000, events, EVENTS, &n, NULL) < 0 || n == 0) {
            fprintf(stderr, "no event for 30 s\n");
            exit(3);
        }
        for (uint64_t i = 0; i < n; i++) {
            take_event(r, &events[i]);
        }
    }
}

static void print_status(engine_status status, const text *parameter)
{
    printf(",\"status\":\"%s\"", engine_status_name(status < 0 ? status : ENGINE_OK));
    if (parameter->length) {
        printf(",\"parameter\":");
        print_string(parameter->data, parameter->length);
    }
}

static void print_result(const result *r)
{
    print_status(r->status, &r->parameter);
    if (r->status < 0) {
        return;
    }
    printf(",\"prompt_tokens\":[%s]", or_empty(&r->prompt_tokens));
    if (r->prompt_logprobs.length) {
        printf(",\"prompt_logprobs\":[%s]", r->prompt_logprobs.data);
    }
    printf(",\"outputs\":[");
    for (int i = 0; i < r->num_outputs; i++) {
        const output *o = &r->outputs[i];
        printf("%s{\"tokens\":[%s],\"text\":", i ? "," : "", or_empty(&o->tokens));
        print_string(or_empty(&o->text), o->text.length);
        printf(",\"finish\":\"%s\"", o->finish ? o->finish : "");
        if (o->stop.length) {
            printf(",\"stop\":");
            print_string(o->stop.data, o->stop.length);
        }
        if (o->logprobs.length) {
            printf(",\"logprobs\":[%s]", o->logprobs.data);
        }
        putchar('}');
    }
    putchar(']');
}

static void free_result(result *r)
{
    free(r->prompt_tokens.data);
    free(r->prompt_logprobs.data);
    free(r->parameter.data);
    for (int i = 0; i < MAX_OUTPUTS; i++) {
        free(r->outputs[i].tokens.data);
        free(r->outputs[i].text.data);
        free(r->outputs[i].logprobs.data);
        free(r->outputs[i].stop.data);
    }
}

#include "driver_pool.h"
#include "driver_ops.h"

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        char *field[7], *rest = line;
        line[strcspn(line, "\n")] = 0;
        for (int i = 0; i < 7; i++) {
            field[i] = strsep(&rest, "\t");
        }
        printf("{\"case\":\"%s\",\"step\":%s,\"op\":\"%s\"", field[0], field[1], field[2]);
        run_step(field[2], field[3], field[4], field[5], field[6]);
        printf("}\n");
        fflush(stdout);
    }
    free(line);
    close_pooler();
    close_engine();
    return 0;
}
