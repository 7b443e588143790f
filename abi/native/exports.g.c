/* Generated from the AbiFunction attributes by abi/Generator; do not edit. */
#define ENGINE_ALLOW_UNSTABLE
#include "engine/engine.h"
#include "shim.h"

const char engine_shim_version[] = "0.1.0";

const char *const engine_shim_features[] = {
    "chat_template",
    "chunked_prefill",
    "cpu",
    "eventfd",
    "logprobs",
    "prefix_caching",
    "prompt_logprobs",
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
    {0, 0, 0},
};

const char engine_shim_layout[] =
    "{\"version\":\"0.1.0\",\"enums\":[{\"name\":\"engine_status\",\"values\":{\"ENGINE_OK\":0,\"ENGINE_IDLE\":1,\"ENGINE_E_INVALID_ARGUMENT\":-1,\"ENGINE_E_INVALID_HANDLE\":-2,\"ENGINE_E_NOT_FOUND\":-3,\"ENGINE_E_BUFFER_TOO_SMALL\":-4,\"ENGINE_E_WOULD_BLOCK\":-5,\"ENGINE_E_OUT_OF_MEMORY\":-6,\"ENGINE_E_CANCELLED\":-7,\"ENGINE_E_TIMEOUT\":-8,\"ENGINE_E_UNSUPPORTED\":-9,\"ENGINE_E_CORRUPT_DATA\":-10,\"ENGINE_E_IO\":-11,\"ENGINE_E_ENGINE_FAILED\":-12,\"ENGINE_E_SHUTTING_DOWN\":-13,\"ENGINE_E_FORKED\":-14,\"ENGINE_E_INTERNAL\":-15}},\n"
    "{\"name\":\"engine_params_kind\",\"values\":{\"ENGINE_PARAMS_LIBRARY\":0,\"ENGINE_PARAMS_MODEL\":1,\"ENGINE_PARAMS_ENGINE\":2,\"ENGINE_PARAMS_REQUEST\":3}},\n"
    "{\"name\":\"engine_event_kind\",\"values\":{\"ENGINE_EVENT_TOKEN\":0,\"ENGINE_EVENT_PROMPT\":1,\"ENGINE_EVENT_OUTPUT_FINISHED\":2,\"ENGINE_EVENT_FINISHED\":3,\"ENGINE_EVENT_FAILED\":4}},\n"
    "{\"name\":\"engine_finish_reason\",\"values\":{\"ENGINE_FINISH_NONE\":0,\"ENGINE_FINISH_STOP\":1,\"ENGINE_FINISH_LENGTH\":2,\"ENGINE_FINISH_ABORT\":3,\"ENGINE_FINISH_ERROR\":4}},\n"
    "{\"name\":\"engine_log_level\",\"values\":{\"ENGINE_LOG_OFF\":0,\"ENGINE_LOG_ERROR\":1,\"ENGINE_LOG_WARNING\":2,\"ENGINE_LOG_INFO\":3,\"ENGINE_LOG_DEBUG\":4}},\n"
    "{\"name\":\"engine_text_flags\",\"values\":{\"ENGINE_TEXT_NONE\":0,\"ENGINE_TEXT_ADD_SPECIAL\":1,\"ENGINE_TEXT_SKIP_SPECIAL\":2}},\n"
    "{\"name\":\"engine_submit_flags\",\"values\":{\"ENGINE_SUBMIT_NONE\":0,\"ENGINE_SUBMIT_OWN_QUEUE\":1}}],\"structs\":[]}\n";
const uint64_t engine_shim_layout_bytes = sizeof(engine_shim_layout) - 1;

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
