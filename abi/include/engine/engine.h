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
    ENGINE_E_INTERNAL = -15,
    /* The GPU or its driver failed for good: only a new process can use it again. */
    ENGINE_E_DEVICE_LOST = -16
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
    ENGINE_PARAMS_REQUEST = 3,
    /* What texts handed in together have in common: engine_pooler_submit. */
    ENGINE_PARAMS_POOLING = 4
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
    ENGINE_TEXT_SKIP_SPECIAL = 2,
    /*
     * engine_tokenize: special tokens written in the text are plain text, as in what a user typed.
     */
    ENGINE_TEXT_PLAIN = 4
};

/* How a request is submitted; values add up. */
typedef int32_t engine_submit_flags;
enum {
    /* Events go to engine_poll. */
    ENGINE_SUBMIT_NONE = 0,
    /* Events go to engine_request_poll of this request alone. */
    ENGINE_SUBMIT_OWN_QUEUE = 1
};

/* What is wanted of a text. */
typedef int32_t engine_pooling_task;
enum {
    /* One vector. */
    ENGINE_POOLING_EMBED = 0,
    /* One number per label; of a reranker one number. */
    ENGINE_POOLING_CLASSIFY = 1,
    /* The final hidden state of every token. */
    ENGINE_POOLING_TOKEN_EMBED = 2,
    /* How well a pair fits: one number. */
    ENGINE_POOLING_SCORE = 3
};

/* What becomes of requests under way when an engine is put to sleep. */
typedef int32_t engine_sleep_mode;
enum {
    /* They end with Abort. */
    ENGINE_SLEEP_ABORT = 0,
    /* They run to their end first. Later ones may run meanwhile; what is left of them is kept. */
    ENGINE_SLEEP_WAIT = 1,
    /* They go on after WakeUp, as if nothing had been; what their KV held is computed again. */
    ENGINE_SLEEP_KEEP = 2
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

/* A result as JSON text. */
typedef struct engine_json engine_json;

/* Reads one output of a model for content, reasoning and tool calls. */
typedef struct engine_chat_parser engine_chat_parser;

/* Computes texts of one model that makes vectors or scores, on its own thread. */
typedef struct engine_pooler engine_pooler;

/* Texts that were handed in together, and what came of them. */
typedef struct engine_pooling engine_pooling;

/* One text, or pair of texts, to be pooled. Zero what is not used. */
typedef struct engine_pooling_input {
    /* Set it in the first element of the array: the array's stride. */
    uint32_t struct_size;
    /* Zero. */
    int32_t reserved;
    /* The text, UTF-8, or NULL if ids are given. */
    const char *text;
    /* Bytes of text. */
    uint64_t text_len;
    /* The second text of a pair, UTF-8, or NULL. */
    const char *pair;
    /* Bytes of pair. */
    uint64_t pair_len;
    /* The ids, special tokens among them, or NULL if text is given. */
    const int32_t *tokens;
    /* How many ids. */
    uint64_t tokens_len;
    /* Which text of a pair each id is of, 0 or 1, tokens_len of them; NULL is the first. */
    const int32_t *token_types;
} engine_pooling_input;

/* Texts that are handed in together. Zero what is not used. */
typedef struct engine_pooling_args {
    /* sizeof(engine_pooling_args). */
    uint32_t struct_size;
    /* What is wanted of each text. */
    engine_pooling_task task;
    /* Params of kind POOLING, or NULL. Not needed after the call. */
    engine_params *params;
    /* The same as a JSON object, or NULL; not both. */
    const char *json;
    /* Bytes of json. */
    uint64_t json_len;
    /* The texts. Not needed after the call. */
    const engine_pooling_input *inputs;
    /* How many texts; at least 1. */
    uint64_t inputs_len;
} engine_pooling_args;

/* What came of one text. What its pointers point to lives until the pooling is released. */
typedef struct engine_pooling_result {
    /* sizeof(engine_pooling_result). */
    uint32_t struct_size;
    /* Rows of values: 1, or with TOKEN_EMBED one for each token. */
    int32_t rows;
    /* Columns of values: the vector's width, the number of labels, or 1 for a score. */
    int32_t columns;
    /* Zero. */
    int32_t reserved;
    /* The numbers, row by row. */
    const float *values;
    /*
     * The text's ids, special tokens among them; of two texts that were compared by their vectors,
     * both after one another.
     */
    const int32_t *tokens;
    /* How many ids. */
    uint64_t tokens_len;
} engine_pooling_result;

/* What a model makes of texts. */
typedef struct engine_pooler_info {
    /* sizeof(engine_pooler_info). */
    uint32_t struct_size;
    /*
     * 1 if it makes vectors (EMBED, and SCORE by their cosine), 0 if it judges (CLASSIFY, and SCORE
     * with one label). TOKEN_EMBED works with both.
     */
    int32_t embeds;
    /* Width of EMBED's vectors. */
    int32_t dimensions;
    /* Width of TOKEN_EMBED's rows. */
    int32_t hidden_size;
    /* Labels of CLASSIFY; 0 if it makes vectors. */
    int32_t num_labels;
    /* Longest text in tokens, special ones among them. */
    int32_t max_tokens;
} engine_pooler_info;

/* A request as it is handed in. Zero what is not used. */
typedef struct engine_submit_args {
    /* sizeof(engine_submit_args). */
    uint32_t struct_size;
    /* engine_submit_flags. */
    engine_submit_flags flags;
    /* Returned with every event; means nothing to the engine. */
    uint64_t user_tag;
    /* Params of kind REQUEST, or NULL. Not needed after the call. */
    engine_params *params;
    /* The same as a JSON object, or NULL; not both. Keys are those of the HTTP body. */
    const char *json;
    /* Bytes of json. */
    uint64_t json_len;
    /*
     * The prompt as text, or NULL. Exactly one of prompt, tokens and the params' keys "prompt" and
     * "prompt_token_ids" is given.
     */
    const char *prompt;
    /* Bytes of prompt. */
    uint64_t prompt_len;
    /* The prompt as ids, or NULL. */
    const int32_t *tokens;
    /* How many ids. */
    uint64_t tokens_len;
} engine_submit_args;

/* One token with its log probability. */
typedef struct engine_logprob {
    /* The id. */
    int32_t token;
    /* Log probability under the raw logits; may be minus infinity. */
    float logprob;
    /* Number of logits at least as large; 1 is the best. */
    int32_t rank;
} engine_logprob;

/*
 * Something that happened to a request. What its pointers point to lives until the next poll of the
 * same queue. Exactly one terminal event per request, cancelled ones included.
 */
typedef struct engine_event {
    /* Set it in the first element of the array: the array's stride. */
    uint32_t struct_size;
    /* What happened. */
    engine_event_kind kind;
    /* The caller's tag. */
    uint64_t user_tag;
    /* The engine's own id of the request. */
    uint64_t request_id;
    /* Which of the n outputs. */
    int32_t output_index;
    /* The token, or -1. */
    int32_t token;
    /*
     * Text that became final, never half a character; FAILED: the message. UTF-8, not
     * NUL-terminated.
     */
    const char *text;
    /* Bytes of text. */
    uint64_t text_len;
    /* The token's log probability if logprobs were asked for; else 0. */
    float logprob;
    /* The token's rank if logprobs were asked for; else 0. */
    int32_t rank;
    /* OUTPUT_FINISHED: why. */
    engine_finish_reason finish_reason;
    /* FAILED: the status; else ENGINE_OK. */
    engine_status status;
    /*
     * The token itself first, then the best N; PROMPT: those of all prompt tokens one after
     * another.
     */
    const engine_logprob *logprobs;
    /* How many entries. */
    uint64_t logprobs_len;
    /* PROMPT: the prompt's ids. */
    const int32_t *tokens;
    /* How many ids. */
    uint64_t tokens_len;
    /*
     * PROMPT, if prompt_logprobs were asked for: how many of logprobs belong to each prompt token;
     * the first has none. Else NULL.
     */
    const int32_t *logprob_counts;
    /* Prompt tokens whose KV came from the prefix cache. */
    int32_t num_cached_tokens;
    /* OUTPUT_FINISHED by a stop token id: the id; else -1. */
    int32_t stop_token;
    /* OUTPUT_FINISHED by a stop string: the string; else NULL. */
    const char *stop_text;
    /* Bytes of stop_text. */
    uint64_t stop_text_len;
    /* FAILED: path of the offending field, NUL-terminated, or NULL. */
    const char *parameter;
} engine_event;

/* Counters of one engine at one moment; engine_metrics_json has the histograms too. */
typedef struct engine_metrics {
    /* sizeof(engine_metrics). */
    uint32_t struct_size;
    /* Requests with an output that holds blocks. */
    int32_t num_requests_running;
    /* Requests queued, preempted ones included. */
    int32_t num_requests_waiting;
    /* KV blocks in all. */
    int32_t num_blocks;
    /* Share of blocks referenced, 0 to 1. */
    double kv_cache_usage;
    /* Prompt tokens looked up in the prefix cache. */
    int64_t prefix_cache_queries;
    /* Prompt tokens found there. */
    int64_t prefix_cache_hits;
    /* Preemptions. */
    int64_t num_preemptions;
    /* Prompt tokens of requests whose prompt has been computed. */
    int64_t prompt_tokens;
    /* Tokens generated. */
    int64_t generation_tokens;
    /* Steps executed. */
    int64_t num_steps;
    /* Requests that failed. */
    int64_t num_failed;
} engine_metrics;

/* What is known of a model. */
typedef struct engine_model_info {
    /* sizeof(engine_model_info). */
    uint32_t struct_size;
    /* Ids are 0 .. vocab_size - 1. */
    int32_t vocab_size;
    /* Longest prompt plus output. */
    int32_t max_model_len;
    /* Begins a text, or -1. */
    int32_t bos_token_id;
    /* Ends an output, or -1; the first of several. */
    int32_t eos_token_id;
    /* 1 if text can be tokenized. */
    int32_t has_tokenizer;
    /* 1 if there is a chat template. */
    int32_t has_chat_template;
    /* Zero. */
    int32_t reserved;
    /* Bytes of the weights in memory. */
    int64_t weight_bytes;
    /*
     * The architecture, as config.json names it; NUL-terminated, lives as long as the model handle.
     */
    const char *architecture;
    /* 1 if it is for engine_pooler_create, 0 if for engine_create. */
    int32_t is_pooling;
    /* Zero. */
    int32_t reserved2;
} engine_model_info;

/* What is known of a tokenizer. */
typedef struct engine_tokenizer_info {
    /* sizeof(engine_tokenizer_info). */
    uint32_t struct_size;
    /* Largest id + 1, added tokens included. */
    int32_t vocab_size;
    /* 1 if there is a chat template. */
    int32_t has_chat_template;
    /* Zero. */
    int32_t reserved;
} engine_tokenizer_info;

/* How far a load is. */
typedef struct engine_load_progress {
    /* sizeof(engine_load_progress). */
    uint32_t struct_size;
    /* 1 once engine_load_finish will not wait. */
    int32_t is_done;
    /* Bytes done of this stage. */
    int64_t done_bytes;
    /* Bytes of this stage in all, or 0 if unknown. */
    int64_t total_bytes;
    /* "download", "weights", ...: static, NUL-terminated. */
    const char *stage;
} engine_load_progress;

/* What a model will take, known from the headers of its files alone. */
typedef struct engine_plan {
    /* sizeof(engine_plan). */
    uint32_t struct_size;
    /* 1 if all of it fits the memory that is free now. */
    int32_t fits;
    /* Bytes of weights as computed with. */
    int64_t weight_bytes;
    /* Bytes of the KV cache. */
    int64_t kv_cache_bytes;
    /* Bytes of activations and logits of the largest step. */
    int64_t activation_bytes;
    /* All of it. */
    int64_t total_bytes;
    /* Memory free now. */
    int64_t free_bytes;
    /* Parameters, tied ones once. */
    int64_t num_parameters;
    /* Tokens that the KV cache holds. */
    int64_t num_kv_tokens;
    /* KV blocks. */
    int32_t num_blocks;
    /* Longest prompt plus output. */
    int32_t max_model_len;
} engine_plan;

/*
 * Stops stepping and gives memory back until engine_wake_up; returns when the engine sleeps.
 * Requests may be submitted meanwhile: they wait. Sleeping deeper than before is fine.
 * @param engine The engine.
 * @param level 0 frees nothing, 1 the KV cache and what steps need, 2 the weights, too.
 * @param mode What becomes of requests under way.
 * @param timeout_ms How long it may take, which with ENGINE_SLEEP_WAIT is as long as requests run;
 *     -1 without end.
 * @return ENGINE_E_TIMEOUT if requests still run: the engine stays awake. ENGINE_E_UNSUPPORTED if
 *     it cannot sleep so deep.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_sleep(
    engine_t *engine, int32_t level, engine_sleep_mode mode, int32_t timeout_ms,
    engine_error **err);

/*
 * Takes memory again, loads what was freed, and goes on with the requests that wait; returns when
 * that is done. An engine that is awake stays as it is.
 * @param engine The engine.
 * @param weights_only 1 loads the weights alone: it sleeps on at level 1.
 * @return ENGINE_E_OUT_OF_MEMORY, or what loading fails with: the engine sleeps on and can be woken
 *     again.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_wake_up(engine_t *engine, int32_t weights_only, engine_error **err);

/*
 * How deep an engine sleeps.
 * @param engine The engine.
 * @param out_level Takes 0, 1 or 2; -1 if it is awake.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_sleep_level(
    engine_t *engine, int32_t *out_level, engine_error **err);

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

/*
 * Loads a model and waits for it.
 * @param path A folder in Hugging Face layout, a hub name, or "fake:" for a deterministic model
 *     without weights. UTF-8.
 * @param path_len Its bytes.
 * @param params Params of kind MODEL, or NULL.
 * @param out_model Takes the model; release it.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_model_load(
    const char *path, uint64_t path_len, engine_params *params, engine_model **out_model,
    engine_error **err);

/*
 * What a model and one engine on it would take, from the headers of the files: no weight is read.
 * @param path As for engine_model_load, but for "fake:".
 * @param path_len Its bytes.
 * @param params Params of kind MODEL, or NULL.
 * @param engine_params Params of kind ENGINE, or NULL.
 * @param plan Set struct_size; filled up to it.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_model_plan(
    const char *path, uint64_t path_len, engine_params *params, engine_params *engine_params,
    engine_plan *plan, engine_error **err);

/*
 * What is known of a model.
 * @param model The model.
 * @param info Set struct_size; filled up to it.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_model_get_info(
    engine_model *model, engine_model_info *info, engine_error **err);

/*
 * The sampling parameters that the model's authors recommend, as generation_config.json has them.
 * @param model The model.
 * @param out_params Takes params of kind REQUEST; release them.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_model_default_params(
    engine_model *model, engine_params **out_params, engine_error **err);

/*
 * The model's tokenizer. It keeps the model in memory.
 * @param model The model.
 * @param out_tokenizer Takes the tokenizer; release it.
 * @return ENGINE_E_NOT_FOUND if the model has none.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_model_tokenizer(
    engine_model *model, engine_tokenizer **out_tokenizer, engine_error **err);

/*
 * Frees a model once the last engine and tokenizer made from it is released too; NULL is a no-op.
 * @param model The model or NULL.
 * @return ENGINE_E_INVALID_HANDLE if it was released before.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_model_release(engine_model *model);

/*
 * Starts to load a model on a thread of its own.
 * @param path As for engine_model_load.
 * @param path_len Its bytes.
 * @param params Params of kind MODEL, or NULL.
 * @param out_load Takes the load; release it.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_load_start(
    const char *path, uint64_t path_len, engine_params *params, engine_load **out_load,
    engine_error **err);

/*
 * Waits for the end of a load, and says how far it is.
 * @param load The load.
 * @param timeout_ms How long to wait; 0 not at all, -1 until the end.
 * @param progress Set struct_size; filled up to it.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_load_poll(
    engine_load *load, int32_t timeout_ms, engine_load_progress *progress, engine_error **err);

/*
 * Asks a load to end; engine_load_finish then gives ENGINE_E_CANCELLED. Idempotent.
 * @param load The load.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_load_cancel(engine_load *load, engine_error **err);

/*
 * Waits for the end of a load and takes the model, once.
 * @param load The load; it is still to be released.
 * @param out_model Takes the model; release it.
 * @return Whatever engine_model_load would have given.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_load_finish(
    engine_load *load, engine_model **out_model, engine_error **err);

/*
 * Cancels a load that has not ended, waits for its thread and frees it; NULL is a no-op.
 * @param load The load or NULL.
 * @return ENGINE_E_INVALID_HANDLE if it was released before.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_load_release(engine_load *load);

/*
 * Loads a tokenizer without a model.
 * @param path A model folder, or a tokenizer file of it. UTF-8.
 * @param path_len Its bytes.
 * @param out_tokenizer Takes the tokenizer; release it.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_tokenizer_load(
    const char *path, uint64_t path_len, engine_tokenizer **out_tokenizer, engine_error **err);

/*
 * What is known of a tokenizer.
 * @param tokenizer The tokenizer.
 * @param info Set struct_size; filled up to it.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_tokenizer_get_info(
    engine_tokenizer *tokenizer, engine_tokenizer_info *info, engine_error **err);

/*
 * Ids of a text.
 * @param tokenizer The tokenizer.
 * @param text UTF-8; bytes that are not become U+FFFD.
 * @param text_len Its bytes.
 * @param flags engine_text_flags.
 * @param tokens Takes the ids.
 * @param capacity How many fit.
 * @param length How many there are.
 * @return ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_tokenize(
    engine_tokenizer *tokenizer, const char *text, uint64_t text_len, engine_text_flags flags,
    int32_t *tokens, uint64_t capacity, uint64_t *length, engine_error **err);

/*
 * Text of ids.
 * @param tokenizer The tokenizer.
 * @param tokens The ids; those outside the vocabulary are refused.
 * @param tokens_len How many.
 * @param flags engine_text_flags.
 * @param buffer Takes the text, UTF-8, not NUL-terminated.
 * @param capacity Its size in bytes.
 * @param length The size needed.
 * @return ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_detokenize(
    engine_tokenizer *tokenizer, const int32_t *tokens, uint64_t tokens_len, engine_text_flags flags,
    char *buffer, uint64_t capacity, uint64_t *length, engine_error **err);

/*
 * The id of a token as the tokenizer's file spells it.
 * @param tokenizer The tokenizer.
 * @param token UTF-8.
 * @param token_len Its bytes.
 * @param out_id Takes the id.
 * @return ENGINE_E_NOT_FOUND if the vocabulary has no such token.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_token_to_id(
    engine_tokenizer *tokenizer, const char *token, uint64_t token_len, int32_t *out_id,
    engine_error **err);

/*
 * A token as the tokenizer's file spells it.
 * @param tokenizer The tokenizer.
 * @param id The id.
 * @param buffer Takes the text, UTF-8, not NUL-terminated.
 * @param capacity Its size in bytes.
 * @param length The size needed.
 * @return ENGINE_E_NOT_FOUND if the vocabulary has no such id.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_id_to_token(
    engine_tokenizer *tokenizer, int32_t id, char *buffer, uint64_t capacity, uint64_t *length,
    engine_error **err);

/*
 * Frees a tokenizer; NULL is a no-op.
 * @param tokenizer The tokenizer or NULL.
 * @return ENGINE_E_INVALID_HANDLE if it was released before.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_tokenizer_release(engine_tokenizer *tokenizer);

/*
 * The prompt of a conversation, as the model's chat template writes it. Tokenized, what messages
 * wrote could become control tokens: engine_chat_tokenize keeps it text.
 * @param tokenizer The tokenizer, whose folder has the template.
 * @param json {"messages": [...], "tools": [...], "documents": [...], "add_generation_prompt":
 *     false, "continue_final_message": false, "chat_template": "...", and any further variable of
 *     the template}.
 * @param json_len Its bytes.
 * @param buffer Takes the text, UTF-8, not NUL-terminated.
 * @param capacity Its size in bytes.
 * @param length The size needed.
 * @return ENGINE_E_NOT_FOUND if there is no template; ENGINE_E_INVALID_ARGUMENT if it refuses the
 *     conversation.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_chat_template_apply(
    engine_tokenizer *tokenizer, const char *json, uint64_t json_len, char *buffer,
    uint64_t capacity, uint64_t *length, engine_error **err);

/*
 * The ids of a conversation's prompt, for engine_submit. Control tokens are the template's alone:
 * what messages, tools, documents and variables spell stays text, as the HTTP server has it.
 * @param tokenizer The tokenizer, whose folder has the template.
 * @param json As for engine_chat_template_apply; also "add_special_tokens": false, and
 *     "allow_control_tokens": false, which lets messages write them.
 * @param json_len Its bytes.
 * @param tokens Takes the ids.
 * @param capacity How many fit.
 * @param length How many there are.
 * @return ENGINE_E_NOT_FOUND if there is no template; ENGINE_E_INVALID_ARGUMENT if it refuses the
 *     conversation; ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_chat_tokenize(
    engine_tokenizer *tokenizer, const char *json, uint64_t json_len, int32_t *tokens,
    uint64_t capacity, uint64_t *length, engine_error **err);

/*
 * A parser for one output.
 * @param json {"tool_parser", "reasoning_parser", "tools": [...], "prompt", "chat_template"}, all
 *     optional. The parsers are vLLM's names, or "auto" for what the text of chat_template shows;
 *     without one, calls or thoughts are not looked for. tools give the types of formats that write
 *     values as text. prompt is the rendered prompt: it may have opened or closed the thought.
 * @param json_len Its bytes.
 * @param out_parser Takes the parser; release it.
 * @return ENGINE_E_INVALID_ARGUMENT for an unknown name; the message lists the known ones.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_chat_parser_create(
    const char *json, uint64_t json_len, engine_chat_parser **out_parser, engine_error **err);

/*
 * Takes the next piece of the output.
 * @param parser The parser.
 * @param text UTF-8, cut anywhere.
 * @param text_len Its bytes.
 * @param out_json Takes a list of what became final: {"kind": "content", "reasoning", "tool_call"
 *     or "arguments", "text" or a call's "name", a call's "index" and "id"}; release it.
 * Threads: any thread, one at a time per object. Since 0.1, stable.
 */
ENGINE_API engine_status engine_chat_parser_feed(
    engine_chat_parser *parser, const char *text, uint64_t text_len, engine_json **out_json,
    engine_error **err);

/*
 * Ends the output.
 * @param parser The parser.
 * @param out_json Takes what was held back, as engine_chat_parser_feed gives it; release it.
 * Threads: any thread, one at a time per object. Since 0.1, stable.
 */
ENGINE_API engine_status engine_chat_parser_finish(
    engine_chat_parser *parser, engine_json **out_json, engine_error **err);

/*
 * Frees a parser; NULL is a no-op.
 * @param parser The parser or NULL.
 * @return ENGINE_E_INVALID_HANDLE if it was released before.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_chat_parser_release(engine_chat_parser *parser);

/*
 * Makes an engine: one scheduler on a thread of its own, with its own KV cache.
 * @param model The model; it may be released right after.
 * @param params Params of kind ENGINE, or NULL.
 * @param out_engine Takes the engine; release it.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_create(
    engine_model *model, engine_params *params, engine_t **out_engine, engine_error **err);

/*
 * Hands a request to the engine and returns at once. Text is tokenized on the calling thread.
 * @param engine The engine.
 * @param args The request; set struct_size.
 * @param out_id Takes the engine's own id of the request, or NULL.
 * @param out_request Takes a handle to release, or NULL if none is wanted.
 * @return ENGINE_E_WOULD_BLOCK if the queue is full: try again later. No event follows an error.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_submit(
    engine_t *engine, const engine_submit_args *args, uint64_t *out_id, engine_request **out_request,
    engine_error **err);

/*
 * Waits for events of the engine's requests, but for those with a queue of their own. What the
 * events point to lives until the next poll of this engine: let one thread poll, or copy under a
 * lock.
 * @param engine The engine.
 * @param timeout_ms How long to wait for the first; 0 not at all, -1 without end.
 * @param events Takes the events; set struct_size of the first: it is the array's stride.
 * @param capacity How many fit.
 * @param count How many came; 0 if the time is over or engine_wake was called.
 * @return ENGINE_E_SHUTTING_DOWN if the engine is released meanwhile.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_poll(
    engine_t *engine, int32_t timeout_ms, engine_event *events, uint64_t capacity, uint64_t *count,
    engine_error **err);

/*
 * Makes the engine_poll that waits, or else the next one, return.
 * @param engine The engine.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_wake(engine_t *engine, engine_error **err);

/*
 * A descriptor that is readable while engine_poll would not wait (level-triggered; an eventfd). It
 * belongs to the engine: never read or close it.
 * @param engine The engine.
 * @param out_fd Takes the descriptor.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_fd(engine_t *engine, int32_t *out_fd, engine_error **err);

/*
 * Asks the engine to end a request by its id. Idempotent; unknown ids and ended requests are no
 * error.
 * @param engine The engine.
 * @param request_id What engine_submit gave.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_cancel(engine_t *engine, uint64_t request_id, engine_error **err);

/*
 * Whether the engine works.
 * @param engine The engine.
 * @return ENGINE_E_ENGINE_FAILED if it failed, ENGINE_E_DEVICE_LOST if its GPU did,
 *     ENGINE_E_TIMEOUT if work is pending and no step ends, ENGINE_E_SHUTTING_DOWN if it drains.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_health(engine_t *engine, engine_error **err);

/*
 * Takes nothing new, lets running requests end, cancels the rest and stops the thread. Idempotent.
 * @param engine The engine; it is still to be polled to the end and released.
 * @param timeout_ms How long requests may take to end; 0 cancels at once, -1 waits for all.
 * @return ENGINE_E_TIMEOUT if requests had to be cancelled.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_stop(engine_t *engine, int32_t timeout_ms, engine_error **err);

/*
 * Lets go of an engine; NULL is a no-op. It is freed, its remaining requests cancelled, once the
 * handles of its requests are released too.
 * @param engine The engine or NULL.
 * @return ENGINE_E_INVALID_HANDLE if it was released before.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_release(engine_t *engine);

/*
 * The engine's own id of a request.
 * @param request The request.
 * @param out_id Takes the id.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_request_id(
    engine_request *request, uint64_t *out_id, engine_error **err);

/*
 * Asks the engine to end a request, even in prefill. Its terminal event still comes. Idempotent;
 * nothing happens to a request that has ended.
 * @param request The request.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_request_cancel(engine_request *request, engine_error **err);

/*
 * Waits for events of one request, submitted with ENGINE_SUBMIT_OWN_QUEUE.
 * @param request The request.
 * @param timeout_ms How long to wait for the first; 0 not at all, -1 without end.
 * @param events Takes the events; set struct_size of the first: it is the array's stride.
 * @param capacity How many fit.
 * @param count How many came; 0 if the time is over.
 * @return ENGINE_E_INVALID_ARGUMENT if its events go to engine_poll.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_request_poll(
    engine_request *request, int32_t timeout_ms, engine_event *events, uint64_t capacity,
    uint64_t *count, engine_error **err);

/*
 * A descriptor that is readable while engine_request_poll would not wait; as engine_fd.
 * @param request The request.
 * @param out_fd Takes the descriptor.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_request_fd(
    engine_request *request, int32_t *out_fd, engine_error **err);

/*
 * Lets go of a request; NULL is a no-op. One with a queue of its own is cancelled, since nobody can
 * poll it; any other goes on.
 * @param request The request or NULL.
 * @return ENGINE_E_INVALID_HANDLE if it was released before.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_request_release(engine_request *request);

/*
 * Searches for the most likely outputs and waits for them. Other requests run meanwhile.
 * @param engine The engine; its max_logprobs must be at least 2 * beam_width.
 * @param json {"prompt" or "prompt_token_ids", "beam_width", "max_tokens", "length_penalty",
 *     "ignore_eos", "early_stopping": false, true or "never", "add_special_tokens",
 *     "structured_outputs"}.
 * @param json_len Its bytes.
 * @param out_json Takes {"prompt_token_ids", "sequences": [{"token_ids", "text", "cum_logprob",
 *     "score", "finish_reason"}]}, best first; release it.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_beam_search(
    engine_t *engine, const char *json, uint64_t json_len, engine_json **out_json,
    engine_error **err);

/*
 * The text of a JSON result: NUL-terminated UTF-8, valid until it is released.
 * @param json The result.
 * @param out_text Takes the text.
 * @param length Its bytes.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_json_text(
    engine_json *json, const char **out_text, uint64_t *length, engine_error **err);

/*
 * Frees a JSON result; NULL is a no-op.
 * @param json The result or NULL.
 * @return ENGINE_E_INVALID_HANDLE if it was released before.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_json_release(engine_json *json);

/*
 * An engine's counters at one moment.
 * @param engine The engine.
 * @param metrics Set struct_size; filled up to it.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_metrics_snapshot(
    engine_t *engine, engine_metrics *metrics, engine_error **err);

/*
 * An engine's counters and histograms as JSON, under vLLM's metric names.
 * @param engine The engine.
 * @param buffer Takes the text; not NUL-terminated.
 * @param capacity Its size in bytes.
 * @param length The size needed.
 * @return ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_metrics_json(
    engine_t *engine, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err);

/*
 * Makes a pooler: it computes texts on a thread of its own, as many at once as fit a batch, one
 * behind the other without padding.
 * @param model A model that engine_model_get_info says is one for pooling; it may be released right
 *     after.
 * @param params Params of kind ENGINE, or NULL; max_num_batched_tokens, max_num_seqs and
 *     max_queue_size count.
 * @param out_pooler Takes the pooler; release it.
 * @return ENGINE_E_UNSUPPORTED if the model was loaded to write.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_pooler_create(
    engine_model *model, engine_params *params, engine_pooler **out_pooler, engine_error **err);

/*
 * What the pooler makes of texts.
 * @param pooler The pooler.
 * @param info Set struct_size; filled up to it.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_pooler_get_info(
    engine_pooler *pooler, engine_pooler_info *info, engine_error **err);

/*
 * The name of a label of CLASSIFY.
 * @param pooler The pooler.
 * @param index Which; its column in the results.
 * @param buffer Takes the text, UTF-8, not NUL-terminated.
 * @param capacity Its size in bytes.
 * @param length The size needed.
 * @return ENGINE_E_NOT_FOUND if there is no such label.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_pooler_label(
    engine_pooler *pooler, int32_t index, char *buffer, uint64_t capacity, uint64_t *length,
    engine_error **err);

/*
 * Hands in texts and returns at once. Text is tokenized on the calling thread. A text that is
 * refused or fails leaves the others alone: engine_pooling_get_result says so of it alone.
 * @param pooler The pooler.
 * @param args The texts and what is wanted of them; set struct_size of it and of the first input.
 * @param out_pooling Takes the pooling; release it.
 * @return ENGINE_E_WOULD_BLOCK if the queue is full: try again later; ENGINE_E_UNSUPPORTED if the
 *     model cannot do the task.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_pooler_submit(
    engine_pooler *pooler, const engine_pooling_args *args, engine_pooling **out_pooling,
    engine_error **err);

/*
 * A pooler's counters and histograms as JSON, as engine_metrics_json gives an engine's.
 * @param pooler The pooler.
 * @param buffer Takes the text; not NUL-terminated.
 * @param capacity Its size in bytes.
 * @param length The size needed.
 * @return ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_pooler_metrics_json(
    engine_pooler *pooler, char *buffer, uint64_t capacity, uint64_t *length, engine_error **err);

/*
 * Takes nothing new, lets texts end, cancels the rest and stops the thread. Idempotent.
 * @param pooler The pooler; it is still to be released.
 * @param timeout_ms How long texts may take to end; 0 cancels at once, -1 waits for all.
 * @return ENGINE_E_TIMEOUT if texts had to be cancelled.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_pooler_stop(
    engine_pooler *pooler, int32_t timeout_ms, engine_error **err);

/*
 * Lets go of a pooler; NULL is a no-op. It is freed once the poolings made of it are released too.
 * @param pooler The pooler or NULL.
 * @return ENGINE_E_INVALID_HANDLE if it was released before.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_pooler_release(engine_pooler *pooler);

/*
 * Waits until every text has ended.
 * @param pooling The pooling.
 * @param timeout_ms How long to wait; 0 not at all, -1 until the end.
 * @param num_ended How many texts have ended, failed ones included; all of them unless the time is
 *     over.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_pooling_wait(
    engine_pooling *pooling, int32_t timeout_ms, uint64_t *num_ended, engine_error **err);

/*
 * A descriptor that is readable once every text has ended. It belongs to the pooling: never read or
 * close it.
 * @param pooling The pooling.
 * @param out_fd Takes the descriptor.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_pooling_fd(
    engine_pooling *pooling, int32_t *out_fd, engine_error **err);

/*
 * Ends every text that has not ended, with ENGINE_E_CANCELLED. Idempotent.
 * @param pooling The pooling.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_pooling_cancel(engine_pooling *pooling, engine_error **err);

/*
 * What came of one text; does not wait.
 * @param pooling The pooling.
 * @param index Which text.
 * @param result Set struct_size; filled up to it.
 * @return Why the text failed; ENGINE_E_WOULD_BLOCK if it has not ended.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_pooling_get_result(
    engine_pooling *pooling, uint64_t index, engine_pooling_result *result, engine_error **err);

/*
 * Cancels what has not ended and frees the results; NULL is a no-op.
 * @param pooling The pooling or NULL.
 * @return ENGINE_E_INVALID_HANDLE if it was released before.
 * Threads: any thread, any time. Since 0.1, stable.
 */
ENGINE_API engine_status engine_pooling_release(engine_pooling *pooling);

#ifdef __cplusplus
}
#endif

#endif
