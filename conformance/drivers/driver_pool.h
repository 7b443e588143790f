/* Pooling ops of the C driver; included by driver.c. */

enum { MAX_TEXTS = 512 };

/* The pooler of the last line, kept while the next lines use the same. */
static char *pooler_model, *pooler_limits;
static engine_pooler *pooler;

static void close_pooler(void)
{
    engine_pooler_release(pooler);
    free(pooler_model);
    free(pooler_limits);
    pooler = NULL;
    pooler_model = pooler_limits = NULL;
}

static engine_status open_pooler(const char *name, const char *limits, text *parameter)
{
    if (pooler_model && strcmp(pooler_model, name) == 0 && strcmp(pooler_limits, limits) == 0) {
        return ENGINE_OK;
    }
    close_pooler();
    engine_error *err = NULL;
    engine_params *params = NULL;
    engine_model *loaded = NULL;
    engine_status status = engine_params_from_json(ENGINE_PARAMS_ENGINE, limits, strlen(limits), &params, &err);
    if (status >= 0) {
        status = engine_model_load(name, strlen(name), NULL, &loaded, &err);
    }
    if (status >= 0) {
        status = engine_pooler_create(loaded, params, &pooler, &err);
    }
    engine_params_release(params);
    engine_model_release(loaded);
    if (status < 0) {
        return fail(status, err, parameter);
    }
    pooler_model = strdup(name);
    pooler_limits = strdup(limits);
    return ENGINE_OK;
}

/* Texts and ids in place: "t" and hexadecimal, after a comma the second text; or "i" and ids with commas. */
static void read_input(char *field, engine_pooling_input *input)
{
    char kind = *field++;
    if (kind == 'i') {
        int32_t *ids = malloc((strlen(field) + 1) * sizeof *ids);
        input->tokens = ids;
        for (char *part = strsep(&field, ","); part; part = strsep(&field, ",")) {
            if (*part) {
                ids[input->tokens_len++] = atoi(part);
            }
        }
        return;
    }
    for (int second = 0; field; second = 1) {
        char *hex = strsep(&field, ","), *data = hex;
        uint64_t length = strlen(hex) / 2;
        for (uint64_t i = 0; i < length; i++) {
            unsigned byte = 0;
            sscanf(hex + 2 * i, "%2x", &byte);
            data[i] = (char)byte;
        }
        *(second ? &input->pair : &input->text) = data;
        *(second ? &input->pair_len : &input->text_len) = length;
    }
}

static engine_pooling_task task_of(const char *name)
{
    return strcmp(name, "classify") == 0      ? ENGINE_POOLING_CLASSIFY
           : strcmp(name, "score") == 0       ? ENGINE_POOLING_SCORE
           : strcmp(name, "token_embed") == 0 ? ENGINE_POOLING_TOKEN_EMBED
                                              : ENGINE_POOLING_EMBED;
}

static void print_pooled(const engine_pooling_result *result)
{
    printf("{\"rows\":%d,\"columns\":%d,\"tokens\":[", result->rows, result->columns);
    for (uint64_t i = 0; i < result->tokens_len; i++) {
        printf("%s%d", i ? "," : "", result->tokens[i]);
    }
    printf("],\"values\":[");
    for (int64_t i = 0; i < (int64_t)result->rows * result->columns; i++) {
        printf("%s%.7g", i ? "," : "", (double)result->values[i]);
    }
    printf("]}");
}

static void print_results(engine_pooling *pooling, uint64_t count)
{
    engine_pooling_result result;
    engine_error *err = NULL;
    text parameter = {0};
    result.struct_size = sizeof result;
    /* The failure of one text alone is the step's. */
    engine_status status = engine_pooling_get_result(pooling, 0, &result, &err);
    if (status < 0 && count == 1) {
        print_status(fail(status, err, &parameter), &parameter);
        free(parameter.data);
        return;
    }
    engine_error_release(err);
    print_status(ENGINE_OK, &parameter);
    printf(",\"results\":[");
    for (uint64_t i = 0; i < count; i++) {
        printf("%s", i ? "," : "");
        err = NULL;
        status = engine_pooling_get_result(pooling, i, &result, &err);
        if (status < 0) {
            printf("{\"error\":\"%s\"}", engine_status_name(status));
            engine_error_release(err);
        } else {
            print_pooled(&result);
        }
    }
    printf("]");
}

/* data is the task and the inputs; "pool_cancel" ends them at once and says how many have ended. */
static void op_pool(const char *op, const char *name, const char *limits, const char *settings, char *data)
{
    static engine_pooling_input inputs[MAX_TEXTS];
    memset(inputs, 0, sizeof inputs);
    text parameter = {0};
    engine_error *err = NULL;
    engine_pooling *pooling = NULL;
    engine_pooling_args args;
    memset(&args, 0, sizeof args);
    args.struct_size = sizeof args;
    args.task = task_of(strsep(&data, " "));
    args.json = settings;
    args.json_len = strlen(settings);
    args.inputs = inputs;
    inputs[0].struct_size = sizeof inputs[0];
    while (data && args.inputs_len < MAX_TEXTS) {
        read_input(strsep(&data, " "), &inputs[args.inputs_len++]);
    }
    engine_status status = open_pooler(name, limits, &parameter);
    if (status >= 0) {
        status = engine_pooler_submit(pooler, &args, &pooling, &err);
        status = status < 0 ? fail(status, err, &parameter) : status;
    }
    uint64_t ended = 0;
    if (status < 0) {
        print_status(status, &parameter);
    } else if (strcmp(op, "pool_cancel") == 0) {
        engine_pooling_cancel(pooling, NULL);
        engine_pooling_cancel(pooling, NULL);
        status = engine_pooling_wait(pooling, 30000, &ended, NULL);
        print_status(status, &parameter);
        printf(",\"ended\":%d", (int)ended);
    } else if (engine_pooling_wait(pooling, 30000, &ended, NULL) < 0 || ended != args.inputs_len) {
        fprintf(stderr, "texts have not ended after 30 s\n");
        exit(3);
    } else {
        print_results(pooling, args.inputs_len);
    }
    engine_pooling_release(pooling);
    for (uint64_t i = 0; i < args.inputs_len; i++) {
        free((void *)inputs[i].tokens);
    }
    free(parameter.data);
}
