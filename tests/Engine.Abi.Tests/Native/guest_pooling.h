/* How poolers behave at the edges; included by guest.c. ROOT names the repository. */

static engine_pooler *start_pooler(const char *name, engine_model **model)
{
    char path[4096];
    engine_pooler *pooler = NULL;
    engine_model *loaded = NULL;
    snprintf(path, sizeof path, "%s/tests/data/encoders/%s", getenv("ROOT") ? getenv("ROOT") : ".", name);
    CHECK(engine_model_load(path, strlen(path), NULL, &loaded, NULL) == ENGINE_OK);
    CHECK(engine_pooler_create(loaded, NULL, &pooler, NULL) == ENGINE_OK);
    if (model) {
        *model = loaded;
    } else {
        CHECK(engine_model_release(loaded) == ENGINE_OK);
    }
    return pooler;
}

static engine_status submit_texts(engine_pooler *pooler, const char *const *texts, uint64_t count,
                                  engine_pooling **pooling)
{
    static engine_pooling_input inputs[2048];
    engine_pooling_args args;
    memset(&args, 0, sizeof args);
    memset(inputs, 0, sizeof inputs);
    args.struct_size = sizeof args;
    args.inputs = inputs;
    args.inputs_len = count;
    inputs[0].struct_size = sizeof inputs[0];
    for (uint64_t i = 0; i < count && i < 2048; i++) {
        inputs[i].text = texts[i % 2];
        inputs[i].text_len = strlen(texts[i % 2]);
    }
    return engine_pooler_submit(pooler, &args, pooling, NULL);
}

static void *release_soon(void *pooling)
{
    usleep(5000);
    CHECK(engine_pooling_release(pooling) == ENGINE_OK);
    return NULL;
}

static void check_pooling(void)
{
    static const char *const texts[] = {"city", "a river in the mountains, with \xff in it"};
    engine_model *model = NULL;
    engine_t *engine = NULL;
    engine_pooling *pooling = NULL;
    engine_pooler *pooler = start_pooler("qwen3-embed", &model);
    engine_pooler_info info = {.struct_size = sizeof info};
    engine_model_info known = {.struct_size = sizeof known};
    engine_pooling_result result = {.struct_size = sizeof result};
    uint64_t ended = 0, length = 0;
    int32_t fd = -1;
    char label[8];

    CHECK(engine_model_get_info(model, &known, NULL) == ENGINE_OK && known.is_pooling == 1);
    CHECK(engine_create(model, NULL, &engine, NULL) == ENGINE_E_UNSUPPORTED && !engine);
    CHECK(engine_model_release(model) == ENGINE_OK);
    CHECK(engine_pooler_get_info(pooler, &info, NULL) == ENGINE_OK && info.embeds == 1 && info.dimensions == 64);
    CHECK(engine_pooler_label(pooler, 0, label, sizeof label, &length, NULL) == ENGINE_E_NOT_FOUND);
    CHECK(submit_texts(pooler, texts, 0, &pooling) == ENGINE_E_INVALID_ARGUMENT && !pooling);

    /* Results live as long as the pooling, which outlives the pooler's handle. */
    CHECK(submit_texts(pooler, texts, 2, &pooling) == ENGINE_OK);
    CHECK(engine_pooling_fd(pooling, &fd, NULL) == ENGINE_OK);
    struct pollfd waits = {.fd = fd, .events = POLLIN};
    CHECK(poll(&waits, 1, 30000) == 1);
    CHECK(engine_pooling_wait(pooling, 0, &ended, NULL) == ENGINE_OK && ended == 2);
    CHECK(engine_pooling_get_result(pooling, 2, &result, NULL) == ENGINE_E_INVALID_ARGUMENT);
    CHECK(engine_pooling_get_result(pooling, 1, &result, NULL) == ENGINE_OK);
    CHECK(result.rows == 1 && result.columns == 64 && result.tokens_len > 20);
    CHECK(engine_pooling_cancel(pooling, NULL) == ENGINE_OK);
    CHECK(engine_pooler_release(pooler) == ENGINE_OK && engine_pooler_release(pooler) == ENGINE_E_INVALID_HANDLE);
    float square = 0;
    for (int i = 0; i < result.columns; i++) {
        square += result.values[i] * result.values[i];
    }
    CHECK(square > 0.999f && square < 1.001f);
    CHECK(engine_pooling_release(pooling) == ENGINE_OK);
    CHECK(engine_pooling_wait(pooling, 0, &ended, NULL) == ENGINE_E_INVALID_HANDLE);

    /* A waiting thread ends when another releases what it waits for. */
    pooler = start_pooler("qwen3-embed", NULL);
    CHECK(submit_texts(pooler, texts, 2048, &pooling) == ENGINE_OK);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, release_soon, pooling) == 0);
    engine_status status = engine_pooling_wait(pooling, 60000, &ended, NULL);
    CHECK((status == ENGINE_OK && ended == 2048) || status == ENGINE_E_INVALID_HANDLE);
    CHECK(pthread_join(thread, NULL) == 0);

    /* Stopping ends what waits; a pooler that is stopped takes nothing. */
    CHECK(submit_texts(pooler, texts, 2048, &pooling) == ENGINE_OK);
    status = engine_pooler_stop(pooler, 0, NULL);
    CHECK(status == ENGINE_E_TIMEOUT || status == ENGINE_OK);
    CHECK(engine_pooling_wait(pooling, -1, &ended, NULL) == ENGINE_OK && ended == 2048);
    CHECK(engine_pooling_release(pooling) == ENGINE_OK);
    CHECK(submit_texts(pooler, texts, 1, &pooling) == ENGINE_E_SHUTTING_DOWN);
    CHECK(engine_pooler_release(pooler) == ENGINE_OK && engine_pooler_release(NULL) == ENGINE_OK);

    pooler = start_pooler("bert-classify3", NULL);
    CHECK(engine_pooler_label(pooler, 2, label, sizeof label, &length, NULL) == ENGINE_OK && length > 0);
    CHECK(submit_texts(pooler, texts, 1, &pooling) == ENGINE_E_UNSUPPORTED);
    CHECK(engine_pooler_release(pooler) == ENGINE_OK);

    /* engine_shutdown stops poolers too; live ones at exit are no harm. */
    pooler = start_pooler("qwen3-embed", NULL);
    CHECK(engine_shutdown(1000, NULL) == ENGINE_OK);
    CHECK(submit_texts(pooler, texts, 1, &pooling) == ENGINE_E_SHUTTING_DOWN);
}
