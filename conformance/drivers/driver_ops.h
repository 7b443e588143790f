/* The ops of the C driver; included by driver.c. */

static void op_generate(const char *body, int own_queue)
{
    result r = {0};
    engine_request *request = NULL;
    submit(body, 0, own_queue ? ENGINE_SUBMIT_OWN_QUEUE : 0, NULL, 0, own_queue ? &request : NULL, &r);
    if (!r.done && own_queue) {
        collect_own(&r, request);
    } else if (!r.done) {
        collect(&r, 1, NULL, 0);
    }
    engine_request_release(request);
    print_result(&r);
    free_result(&r);
}

static void op_cancel(const char *body, int after)
{
    result r = {0};
    engine_request *request = NULL;
    submit(body, 0, 0, NULL, 0, &request, &r);
    if (!r.done && after == 0) {
        engine_request_cancel(request, NULL);
    }
    if (!r.done) {
        collect(&r, 1, request, after);
    }
    engine_request_cancel(request, NULL);
    engine_request_release(request);
    print_status(r.status, &r.parameter);
    printf(",\"finish\":\"%s\",\"terminals\":%d", r.num_outputs ? r.outputs[0].finish : "abort", r.terminals);
    free_result(&r);
}

static void op_cancel_finished(const char *body)
{
    result r = {0};
    engine_request *request = NULL;
    submit(body, 0, 0, NULL, 0, &request, &r);
    collect(&r, 1, NULL, 0);
    engine_status first = engine_request_cancel(request, NULL);
    engine_status second = engine_request_cancel(request, NULL);
    engine_request_release(request);
    text none = {0};
    print_status(first < 0 ? first : second, &none);
    printf(",\"finish\":\"%s\",\"terminals\":%d", r.outputs[0].finish, r.terminals);
    free_result(&r);
}

static void op_many(const char *body, int count)
{
    static result results[MAX_REQUESTS];
    memset(results, 0, sizeof results);
    for (int i = 0; i < count; i++) {
        submit(body, (uint64_t)i, 0, NULL, 0, NULL, &results[i]);
    }
    collect(results, count, NULL, 0);
    int same = 1;
    for (int i = 1; i < count; i++) {
        same &= strcmp(or_empty(&results[i].outputs[0].text), or_empty(&results[0].outputs[0].text)) == 0;
    }
    print_result(&results[0]);
    printf(",\"count\":%d,\"same\":%s", count, same ? "true" : "false");
    for (int i = 0; i < count; i++) {
        free_result(&results[i]);
    }
}

static engine_status open_tokenizer(const char *name, engine_tokenizer **tokenizer, text *parameter)
{
    engine_error *err = NULL;
    engine_status status = engine_tokenizer_load(name, strlen(name), tokenizer, &err);
    return status < 0 ? fail(status, err, parameter) : status;
}

static void op_tokenize(const char *name, const char *data)
{
    engine_tokenizer *tokenizer = NULL;
    text parameter = {0}, input = {0};
    engine_status status = open_tokenizer(name, &tokenizer, &parameter);
    for (const char *hex = data + 2; hex[0] && hex[1]; hex += 2) {
        unsigned byte = 0;
        sscanf(hex, "%2x", &byte);
        char c = (char)byte;
        add(&input, &c, 1);
    }
    uint64_t length = 0;
    int flags = data[0] == '1' ? ENGINE_TEXT_ADD_SPECIAL : 0;
    engine_error *err = NULL;
    int32_t *tokens = calloc(input.length + 16, sizeof *tokens);
    if (status >= 0) {
        status = engine_tokenize(tokenizer, or_empty(&input), input.length, flags, tokens, input.length + 16,
                                 &length, &err);
    }
    print_status(status < 0 ? fail(status, err, &parameter) : status, &parameter);
    printf(",\"tokens\":[");
    for (uint64_t i = 0; status >= 0 && i < length; i++) {
        printf("%s%d", i ? "," : "", tokens[i]);
    }
    printf("]");
    engine_tokenizer_release(tokenizer);
    free(tokens);
    free(input.data);
    free(parameter.data);
}

static void op_detokenize(const char *name, char *data)
{
    engine_tokenizer *tokenizer = NULL;
    text parameter = {0};
    engine_status status = open_tokenizer(name, &tokenizer, &parameter);
    int32_t tokens[256];
    uint64_t count = 0, length = 0;
    for (char *part = strtok(data, ","); part && count < 256; part = strtok(NULL, ",")) {
        tokens[count++] = atoi(part);
    }
    char buffer[4096];
    engine_error *err = NULL;
    if (status >= 0) {
        status = engine_detokenize(tokenizer, tokens, count, 0, buffer, sizeof buffer, &length, &err);
    }
    print_status(status < 0 ? fail(status, err, &parameter) : status, &parameter);
    if (status >= 0) {
        printf(",\"text\":");
        print_string(buffer, length);
    }
    engine_tokenizer_release(tokenizer);
    free(parameter.data);
}

static engine_status print_deltas(engine_status status, engine_error *err, engine_json *json, text *parameter)
{
    const char *deltas = "[]";
    uint64_t length = 2;
    if (status < 0) {
        return fail(status, err, parameter);
    }
    engine_json_text(json, &deltas, &length, NULL);
    printf("%.*s", (int)length, deltas);
    engine_json_release(json);
    return status;
}

/* data is the size of the pieces and the text, in hexadecimal. */
static void op_chat_parse(const char *body, const char *data)
{
    text parameter = {0}, input = {0};
    engine_chat_parser *parser = NULL;
    engine_error *err = NULL;
    engine_json *json = NULL;
    uint64_t size = strtoull(data, NULL, 10);
    engine_status status = engine_chat_parser_create(body, strlen(body), &parser, &err);
    if (status < 0) {
        print_status(fail(status, err, &parameter), &parameter);
        free(parameter.data);
        return;
    }
    for (const char *hex = strchr(data, ' ') + 1; hex[0] && hex[1]; hex += 2) {
        unsigned byte = 0;
        sscanf(hex, "%2x", &byte);
        char c = (char)byte;
        add(&input, &c, 1);
    }
    printf(",\"deltas\":[");
    for (uint64_t at = 0; status >= 0 && at < input.length; at += size) {
        uint64_t count = input.length - at < size ? input.length - at : size;
        status = engine_chat_parser_feed(parser, input.data + at, count, &json, &err);
        status = print_deltas(status, err, json, &parameter);
        printf(",");
    }
    status = engine_chat_parser_finish(parser, &json, &err);
    status = print_deltas(status, err, json, &parameter);
    printf("]");
    print_status(status, &parameter);
    engine_chat_parser_release(parser);
    free(input.data);
    free(parameter.data);
}

static void op_chat_template(const char *name, const char *body)
{
    char buffer[8192];
    text parameter = {0};
    engine_tokenizer *tokenizer = NULL;
    engine_status status = open_tokenizer(name, &tokenizer, &parameter);
    uint64_t length = 0;
    engine_error *err = NULL;
    if (status >= 0) {
        status = engine_chat_template_apply(tokenizer, body, strlen(body), buffer, sizeof buffer, &length, &err);
        status = status < 0 ? fail(status, err, &parameter) : status;
    }
    print_status(status, &parameter);
    if (status >= 0) {
        printf(",\"text\":");
        print_string(buffer, length);
    }
    engine_tokenizer_release(tokenizer);
    free(parameter.data);
}

static engine_status chat_tokens(const char *name, const char *body, int32_t *tokens, uint64_t capacity,
                                 uint64_t *length, text *parameter)
{
    engine_tokenizer *tokenizer = NULL;
    engine_status status = open_tokenizer(name, &tokenizer, parameter);
    engine_error *err = NULL;
    if (status >= 0) {
        status = engine_chat_tokenize(tokenizer, body, strlen(body), tokens, capacity, length, &err);
        status = status < 0 ? fail(status, err, parameter) : status;
    }
    engine_tokenizer_release(tokenizer);
    return status;
}

static void op_chat_tokenize(const char *name, const char *body)
{
    int32_t tokens[4096];
    uint64_t length = 0;
    text parameter = {0};
    engine_status status = chat_tokens(name, body, tokens, 4096, &length, &parameter);
    print_status(status, &parameter);
    for (uint64_t i = 0; status >= 0 && i < length; i++) {
        printf("%s%d", i ? "," : ",\"tokens\":[", tokens[i]);
    }
    printf("%s", status >= 0 ? "]" : "");
    free(parameter.data);
}

/* data holds the sampling settings; the body is the conversation. */
static void op_chat(const char *name, const char *body, const char *sampling)
{
    int32_t tokens[4096];
    uint64_t length = 0;
    result r = {0};
    r.status = chat_tokens(name, body, tokens, 4096, &length, &r.parameter);
    if (r.status >= 0) {
        submit(sampling, 0, 0, tokens, length, NULL, &r);
    }
    if (r.status >= 0) {
        collect(&r, 1, NULL, 0);
    }
    print_result(&r);
    free_result(&r);
}

static void op_lifecycle(const char *op, const char *name, const char *body)
{
    text none = {0};
    engine_model *m = NULL;
    engine_t *e = NULL, *kept = engine;
    engine_status status = engine_model_load(name, strlen(name), NULL, &m, NULL);
    if (strcmp(op, "zero_buffers") == 0) {
        engine_tokenizer *t = NULL;
        uint64_t length = 7;
        engine_model_tokenizer(m, &t, NULL);
        status = engine_tokenize(t, "abc", 3, 0, NULL, 0, &length, NULL);
        status = status == ENGINE_E_BUFFER_TOO_SMALL && length == 3 ? ENGINE_E_BUFFER_TOO_SMALL : ENGINE_E_INTERNAL;
        engine_tokenizer_release(t);
        engine_model_release(m);
        print_status(status, &none);
        return;
    }
    status = engine_create(m, NULL, &e, NULL);
    if (strcmp(op, "double_release") == 0) {
        engine_release(e);
        status = engine_release(e);
        engine_model_release(m);
        print_status(engine_model_release(m) == status ? status : ENGINE_E_INTERNAL, &none);
        return;
    }
    if (strcmp(op, "use_after_release") == 0) {
        engine_release(e);
        engine_model_release(m);
        print_status(engine_health(e, NULL), &none);
        return;
    }
    if (strcmp(op, "oversized_struct") == 0) {
        struct {
            engine_submit_args known;
            uint64_t more;
        } args;
        memset(&args, 0, sizeof args);
        args.known.struct_size = sizeof args;
        args.known.prompt = "x";
        args.known.prompt_len = 1;
        args.more = 1;
        print_status(engine_submit(e, &args.known, NULL, NULL, NULL), &none);
        engine_release(e);
        engine_model_release(m);
        return;
    }
    if (strcmp(op, "reload") == 0) {
        engine_release(e);
        engine_model_release(m);
        engine_model_load(name, strlen(name), NULL, &m, NULL);
        engine_create(m, NULL, &e, NULL);
    }
    engine_t *second = NULL;
    if (strcmp(op, "two_engines") == 0) {
        engine_create(m, NULL, &second, NULL);
    }
    engine_model_release(m);
    engine = e;
    op_generate(body, 0);
    engine = kept;
    engine_release(e);
    engine_release(second);
}

/* data is the level and the mode. */
static void op_sleep(const char *body, const char *data)
{
    int32_t asleep = -1, awake = -1;
    const char *name = strchr(data, ' ') + 1;
    engine_sleep_mode mode = strcmp(name, "wait") == 0 ? ENGINE_SLEEP_WAIT
        : strcmp(name, "keep") == 0                    ? ENGINE_SLEEP_KEEP
                                                       : ENGINE_SLEEP_ABORT;
    text parameter = {0};
    engine_error *err = NULL;
    engine_status status = engine_sleep(engine, atoi(data), mode, -1, &err);
    if (status >= 0) {
        status = engine_sleep_level(engine, &asleep, &err);
    }
    if (status >= 0) {
        status = engine_wake_up(engine, 0, &err);
    }
    if (status >= 0) {
        status = engine_sleep_level(engine, &awake, &err);
    }
    if (status < 0) {
        print_status(fail(status, err, &parameter), &parameter);
        free(parameter.data);
        return;
    }
    op_generate(body, 0);
    printf(",\"levels\":[%d,%d]", asleep, awake);
}

static int is_lifecycle(const char *op)
{
    static const char *const ops[] = {"double_release", "use_after_release", "model_first", "two_engines",
                                      "reload", "oversized_struct", "zero_buffers"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(op, ops[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static void run_step(const char *op, const char *name, const char *limits, const char *body, char *data)
{
    text parameter = {0};
    if (strcmp(op, "tokenize") == 0) {
        op_tokenize(name, data);
    } else if (strcmp(op, "detokenize") == 0) {
        op_detokenize(name, data);
    } else if (strcmp(op, "chat_template") == 0) {
        op_chat_template(name, body);
    } else if (strcmp(op, "chat_tokenize") == 0) {
        op_chat_tokenize(name, body);
    } else if (strncmp(op, "pool", 4) == 0) {
        op_pool(op, name, limits, body, data);
    } else if (strcmp(op, "chat_parse") == 0) {
        op_chat_parse(body, data);
    } else if (is_lifecycle(op)) {
        op_lifecycle(op, name, body);
    } else {
        engine_status status = open_engine(name, limits, &parameter);
        if (status < 0 || strcmp(op, "load") == 0) {
            print_status(status, &parameter);
        } else if (strcmp(op, "generate") == 0 || strcmp(op, "stream") == 0) {
            op_generate(body, op[0] == 's');
        } else if (strcmp(op, "cancel") == 0) {
            op_cancel(body, atoi(data));
        } else if (strcmp(op, "cancel_finished") == 0) {
            op_cancel_finished(body);
        } else if (strcmp(op, "sleep") == 0) {
            op_sleep(body, data);
        } else if (strcmp(op, "many") == 0) {
            op_many(body, atoi(data));
        } else if (strcmp(op, "chat") == 0) {
            op_chat(name, body, data);
        } else {
            printf(",\"status\":\"UNKNOWN_OP\"");
        }
    }
    free(parameter.data);
}
