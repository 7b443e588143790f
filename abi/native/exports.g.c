/* Generated from the AbiFunction attributes by abi/Generator; do not edit. */
#define ENGINE_ALLOW_UNSTABLE
#include "engine/engine.h"
#include "shim.h"

const char engine_shim_version[] = "0.1.0";

const char *const engine_shim_features[] = {
    "beam_search",
    "chat_parser",
    "chat_template",
    "chunked_prefill",
    "cpu",
    "eventfd",
    "logprobs",
    "pooling",
    "prefix_caching",
    "prompt_logprobs",
    "sleep",
    "speculation",
    "structured_outputs",
    0,
};

const engine_shim_status engine_shim_statuses[] = {
    {0, "ENGINE_OK", "the call did what it says"},
    {1, "ENGINE_IDLE", "nothing to do"},
    {-1, "ENGINE_E_INVALID_ARGUMENT", "an argument is out of range"},
    {-2, "ENGINE_E_INVALID_HANDLE", "the handle is null, stale, released or of another kind"},
    {-3, "ENGINE_E_NOT_FOUND", "a file, model, request or key does not exist"},
    {-4, "ENGINE_E_BUFFER_TOO_SMALL", "the buffer is too small; the size needed is returned"},
    {-5, "ENGINE_E_WOULD_BLOCK", "the queue is full; try again later"},
    {-6, "ENGINE_E_OUT_OF_MEMORY", "memory is exhausted"},
    {-7, "ENGINE_E_CANCELLED", "the request was cancelled"},
    {-8, "ENGINE_E_TIMEOUT", "the wait ended first"},
    {-9, "ENGINE_E_UNSUPPORTED", "known, but not available in this build, on this machine or for this model"},
    {-10, "ENGINE_E_CORRUPT_DATA", "a file's content is malformed"},
    {-11, "ENGINE_E_IO", "reading or writing failed"},
    {-12, "ENGINE_E_ENGINE_FAILED", "the engine failed and does no more work"},
    {-13, "ENGINE_E_SHUTTING_DOWN", "the engine is draining or shut down"},
    {-14, "ENGINE_E_FORKED", "the process has forked since the library was initialized"},
    {-15, "ENGINE_E_INTERNAL", "an unexpected error, contained"},
    {-16, "ENGINE_E_DEVICE_LOST", "the GPU or its driver failed for good; restart the process"},
    {0, 0, 0},
};

const char engine_shim_layout[] =
    "{\"version\":\"0.1.0\",\"enums\":[{\"name\":\"engine_status\",\"values\":{\"ENGINE_OK\":0,\"ENGINE_IDLE\":1,\"ENGINE_E_INVALID_ARGUMENT\":-1,\"ENGINE_E_INVALID_HANDLE\":-2,\"ENGINE_E_NOT_FOUND\":-3,\"ENGINE_E_BUFFER_TOO_SMALL\":-4,\"ENGINE_E_WOULD_BLOCK\":-5,\"ENGINE_E_OUT_OF_MEMORY\":-6,\"ENGINE_E_CANCELLED\":-7,\"ENGINE_E_TIMEOUT\":-8,\"ENGINE_E_UNSUPPORTED\":-9,\"ENGINE_E_CORRUPT_DATA\":-10,\"ENGINE_E_IO\":-11,\"ENGINE_E_ENGINE_FAILED\":-12,\"ENGINE_E_SHUTTING_DOWN\":-13,\"ENGINE_E_FORKED\":-14,\"ENGINE_E_INTERNAL\":-15,\"ENGINE_E_DEVICE_LOST\":-16}},\n"
    "{\"name\":\"engine_params_kind\",\"values\":{\"ENGINE_PARAMS_LIBRARY\":0,\"ENGINE_PARAMS_MODEL\":1,\"ENGINE_PARAMS_ENGINE\":2,\"ENGINE_PARAMS_REQUEST\":3,\"ENGINE_PARAMS_POOLING\":4}},\n"
    "{\"name\":\"engine_event_kind\",\"values\":{\"ENGINE_EVENT_TOKEN\":0,\"ENGINE_EVENT_PROMPT\":1,\"ENGINE_EVENT_OUTPUT_FINISHED\":2,\"ENGINE_EVENT_FINISHED\":3,\"ENGINE_EVENT_FAILED\":4}},\n"
    "{\"name\":\"engine_finish_reason\",\"values\":{\"ENGINE_FINISH_NONE\":0,\"ENGINE_FINISH_STOP\":1,\"ENGINE_FINISH_LENGTH\":2,\"ENGINE_FINISH_ABORT\":3,\"ENGINE_FINISH_ERROR\":4}},\n"
    "{\"name\":\"engine_log_level\",\"values\":{\"ENGINE_LOG_OFF\":0,\"ENGINE_LOG_ERROR\":1,\"ENGINE_LOG_WARNING\":2,\"ENGINE_LOG_INFO\":3,\"ENGINE_LOG_DEBUG\":4}},\n"
    "{\"name\":\"engine_text_flags\",\"values\":{\"ENGINE_TEXT_NONE\":0,\"ENGINE_TEXT_ADD_SPECIAL\":1,\"ENGINE_TEXT_SKIP_SPECIAL\":2,\"ENGINE_TEXT_PLAIN\":4}},\n"
    "{\"name\":\"engine_submit_flags\",\"values\":{\"ENGINE_SUBMIT_NONE\":0,\"ENGINE_SUBMIT_OWN_QUEUE\":1}},\n"
    "{\"name\":\"engine_pooling_task\",\"values\":{\"ENGINE_POOLING_EMBED\":0,\"ENGINE_POOLING_CLASSIFY\":1,\"ENGINE_POOLING_TOKEN_EMBED\":2,\"ENGINE_POOLING_SCORE\":3}},\n"
    "{\"name\":\"engine_sleep_mode\",\"values\":{\"ENGINE_SLEEP_ABORT\":0,\"ENGINE_SLEEP_WAIT\":1,\"ENGINE_SLEEP_KEEP\":2}}],\"structs\":[{\"name\":\"engine_pooling_input\",\"size\":64,\"offsets\":{\"struct_size\":0,\"reserved\":4,\"text\":8,\"text_len\":16,\"pair\":24,\"pair_len\":32,\"tokens\":40,\"tokens_len\":48,\"token_types\":56}},\n"
    "{\"name\":\"engine_pooling_args\",\"size\":48,\"offsets\":{\"struct_size\":0,\"task\":4,\"params\":8,\"json\":16,\"json_len\":24,\"inputs\":32,\"inputs_len\":40}},\n"
    "{\"name\":\"engine_pooling_result\",\"size\":40,\"offsets\":{\"struct_size\":0,\"rows\":4,\"columns\":8,\"reserved\":12,\"values\":16,\"tokens\":24,\"tokens_len\":32}},\n"
    "{\"name\":\"engine_pooler_info\",\"size\":24,\"offsets\":{\"struct_size\":0,\"embeds\":4,\"dimensions\":8,\"hidden_size\":12,\"num_labels\":16,\"max_tokens\":20}},\n"
    "{\"name\":\"engine_submit_args\",\"size\":72,\"offsets\":{\"struct_size\":0,\"flags\":4,\"user_tag\":8,\"params\":16,\"json\":24,\"json_len\":32,\"prompt\":40,\"prompt_len\":48,\"tokens\":56,\"tokens_len\":64}},\n"
    "{\"name\":\"engine_logprob\",\"size\":12,\"offsets\":{\"token\":0,\"logprob\":4,\"rank\":8}},\n"
    "{\"name\":\"engine_event\",\"size\":136,\"offsets\":{\"struct_size\":0,\"kind\":4,\"user_tag\":8,\"request_id\":16,\"output_index\":24,\"token\":28,\"text\":32,\"text_len\":40,\"logprob\":48,\"rank\":52,\"finish_reason\":56,\"status\":60,\"logprobs\":64,\"logprobs_len\":72,\"tokens\":80,\"tokens_len\":88,\"logprob_counts\":96,\"num_cached_tokens\":104,\"stop_token\":108,\"stop_text\":112,\"stop_text_len\":120,\"parameter\":128}},\n"
    "{\"name\":\"engine_metrics\",\"size\":80,\"offsets\":{\"struct_size\":0,\"num_requests_running\":4,\"num_requests_waiting\":8,\"num_blocks\":12,\"kv_cache_usage\":16,\"prefix_cache_queries\":24,\"prefix_cache_hits\":32,\"num_preemptions\":40,\"prompt_tokens\":48,\"generation_tokens\":56,\"num_steps\":64,\"num_failed\":72}},\n"
    "{\"name\":\"engine_model_info\",\"size\":56,\"offsets\":{\"struct_size\":0,\"vocab_size\":4,\"max_model_len\":8,\"bos_token_id\":12,\"eos_token_id\":16,\"has_tokenizer\":20,\"has_chat_template\":24,\"reserved\":28,\"weight_bytes\":32,\"architecture\":40,\"is_pooling\":48,\"reserved2\":52}},\n"
    "{\"name\":\"engine_tokenizer_info\",\"size\":16,\"offsets\":{\"struct_size\":0,\"vocab_size\":4,\"has_chat_template\":8,\"reserved\":12}},\n"
    "{\"name\":\"engine_load_progress\",\"size\":32,\"offsets\":{\"struct_size\":0,\"is_done\":4,\"done_bytes\":8,\"total_bytes\":16,\"stage\":24}},\n"
    "{\"name\":\"engine_plan\",\"size\":72,\"offsets\":{\"struct_size\":0,\"fits\":4,\"weight_bytes\":8,\"kv_cache_bytes\":16,\"activation_bytes\":24,\"total_bytes\":32,\"free_bytes\":40,\"num_parameters\":48,\"num_kv_tokens\":56,\"num_blocks\":64,\"max_model_len\":68}}]}\n";
const uint64_t engine_shim_layout_bytes = sizeof(engine_shim_layout) - 1;

extern engine_status engineimpl_sleep(engine_t *engine, int32_t level, engine_sleep_mode mode, int32_t timeout_ms, engine_error **err);
engine_status engine_sleep(engine_t *engine, int32_t level, engine_sleep_mode mode, int32_t timeout_ms, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_sleep(engine, level, mode, timeout_ms, err);
}

extern engine_status engineimpl_wake_up(engine_t *engine, int32_t weights_only, engine_error **err);
engine_status engine_wake_up(engine_t *engine, int32_t weights_only, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_wake_up(engine, weights_only, err);
}

extern engine_status engineimpl_sleep_level(engine_t *engine, int32_t *out_level, engine_error **err);
engine_status engine_sleep_level(engine_t *engine, int32_t *out_level, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_sleep_level(engine, out_level, err);
}

extern engine_status engineimpl_init(engine_params *options, engine_error **err);
engine_status engine_init(engine_params *options, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_init(options, err);
}

extern engine_status engineimpl_shutdown(int32_t timeout_ms, engine_error **err);
engine_status engine_shutdown(int32_t timeout_ms, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_shutdown(timeout_ms, err);
}

extern engine_status engineimpl_log_set_level(engine_log_level level, engine_error **err);
engine_status engine_log_set_level(engine_log_level level, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_log_set_level(level, err);
}

extern engine_status engineimpl_log_drain(char *buffer, uint64_t capacity, uint64_t *length, engine_error **err);
engine_status engine_log_drain(char *buffer, uint64_t capacity, uint64_t *length, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_log_drain(buffer, capacity, length, err);
}

extern engine_status engineimpl_error_code(engine_error *error);
engine_status engine_error_code(engine_error *error)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return status;
    }
    return engineimpl_error_code(error);
}

extern const char *engineimpl_error_message(engine_error *error);
const char *engine_error_message(engine_error *error)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return "";
    }
    return engineimpl_error_message(error);
}

extern const char *engineimpl_error_parameter(engine_error *error);
const char *engine_error_parameter(engine_error *error)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return 0;
    }
    return engineimpl_error_parameter(error);
}

extern int32_t engineimpl_error_retryable(engine_error *error);
int32_t engine_error_retryable(engine_error *error)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return 0;
    }
    return engineimpl_error_retryable(error);
}

extern engine_status engineimpl_error_release(engine_error *error);
engine_status engine_error_release(engine_error *error)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return status;
    }
    return engineimpl_error_release(error);
}

extern engine_status engineimpl_params_create(engine_params_kind kind, engine_params **out_params, engine_error **err);
engine_status engine_params_create(engine_params_kind kind, engine_params **out_params, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_params_create(kind, out_params, err);
}

extern engine_status engineimpl_params_from_json(engine_params_kind kind, const char *json, uint64_t json_len, engine_params **out_params, engine_error **err);
engine_status engine_params_from_json(engine_params_kind kind, const char *json, uint64_t json_len, engine_params **out_params, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_params_from_json(kind, json, json_len, out_params, err);
}

extern engine_status engineimpl_params_set_i64(engine_params *params, const char *key, int64_t value, engine_error **err);
engine_status engine_params_set_i64(engine_params *params, const char *key, int64_t value, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_params_set_i64(params, key, value, err);
}

extern engine_status engineimpl_params_set_f64(engine_params *params, const char *key, double value, engine_error **err);
engine_status engine_params_set_f64(engine_params *params, const char *key, double value, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_params_set_f64(params, key, value, err);
}

extern engine_status engineimpl_params_set_bool(engine_params *params, const char *key, int32_t value, engine_error **err);
engine_status engine_params_set_bool(engine_params *params, const char *key, int32_t value, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_params_set_bool(params, key, value, err);
}

extern engine_status engineimpl_params_set_str(engine_params *params, const char *key, const char *value, uint64_t value_len, engine_error **err);
engine_status engine_params_set_str(engine_params *params, const char *key, const char *value, uint64_t value_len, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_params_set_str(params, key, value, value_len, err);
}

extern engine_status engineimpl_params_set_json(engine_params *params, const char *key, const char *json, uint64_t json_len, engine_error **err);
engine_status engine_params_set_json(engine_params *params, const char *key, const char *json, uint64_t json_len, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_params_set_json(params, key, json, json_len, err);
}

extern engine_status engineimpl_params_json(engine_params *params, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err);
engine_status engine_params_json(engine_params *params, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_params_json(params, buffer, capacity, length, err);
}

extern engine_status engineimpl_params_release(engine_params *params);
engine_status engine_params_release(engine_params *params)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return status;
    }
    return engineimpl_params_release(params);
}

extern engine_status engineimpl_model_load(const char *path, uint64_t path_len, engine_params *params, engine_model **out_model, engine_error **err);
engine_status engine_model_load(const char *path, uint64_t path_len, engine_params *params, engine_model **out_model, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_model_load(path, path_len, params, out_model, err);
}

extern engine_status engineimpl_model_plan(const char *path, uint64_t path_len, engine_params *params, engine_params *engine_params, engine_plan *plan, engine_error **err);
engine_status engine_model_plan(const char *path, uint64_t path_len, engine_params *params, engine_params *engine_params, engine_plan *plan, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_model_plan(path, path_len, params, engine_params, plan, err);
}

extern engine_status engineimpl_model_get_info(engine_model *model, engine_model_info *info, engine_error **err);
engine_status engine_model_get_info(engine_model *model, engine_model_info *info, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_model_get_info(model, info, err);
}

extern engine_status engineimpl_model_default_params(engine_model *model, engine_params **out_params, engine_error **err);
engine_status engine_model_default_params(engine_model *model, engine_params **out_params, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_model_default_params(model, out_params, err);
}

extern engine_status engineimpl_model_tokenizer(engine_model *model, engine_tokenizer **out_tokenizer, engine_error **err);
engine_status engine_model_tokenizer(engine_model *model, engine_tokenizer **out_tokenizer, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_model_tokenizer(model, out_tokenizer, err);
}

extern engine_status engineimpl_model_release(engine_model *model);
engine_status engine_model_release(engine_model *model)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return status;
    }
    return engineimpl_model_release(model);
}

extern engine_status engineimpl_load_start(const char *path, uint64_t path_len, engine_params *params, engine_load **out_load, engine_error **err);
engine_status engine_load_start(const char *path, uint64_t path_len, engine_params *params, engine_load **out_load, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_load_start(path, path_len, params, out_load, err);
}

extern engine_status engineimpl_load_poll(engine_load *load, int32_t timeout_ms, engine_load_progress *progress, engine_error **err);
engine_status engine_load_poll(engine_load *load, int32_t timeout_ms, engine_load_progress *progress, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_load_poll(load, timeout_ms, progress, err);
}

extern engine_status engineimpl_load_cancel(engine_load *load, engine_error **err);
engine_status engine_load_cancel(engine_load *load, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_load_cancel(load, err);
}

extern engine_status engineimpl_load_finish(engine_load *load, engine_model **out_model, engine_error **err);
engine_status engine_load_finish(engine_load *load, engine_model **out_model, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_load_finish(load, out_model, err);
}

extern engine_status engineimpl_load_release(engine_load *load);
engine_status engine_load_release(engine_load *load)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return status;
    }
    return engineimpl_load_release(load);
}

extern engine_status engineimpl_tokenizer_load(const char *path, uint64_t path_len, engine_tokenizer **out_tokenizer, engine_error **err);
engine_status engine_tokenizer_load(const char *path, uint64_t path_len, engine_tokenizer **out_tokenizer, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_tokenizer_load(path, path_len, out_tokenizer, err);
}

extern engine_status engineimpl_tokenizer_get_info(engine_tokenizer *tokenizer, engine_tokenizer_info *info, engine_error **err);
engine_status engine_tokenizer_get_info(engine_tokenizer *tokenizer, engine_tokenizer_info *info, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_tokenizer_get_info(tokenizer, info, err);
}

extern engine_status engineimpl_tokenize(engine_tokenizer *tokenizer, const char *text, uint64_t text_len, engine_text_flags flags, int32_t *tokens, uint64_t capacity, uint64_t *length, engine_error **err);
engine_status engine_tokenize(engine_tokenizer *tokenizer, const char *text, uint64_t text_len, engine_text_flags flags, int32_t *tokens, uint64_t capacity, uint64_t *length, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_tokenize(tokenizer, text, text_len, flags, tokens, capacity, length, err);
}

extern engine_status engineimpl_detokenize(engine_tokenizer *tokenizer, const int32_t *tokens, uint64_t tokens_len, engine_text_flags flags, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err);
engine_status engine_detokenize(engine_tokenizer *tokenizer, const int32_t *tokens, uint64_t tokens_len, engine_text_flags flags, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_detokenize(tokenizer, tokens, tokens_len, flags, buffer, capacity, length, err);
}

extern engine_status engineimpl_token_to_id(engine_tokenizer *tokenizer, const char *token, uint64_t token_len, int32_t *out_id, engine_error **err);
engine_status engine_token_to_id(engine_tokenizer *tokenizer, const char *token, uint64_t token_len, int32_t *out_id, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_token_to_id(tokenizer, token, token_len, out_id, err);
}

extern engine_status engineimpl_id_to_token(engine_tokenizer *tokenizer, int32_t id, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err);
engine_status engine_id_to_token(engine_tokenizer *tokenizer, int32_t id, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_id_to_token(tokenizer, id, buffer, capacity, length, err);
}

extern engine_status engineimpl_tokenizer_release(engine_tokenizer *tokenizer);
engine_status engine_tokenizer_release(engine_tokenizer *tokenizer)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return status;
    }
    return engineimpl_tokenizer_release(tokenizer);
}

extern engine_status engineimpl_chat_template_apply(engine_tokenizer *tokenizer, const char *json, uint64_t json_len, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err);
engine_status engine_chat_template_apply(engine_tokenizer *tokenizer, const char *json, uint64_t json_len, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_chat_template_apply(tokenizer, json, json_len, buffer, capacity, length, err);
}

extern engine_status engineimpl_chat_tokenize(engine_tokenizer *tokenizer, const char *json, uint64_t json_len, int32_t *tokens, uint64_t capacity, uint64_t *length, engine_error **err);
engine_status engine_chat_tokenize(engine_tokenizer *tokenizer, const char *json, uint64_t json_len, int32_t *tokens, uint64_t capacity, uint64_t *length, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_chat_tokenize(tokenizer, json, json_len, tokens, capacity, length, err);
}

extern engine_status engineimpl_chat_parser_create(const char *json, uint64_t json_len, engine_chat_parser **out_parser, engine_error **err);
engine_status engine_chat_parser_create(const char *json, uint64_t json_len, engine_chat_parser **out_parser, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_chat_parser_create(json, json_len, out_parser, err);
}

extern engine_status engineimpl_chat_parser_feed(engine_chat_parser *parser, const char *text, uint64_t text_len, engine_json **out_json, engine_error **err);
engine_status engine_chat_parser_feed(engine_chat_parser *parser, const char *text, uint64_t text_len, engine_json **out_json, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_chat_parser_feed(parser, text, text_len, out_json, err);
}

extern engine_status engineimpl_chat_parser_finish(engine_chat_parser *parser, engine_json **out_json, engine_error **err);
engine_status engine_chat_parser_finish(engine_chat_parser *parser, engine_json **out_json, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_chat_parser_finish(parser, out_json, err);
}

extern engine_status engineimpl_chat_parser_release(engine_chat_parser *parser);
engine_status engine_chat_parser_release(engine_chat_parser *parser)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return status;
    }
    return engineimpl_chat_parser_release(parser);
}

extern engine_status engineimpl_create(engine_model *model, engine_params *params, engine_t **out_engine, engine_error **err);
engine_status engine_create(engine_model *model, engine_params *params, engine_t **out_engine, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_create(model, params, out_engine, err);
}

extern engine_status engineimpl_submit(engine_t *engine, const engine_submit_args *args, uint64_t *out_id, engine_request **out_request, engine_error **err);
engine_status engine_submit(engine_t *engine, const engine_submit_args *args, uint64_t *out_id, engine_request **out_request, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_submit(engine, args, out_id, out_request, err);
}

extern engine_status engineimpl_poll(engine_t *engine, int32_t timeout_ms, engine_event *events, uint64_t capacity, uint64_t *count, engine_error **err);
engine_status engine_poll(engine_t *engine, int32_t timeout_ms, engine_event *events, uint64_t capacity, uint64_t *count, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_poll(engine, timeout_ms, events, capacity, count, err);
}

extern engine_status engineimpl_wake(engine_t *engine, engine_error **err);
engine_status engine_wake(engine_t *engine, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_wake(engine, err);
}

extern engine_status engineimpl_fd(engine_t *engine, int32_t *out_fd, engine_error **err);
engine_status engine_fd(engine_t *engine, int32_t *out_fd, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_fd(engine, out_fd, err);
}

extern engine_status engineimpl_cancel(engine_t *engine, uint64_t request_id, engine_error **err);
engine_status engine_cancel(engine_t *engine, uint64_t request_id, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_cancel(engine, request_id, err);
}

extern engine_status engineimpl_health(engine_t *engine, engine_error **err);
engine_status engine_health(engine_t *engine, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_health(engine, err);
}

extern engine_status engineimpl_stop(engine_t *engine, int32_t timeout_ms, engine_error **err);
engine_status engine_stop(engine_t *engine, int32_t timeout_ms, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_stop(engine, timeout_ms, err);
}

extern engine_status engineimpl_release(engine_t *engine);
engine_status engine_release(engine_t *engine)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return status;
    }
    return engineimpl_release(engine);
}

extern engine_status engineimpl_request_id(engine_request *request, uint64_t *out_id, engine_error **err);
engine_status engine_request_id(engine_request *request, uint64_t *out_id, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_request_id(request, out_id, err);
}

extern engine_status engineimpl_request_cancel(engine_request *request, engine_error **err);
engine_status engine_request_cancel(engine_request *request, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_request_cancel(request, err);
}

extern engine_status engineimpl_request_poll(engine_request *request, int32_t timeout_ms, engine_event *events, uint64_t capacity, uint64_t *count, engine_error **err);
engine_status engine_request_poll(engine_request *request, int32_t timeout_ms, engine_event *events, uint64_t capacity, uint64_t *count, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_request_poll(request, timeout_ms, events, capacity, count, err);
}

extern engine_status engineimpl_request_fd(engine_request *request, int32_t *out_fd, engine_error **err);
engine_status engine_request_fd(engine_request *request, int32_t *out_fd, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_request_fd(request, out_fd, err);
}

extern engine_status engineimpl_request_release(engine_request *request);
engine_status engine_request_release(engine_request *request)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return status;
    }
    return engineimpl_request_release(request);
}

extern engine_status engineimpl_beam_search(engine_t *engine, const char *json, uint64_t json_len, engine_json **out_json, engine_error **err);
engine_status engine_beam_search(engine_t *engine, const char *json, uint64_t json_len, engine_json **out_json, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_beam_search(engine, json, json_len, out_json, err);
}

extern engine_status engineimpl_json_text(engine_json *json, const char **out_text, uint64_t *length, engine_error **err);
engine_status engine_json_text(engine_json *json, const char **out_text, uint64_t *length, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_json_text(json, out_text, length, err);
}

extern engine_status engineimpl_json_release(engine_json *json);
engine_status engine_json_release(engine_json *json)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return status;
    }
    return engineimpl_json_release(json);
}

extern engine_status engineimpl_metrics_snapshot(engine_t *engine, engine_metrics *metrics, engine_error **err);
engine_status engine_metrics_snapshot(engine_t *engine, engine_metrics *metrics, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_metrics_snapshot(engine, metrics, err);
}

extern engine_status engineimpl_metrics_json(engine_t *engine, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err);
engine_status engine_metrics_json(engine_t *engine, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_metrics_json(engine, buffer, capacity, length, err);
}

extern engine_status engineimpl_pooler_create(engine_model *model, engine_params *params, engine_pooler **out_pooler, engine_error **err);
engine_status engine_pooler_create(engine_model *model, engine_params *params, engine_pooler **out_pooler, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_pooler_create(model, params, out_pooler, err);
}

extern engine_status engineimpl_pooler_get_info(engine_pooler *pooler, engine_pooler_info *info, engine_error **err);
engine_status engine_pooler_get_info(engine_pooler *pooler, engine_pooler_info *info, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_pooler_get_info(pooler, info, err);
}

extern engine_status engineimpl_pooler_label(engine_pooler *pooler, int32_t index, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err);
engine_status engine_pooler_label(engine_pooler *pooler, int32_t index, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_pooler_label(pooler, index, buffer, capacity, length, err);
}

extern engine_status engineimpl_pooler_submit(engine_pooler *pooler, const engine_pooling_args *args, engine_pooling **out_pooling, engine_error **err);
engine_status engine_pooler_submit(engine_pooler *pooler, const engine_pooling_args *args, engine_pooling **out_pooling, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_pooler_submit(pooler, args, out_pooling, err);
}

extern engine_status engineimpl_pooler_metrics_json(engine_pooler *pooler, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err);
engine_status engine_pooler_metrics_json(engine_pooler *pooler, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_pooler_metrics_json(pooler, buffer, capacity, length, err);
}

extern engine_status engineimpl_pooler_stop(engine_pooler *pooler, int32_t timeout_ms, engine_error **err);
engine_status engine_pooler_stop(engine_pooler *pooler, int32_t timeout_ms, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_pooler_stop(pooler, timeout_ms, err);
}

extern engine_status engineimpl_pooler_release(engine_pooler *pooler);
engine_status engine_pooler_release(engine_pooler *pooler)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return status;
    }
    return engineimpl_pooler_release(pooler);
}

extern engine_status engineimpl_pooling_wait(engine_pooling *pooling, int32_t timeout_ms, uint64_t *num_ended, engine_error **err);
engine_status engine_pooling_wait(engine_pooling *pooling, int32_t timeout_ms, uint64_t *num_ended, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_pooling_wait(pooling, timeout_ms, num_ended, err);
}

extern engine_status engineimpl_pooling_fd(engine_pooling *pooling, int32_t *out_fd, engine_error **err);
engine_status engine_pooling_fd(engine_pooling *pooling, int32_t *out_fd, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_pooling_fd(pooling, out_fd, err);
}

extern engine_status engineimpl_pooling_cancel(engine_pooling *pooling, engine_error **err);
engine_status engine_pooling_cancel(engine_pooling *pooling, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_pooling_cancel(pooling, err);
}

extern engine_status engineimpl_pooling_get_result(engine_pooling *pooling, uint64_t index, engine_pooling_result *result, engine_error **err);
engine_status engine_pooling_get_result(engine_pooling *pooling, uint64_t index, engine_pooling_result *result, engine_error **err)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        if (err) {
            *err = 0;
        }
        return status;
    }
    return engineimpl_pooling_get_result(pooling, index, result, err);
}

extern engine_status engineimpl_pooling_release(engine_pooling *pooling);
engine_status engine_pooling_release(engine_pooling *pooling)
{
    engine_status status = engine_shim_enter();
    if (status != ENGINE_OK) {
        return status;
    }
    return engineimpl_pooling_release(pooling);
}
