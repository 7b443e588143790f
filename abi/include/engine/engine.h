/*
 * engine.h: the C interface of Engine 0.1.0.
 * Generated from the C# sources by abi/Generator; do not edit.
 *
 * Every call returns an engine_status: 0 or more is success, less is an error. Calls take an
 * optional trailing engine_error **: NULL, or it takes NULL on success and an owned error on
 * failure (NULL too if the process has forked or memory is exhausted; the status then says all).
 * Other out-parameters are written on success alone, but for sizes, which are written with
 * ENGINE_E_BUFFER_TOO_SMALL too. Text goes in as UTF-8 (pointer, length). Handles are checked:
 * a stale one, or one released twice, gives ENGINE_E_INVALID_HANDLE. Structs begin with their
 * size: set it to sizeof before the call. Readers ignore enum values that they do not know.
 * After fork every call gives ENGINE_E_FORKED in the child, if the library was in use before.
 * Within libengine.so.0 nothing is removed, renumbered or re-signed. 64-bit platforms.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdint.h>

#if defined(ENGINE_BUILDING)
#define ENGINE_API __attribute__((visibility("default")))
#else
#define ENGINE_API
#endif

#define ENGINE_VERSION "0.1.0"
#define ENGINE_ABI_VERSION_MAJOR 0
#define ENGINE_ABI_VERSION_MINOR 1
#define ENGINE_ABI_VERSION \
    (((uint32_t)ENGINE_ABI_VERSION_MAJOR << 16) | (uint32_t)ENGINE_ABI_VERSION_MINOR)

#ifdef __cplusplus
extern "C" {
#endif

/* Result codes, one to one with the C ABI's engine_status. Values are never renumbered. */
typedef int32_t engine_status;
enum {
    /* The call did what it says. */
    ENGINE_OK = 0,
    /* Nothing to do: no request is runnable. */
    ENGINE_IDLE = 1,
    /* A value is out of range or of the wrong shape; the error names it. */
    ENGINE_E_INVALID_ARGUMENT = -1,
    /* A handle is stale, released, or of another kind. */
    ENGINE_E_INVALID_HANDLE = -2,
    /* A file, model, request or key does not exist. */
    ENGINE_E_NOT_FOUND = -3,
    /* The caller's buffer is too small; the size needed is returned. */
    ENGINE_E_BUFFER_TOO_SMALL = -4,
    /* A queue is full; try again later. */
    ENGINE_E_WOULD_BLOCK = -5,
    /* Host or device memory is exhausted. */
    ENGINE_E_OUT_OF_MEMORY = -6,
    /* The request was cancelled. */
    ENGINE_E_CANCELLED = -7,
    /* The wait ended without an event. */
    ENGINE_E_TIMEOUT = -8,
    /* Known but not available in this build, on this machine, or for this model. */
    ENGINE_E_UNSUPPORTED = -9,
    /* A file's content is malformed; the error names file, item, expected and found. */
    ENGINE_E_CORRUPT_DATA = -10,
    /* Reading or writing a file or socket failed. */
    ENGINE_E_IO = -11,
    /* The engine met a broken invariant or a device fault and does no more work. */
    ENGINE_E_ENGINE_FAILED = -12,
    /* The engine is draining or shut down. */
    ENGINE_E_SHUTTING_DOWN = -13,
    /* The process has forked since the library was initialized. */
    ENGINE_E_FORKED = -14,
    /* A defect: an unexpected exception, reported and contained. */
    ENGINE_E_INTERNAL = -15
};

/* Which schema checks the keys of a params object. */
typedef int32_t engine_params_kind;
enum {
    /* Settings of the library: engine_init. */
    ENGINE_PARAMS_LIBRARY = 0,
    /* What to load and how: engine_model_load, engine_load_start, engine_model_plan. */
    ENGINE_PARAMS_MODEL = 1,
    /* The limits of one engine: engine_create. */
    ENGINE_PARAMS_ENGINE = 2,
    /* How to choose tokens and when to stop: engine_submit. */
    ENGINE_PARAMS_REQUEST = 3
};

/* What an event says. Readers ignore kinds that they do not know. */
typedef int32_t engine_event_kind;
enum {
    /* A new token of one output, with the text that became final. */
    ENGINE_EVENT_TOKEN = 0,
    /*
     * The prompt's tokens, and their log probabilities if asked for; once, before the first token.
     */
    ENGINE_EVENT_PROMPT = 1,
    /* One of the n outputs ended; carries the last text and the reason. */
    ENGINE_EVENT_OUTPUT_FINISHED = 2,
    /* The request ended, all outputs with it. Terminal. */
    ENGINE_EVENT_FINISHED = 3,
    /* The request failed; status, text (the message) and parameter say why. Terminal. */
    ENGINE_EVENT_FAILED = 4
};

/* Why an output ended. */
typedef int32_t engine_finish_reason;
enum {
    /* Not ended. */
    ENGINE_FINISH_NONE = 0,
    /* End of sequence, a stop id or a stop string. */
    ENGINE_FINISH_STOP = 1,
    /* max_tokens or the model's length. */
    ENGINE_FINISH_LENGTH = 2,
    /* Cancelled. */
    ENGINE_FINISH_ABORT = 3,
    /* Failed. */
    ENGINE_FINISH_ERROR = 4
};

/* How much is logged. The library is silent unless asked. */
typedef int32_t engine_log_level;
enum {
    /* Nothing; the default. */
    ENGINE_LOG_OFF = 0,
    /* What went wrong. */
    ENGINE_LOG_ERROR = 1,
    /* What may go wrong. */
    ENGINE_LOG_WARNING = 2,
    /* What was loaded, started and stopped. */
    ENGINE_LOG_INFO = 3,
    /* Every request. */
    ENGINE_LOG_DEBUG = 4
};

/* How text becomes ids and ids text; values add up. */
typedef int32_t engine_text_flags;
enum {
    /* No flag. */
    ENGINE_TEXT_NONE = 0,
    /* engine_tokenize: adds bos and the like, as the tokenizer's post-processor says. */
    ENGINE_TEXT_ADD_SPECIAL = 1,
    /* engine_detokenize: leaves special tokens out. */
    ENGINE_TEXT_SKIP_SPECIAL = 2
};

/* How a request is submitted; values add up. */
typedef int32_t engine_submit_flags;
enum {
    /* Events go to engine_poll. */
    ENGINE_SUBMIT_NONE = 0,
    /* Events go to engine_request_poll of this request alone. */
    ENGINE_SUBMIT_OWN_QUEUE = 1
};

/* What went wrong with one call: code, message, parameter. Immutable; release it when read. */
typedef struct engine_error engine_error;

/* Settings by key, checked against a schema as they are set. */
typedef struct engine_params engine_params;

/* A model's weights, tokenizer and configuration; shared by any number of engines. */
typedef struct engine_model engine_model;

/* A model that is being loaded. */
typedef struct engine_load engine_load;

/* Text to ids and back, and chat templates. Immutable, safe for concurrent use. */
typedef struct engine_tokenizer engine_tokenizer;

/* One scheduler on its own thread, with the KV cache of one model. */
typedef struct engine_t engine_t;

/* One submitted request. */
typedef struct engine_request engine_request;

/*
 * The library's ABI version: major in the upper 16 bits, minor in the lower.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API uint32_t engine_abi_version(void);

/*
 * The library's version, as "0.1.0". Static.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API const char *engine_version_string(void);

/*
 * The name of a status, as "ENGINE_E_IO"; "ENGINE_E_UNKNOWN" for numbers it does not know. Static.
 * @param status Any number.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API const char *engine_status_name(int32_t status);

/*
 * What a status means when there is no error object. Static.
 * @param status Any number.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API const char *engine_status_message(int32_t status);

/*
 * 1 if this build has a feature, such as "lora"; 0 for unknown names.
 * @param name The feature.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API int32_t engine_has_feature(const char *name);

/*
 * Sizes and offsets of every struct and the value of every enum member, as JSON, for bindings to
 * check.
 * @param buffer Takes the text; not NUL-terminated.
 * @param capacity Its size in bytes.
 * @param length The size needed.
 * @return ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_abi_layout_json(char *buffer, uint64_t capacity, uint64_t *length);

/*
 * Starts the library. Optional: every other call does it; idempotent, and possible again after
 * engine_shutdown.
 * @param options Params of kind LIBRARY, or NULL.
 * Threads: any thread; concurrent calls wait for one another. Since 0.1, stable.
 */
ENGINE_API engine_status engine_init(engine_params *options, engine_error **err);

/*
 * Stops every engine: nothing new is taken, running requests may end for timeout_ms, the rest is
 * cancelled. Optional at exit; idempotent. Handles stay valid until released; new engines can be
 * made after it.
 * @param timeout_ms How long running requests may take to end; 0 cancels at once, -1 waits for all.
 * @return ENGINE_E_TIMEOUT if requests had to be cancelled.
 * Threads: any thread; concurrent calls wait for one another. Since 0.1, stable.
 */
ENGINE_API engine_status engine_shutdown(int32_t timeout_ms, engine_error **err);

#ifdef ENGINE_ALLOW_UNSTABLE
/*
 * How much is logged from now on.
 * @param level An engine_log_level.
 * Threads: any thread, any time. Since 0.1, unstable.
 */
ENGINE_API engine_status engine_log_set_level(engine_log_level level, engine_error **err);
#endif

#ifdef ENGINE_ALLOW_UNSTABLE
/*
 * Takes the lines logged since the last drain: JSON objects {"time","level","message"}, one per
 * line. Lines that do not fit stay for the next drain; the oldest of more than 4096 are dropped and
 * counted.
 * @param buffer Takes the lines.
 * @param capacity Its size in bytes.
 * @param length Bytes written.
 * Threads: any thread, any time. Since 0.1, unstable.
 */
ENGINE_API engine_status engine_log_drain(
    char *buffer, uint64_t capacity, uint64_t *length, engine_error **err);
#endif

/*
 * The status of an error; ENGINE_OK for NULL, ENGINE_E_INVALID_HANDLE for a stale one.
 * @param error The error or NULL.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_error_code(engine_error *error);

/*
 * What was expected and what was found. NUL-terminated UTF-8, valid until the error is released; ""
 * for NULL.
 * @param error The error or NULL.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API const char *engine_error_message(engine_error *error);

/*
 * Path of the offending field, as "sampling.top_p", or NULL. Valid until the error is released.
 * @param error The error or NULL.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API const char *engine_error_parameter(engine_error *error);

/*
 * 1 if the same call may succeed later without a change.
 * @param error The error or NULL.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API int32_t engine_error_retryable(engine_error *error);

/*
 * Frees an error; NULL is a no-op.
 * @param error The error or NULL.
 * @return ENGINE_E_INVALID_HANDLE if it was released before.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_error_release(engine_error *error);

/*
 * Makes an empty set of params.
 * @param kind An engine_params_kind: which keys there are.
 * @param out_params Takes the params; release them.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_params_create(
    engine_params_kind kind, engine_params **out_params, engine_error **err);

/*
 * Makes params from a JSON object; the keys are those of the HTTP body and of vLLM's flags.
 * @param kind An engine_params_kind.
 * @param json UTF-8.
 * @param json_len Its bytes.
 * @param out_params Takes the params; release them.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_params_from_json(
    engine_params_kind kind, const char *json, uint64_t json_len, engine_params **out_params,
    engine_error **err);

/*
 * Sets a number.
 * @param params The params.
 * @param key The key.
 * @param value The value.
 * Threads: any thread, one at a time per object. Since 0.1, stable.
 */
ENGINE_API engine_status engine_params_set_i64(
    engine_params *params, const char *key, int64_t value, engine_error **err);

/*
 * Sets a number; it must be finite.
 * @param params The params.
 * @param key The key.
 * @param value The value.
 * Threads: any thread, one at a time per object. Since 0.1, stable.
 */
ENGINE_API engine_status engine_params_set_f64(
    engine_params *params, const char *key, double value, engine_error **err);

/*
 * Sets a truth value.
 * @param params The params.
 * @param key The key.
 * @param value 0 is false, everything else true.
 * Threads: any thread, one at a time per object. Since 0.1, stable.
 */
ENGINE_API engine_status engine_params_set_bool(
    engine_params *params, const char *key, int32_t value, engine_error **err);

/*
 * Sets a text.
 * @param params The params.
 * @param key The key.
 * @param value UTF-8.
 * @param value_len Its bytes.
 * Threads: any thread, one at a time per object. Since 0.1, stable.
 */
ENGINE_API engine_status engine_params_set_str(
    engine_params *params, const char *key, const char *value, uint64_t value_len,
    engine_error **err);

/*
 * Sets any value, written as JSON.
 * @param params The params.
 * @param key The key.
 * @param json UTF-8.
 * @param json_len Its bytes.
 * Threads: any thread, one at a time per object. Since 0.1, stable.
 */
ENGINE_API engine_status engine_params_set_json(
    engine_params *params, const char *key, const char *json, uint64_t json_len,
    engine_error **err);

/*
 * All settings as one JSON object, keys in order.
 * @param params The params.
 * @param buffer Takes the text; not NUL-terminated.
 * @param capacity Its size in bytes.
 * @param length The size needed.
 * @return ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_params_json(
    engine_params *params, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err);

/*
 * Frees params; NULL is a no-op. Calls that took them have copied what they need.
 * @param params The params or NULL.
 * @return ENGINE_E_INVALID_HANDLE if they were released before.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_params_release(engine_params *params);

#ifdef __cplusplus
}
#endif

#endif
