# Generated from the C# sources by abi/Generator; do not edit.
"""Constants, structs and prototypes of libengine's C interface."""

import ctypes as C

ABI_VERSION = (0 << 16) | 1
VERSION = "0.1.0"

OK = 0
IDLE = 1
E_INVALID_ARGUMENT = -1
E_INVALID_HANDLE = -2
E_NOT_FOUND = -3
E_BUFFER_TOO_SMALL = -4
E_WOULD_BLOCK = -5
E_OUT_OF_MEMORY = -6
E_CANCELLED = -7
E_TIMEOUT = -8
E_UNSUPPORTED = -9
E_CORRUPT_DATA = -10
E_IO = -11
E_ENGINE_FAILED = -12
E_SHUTTING_DOWN = -13
E_FORKED = -14
E_INTERNAL = -15
E_DEVICE_LOST = -16

PARAMS_LIBRARY = 0
PARAMS_MODEL = 1
PARAMS_ENGINE = 2
PARAMS_REQUEST = 3
PARAMS_POOLING = 4

EVENT_TOKEN = 0
EVENT_PROMPT = 1
EVENT_OUTPUT_FINISHED = 2
EVENT_FINISHED = 3
EVENT_FAILED = 4

FINISH_NONE = 0
FINISH_STOP = 1
FINISH_LENGTH = 2
FINISH_ABORT = 3
FINISH_ERROR = 4

LOG_OFF = 0
LOG_ERROR = 1
LOG_WARNING = 2
LOG_INFO = 3
LOG_DEBUG = 4

TEXT_NONE = 0
TEXT_ADD_SPECIAL = 1
TEXT_SKIP_SPECIAL = 2
TEXT_PLAIN = 4

SUBMIT_NONE = 0
SUBMIT_OWN_QUEUE = 1

POOLING_EMBED = 0
POOLING_CLASSIFY = 1
POOLING_TOKEN_EMBED = 2
POOLING_SCORE = 3

SLEEP_ABORT = 0
SLEEP_WAIT = 1
SLEEP_KEEP = 2

LIBRARY_KEYS = frozenset((
    "log_level",
))
MODEL_KEYS = frozenset((
    "tokenizer",
    "dtype",
    "runner",
    "hf_overrides",
    "load_format",
    "quantization",
    "activation_precision",
    "device",
    "num_threads",
    "cpus",
    "numa",
    "enforce_eager",
    "async_scheduling",
    "cudagraph_capture_sizes",
    "max_cudagraph_capture_size",
    "max_model_len",
    "revision",
    "download_dir",
    "seed",
))
ENGINE_KEYS = frozenset((
    "block_size",
    "num_blocks",
    "kv_cache_memory_bytes",
    "gpu_memory_utilization",
    "kv_cache_dtype",
    "max_num_seqs",
    "max_num_batched_tokens",
    "max_queue_size",
    "max_model_len",
    "enable_prefix_caching",
    "enable_chunked_prefill",
    "max_logprobs",
    "max_n",
    "speculative_config",
    "seed",
))
REQUEST_KEYS = frozenset((
    "prompt",
    "prompt_token_ids",
    "add_special_tokens",
    "request_id",
    "priority",
    "cache_salt",
    "n",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "typical_p",
    "top_n_sigma",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "logit_bias",
    "allowed_token_ids",
    "bad_words",
    "no_repeat_ngram_size",
    "dry_multiplier",
    "dry_base",
    "dry_allowed_length",
    "dry_penalty_last_n",
    "dry_sequence_breakers",
    "xtc_probability",
    "xtc_threshold",
    "dynatemp_range",
    "dynatemp_exponent",
    "mirostat_mode",
    "mirostat_tau",
    "mirostat_eta",
    "structured_outputs",
    "stop",
    "stop_token_ids",
    "include_stop_str_in_output",
    "ignore_eos",
    "max_tokens",
    "min_tokens",
    "seed",
    "logprobs",
    "logprob_token_ids",
    "prompt_logprobs",
    "repetition_detection",
    "thinking_token_budget",
    "reasoning_parser",
    "starts_in_thought",
    "detokenize",
    "skip_special_tokens",
    "spaces_between_special_tokens",
    "speculative",
    "output_kind",
))
POOLING_KEYS = frozenset((
    "dimensions",
    "normalize",
    "use_activation",
    "truncate_prompt_tokens",
    "prompt_name",
    "add_special_tokens",
))


class PoolingInput(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("reserved", C.c_int32),
        ("text", C.c_void_p),
        ("text_len", C.c_uint64),
        ("pair", C.c_void_p),
        ("pair_len", C.c_uint64),
        ("tokens", C.POINTER(C.c_int32)),
        ("tokens_len", C.c_uint64),
        ("token_types", C.POINTER(C.c_int32)),
    ]


class PoolingArgs(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("task", C.c_int32),
        ("params", C.c_void_p),
        ("json", C.c_void_p),
        ("json_len", C.c_uint64),
        ("inputs", C.POINTER(PoolingInput)),
        ("inputs_len", C.c_uint64),
    ]


class PoolingResult(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("rows", C.c_int32),
        ("columns", C.c_int32),
        ("reserved", C.c_int32),
        ("values", C.POINTER(C.c_float)),
        ("tokens", C.POINTER(C.c_int32)),
        ("tokens_len", C.c_uint64),
    ]


class PoolerInfo(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("embeds", C.c_int32),
        ("dimensions", C.c_int32),
        ("hidden_size", C.c_int32),
        ("num_labels", C.c_int32),
        ("max_tokens", C.c_int32),
    ]


class SubmitArgs(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("flags", C.c_int32),
        ("user_tag", C.c_uint64),
        ("params", C.c_void_p),
        ("json", C.c_void_p),
        ("json_len", C.c_uint64),
        ("prompt", C.c_void_p),
        ("prompt_len", C.c_uint64),
        ("tokens", C.POINTER(C.c_int32)),
        ("tokens_len", C.c_uint64),
    ]


class Logprob(C.Structure):
    _fields_ = [
        ("token", C.c_int32),
        ("logprob", C.c_float),
        ("rank", C.c_int32),
    ]


class Event(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("kind", C.c_int32),
        ("user_tag", C.c_uint64),
        ("request_id", C.c_uint64),
        ("output_index", C.c_int32),
        ("token", C.c_int32),
        ("text", C.c_void_p),
        ("text_len", C.c_uint64),
        ("logprob", C.c_float),
        ("rank", C.c_int32),
        ("finish_reason", C.c_int32),
        ("status", C.c_int32),
        ("logprobs", C.POINTER(Logprob)),
        ("logprobs_len", C.c_uint64),
        ("tokens", C.POINTER(C.c_int32)),
        ("tokens_len", C.c_uint64),
        ("logprob_counts", C.POINTER(C.c_int32)),
        ("num_cached_tokens", C.c_int32),
        ("stop_token", C.c_int32),
        ("stop_text", C.c_void_p),
        ("stop_text_len", C.c_uint64),
        ("parameter", C.c_void_p),
    ]


class Metrics(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("num_requests_running", C.c_int32),
        ("num_requests_waiting", C.c_int32),
        ("num_blocks", C.c_int32),
        ("kv_cache_usage", C.c_double),
        ("prefix_cache_queries", C.c_int64),
        ("prefix_cache_hits", C.c_int64),
        ("num_preemptions", C.c_int64),
        ("prompt_tokens", C.c_int64),
        ("generation_tokens", C.c_int64),
        ("num_steps", C.c_int64),
        ("num_failed", C.c_int64),
    ]


class ModelInfo(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("vocab_size", C.c_int32),
        ("max_model_len", C.c_int32),
        ("bos_token_id", C.c_int32),
        ("eos_token_id", C.c_int32),
        ("has_tokenizer", C.c_int32),
        ("has_chat_template", C.c_int32),
        ("reserved", C.c_int32),
        ("weight_bytes", C.c_int64),
        ("architecture", C.c_void_p),
        ("is_pooling", C.c_int32),
        ("reserved2", C.c_int32),
    ]


class TokenizerInfo(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("vocab_size", C.c_int32),
        ("has_chat_template", C.c_int32),
        ("reserved", C.c_int32),
    ]


class LoadProgress(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("is_done", C.c_int32),
        ("done_bytes", C.c_int64),
        ("total_bytes", C.c_int64),
        ("stage", C.c_void_p),
    ]


class Plan(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("fits", C.c_int32),
        ("weight_bytes", C.c_int64),
        ("kv_cache_bytes", C.c_int64),
        ("activation_bytes", C.c_int64),
        ("total_bytes", C.c_int64),
        ("free_bytes", C.c_int64),
        ("num_parameters", C.c_int64),
        ("num_kv_tokens", C.c_int64),
        ("num_blocks", C.c_int32),
        ("max_model_len", C.c_int32),
    ]


# name: (result, arguments)
PROTOTYPES = {
    "engine_sleep": (C.c_int32, [C.c_void_p, C.c_int32, C.c_int32, C.c_int32, C.POINTER(C.c_void_p)]),
    "engine_wake_up": (C.c_int32, [C.c_void_p, C.c_int32, C.POINTER(C.c_void_p)]),
    "engine_sleep_level": (C.c_int32, [C.c_void_p, C.POINTER(C.c_int32), C.POINTER(C.c_void_p)]),
    "engine_abi_version": (C.c_uint32, []),
    "engine_version_string": (C.c_char_p, []),
    "engine_status_name": (C.c_char_p, [C.c_int32]),
    "engine_status_message": (C.c_char_p, [C.c_int32]),
    "engine_has_feature": (C.c_int32, [C.c_char_p]),
    "engine_abi_layout_json": (C.c_int32, [C.c_void_p, C.c_uint64, C.POINTER(C.c_uint64)]),
    "engine_init": (C.c_int32, [C.c_void_p, C.POINTER(C.c_void_p)]),
    "engine_shutdown": (C.c_int32, [C.c_int32, C.POINTER(C.c_void_p)]),
    "engine_log_set_level": (C.c_int32, [C.c_int32, C.POINTER(C.c_void_p)]),
    "engine_log_drain": (C.c_int32, [C.c_void_p, C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_error_code": (C.c_int32, [C.c_void_p]),
    "engine_error_message": (C.c_char_p, [C.c_void_p]),
    "engine_error_parameter": (C.c_char_p, [C.c_void_p]),
    "engine_error_retryable": (C.c_int32, [C.c_void_p]),
    "engine_error_release": (C.c_int32, [C.c_void_p]),
    "engine_params_create": (C.c_int32, [C.c_int32, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_params_from_json": (C.c_int32, [C.c_int32, C.c_char_p, C.c_uint64, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_params_set_i64": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_int64, C.POINTER(C.c_void_p)]),
    "engine_params_set_f64": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_double, C.POINTER(C.c_void_p)]),
    "engine_params_set_bool": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_int32, C.POINTER(C.c_void_p)]),
    "engine_params_set_str": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_uint64, C.POINTER(C.c_void_p)]),
    "engine_params_set_json": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_uint64, C.POINTER(C.c_void_p)]),
    "engine_params_json": (C.c_int32, [C.c_void_p, C.c_void_p, C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_params_release": (C.c_int32, [C.c_void_p]),
    "engine_model_load": (C.c_int32, [C.c_char_p, C.c_uint64, C.c_void_p, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_model_plan": (C.c_int32, [C.c_char_p, C.c_uint64, C.c_void_p, C.c_void_p, C.POINTER(Plan), C.POINTER(C.c_void_p)]),
    "engine_model_get_info": (C.c_int32, [C.c_void_p, C.POINTER(ModelInfo), C.POINTER(C.c_void_p)]),
    "engine_model_default_params": (C.c_int32, [C.c_void_p, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_model_tokenizer": (C.c_int32, [C.c_void_p, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_model_release": (C.c_int32, [C.c_void_p]),
    "engine_load_start": (C.c_int32, [C.c_char_p, C.c_uint64, C.c_void_p, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_load_poll": (C.c_int32, [C.c_void_p, C.c_int32, C.POINTER(LoadProgress), C.POINTER(C.c_void_p)]),
    "engine_load_cancel": (C.c_int32, [C.c_void_p, C.POINTER(C.c_void_p)]),
    "engine_load_finish": (C.c_int32, [C.c_void_p, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_load_release": (C.c_int32, [C.c_void_p]),
    "engine_tokenizer_load": (C.c_int32, [C.c_char_p, C.c_uint64, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_tokenizer_get_info": (C.c_int32, [C.c_void_p, C.POINTER(TokenizerInfo), C.POINTER(C.c_void_p)]),
    "engine_tokenize": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_uint64, C.c_int32, C.POINTER(C.c_int32), C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_detokenize": (C.c_int32, [C.c_void_p, C.POINTER(C.c_int32), C.c_uint64, C.c_int32, C.c_void_p, C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_token_to_id": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_uint64, C.POINTER(C.c_int32), C.POINTER(C.c_void_p)]),
    "engine_id_to_token": (C.c_int32, [C.c_void_p, C.c_int32, C.c_void_p, C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_tokenizer_release": (C.c_int32, [C.c_void_p]),
    "engine_chat_template_apply": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_uint64, C.c_void_p, C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_chat_tokenize": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_uint64, C.POINTER(C.c_int32), C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_chat_parser_create": (C.c_int32, [C.c_char_p, C.c_uint64, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_chat_parser_feed": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_uint64, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_chat_parser_finish": (C.c_int32, [C.c_void_p, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_chat_parser_release": (C.c_int32, [C.c_void_p]),
    "engine_create": (C.c_int32, [C.c_void_p, C.c_void_p, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_submit": (C.c_int32, [C.c_void_p, C.POINTER(SubmitArgs), C.POINTER(C.c_uint64), C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_poll": (C.c_int32, [C.c_void_p, C.c_int32, C.POINTER(Event), C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_wake": (C.c_int32, [C.c_void_p, C.POINTER(C.c_void_p)]),
    "engine_fd": (C.c_int32, [C.c_void_p, C.POINTER(C.c_int32), C.POINTER(C.c_void_p)]),
    "engine_cancel": (C.c_int32, [C.c_void_p, C.c_uint64, C.POINTER(C.c_void_p)]),
    "engine_health": (C.c_int32, [C.c_void_p, C.POINTER(C.c_void_p)]),
    "engine_stop": (C.c_int32, [C.c_void_p, C.c_int32, C.POINTER(C.c_void_p)]),
    "engine_release": (C.c_int32, [C.c_void_p]),
    "engine_request_id": (C.c_int32, [C.c_void_p, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_request_cancel": (C.c_int32, [C.c_void_p, C.POINTER(C.c_void_p)]),
    "engine_request_poll": (C.c_int32, [C.c_void_p, C.c_int32, C.POINTER(Event), C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_request_fd": (C.c_int32, [C.c_void_p, C.POINTER(C.c_int32), C.POINTER(C.c_void_p)]),
    "engine_request_release": (C.c_int32, [C.c_void_p]),
    "engine_beam_search": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_uint64, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_json_text": (C.c_int32, [C.c_void_p, C.POINTER(C.c_char_p), C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_json_release": (C.c_int32, [C.c_void_p]),
    "engine_metrics_snapshot": (C.c_int32, [C.c_void_p, C.POINTER(Metrics), C.POINTER(C.c_void_p)]),
    "engine_metrics_json": (C.c_int32, [C.c_void_p, C.c_void_p, C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_pooler_create": (C.c_int32, [C.c_void_p, C.c_void_p, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_pooler_get_info": (C.c_int32, [C.c_void_p, C.POINTER(PoolerInfo), C.POINTER(C.c_void_p)]),
    "engine_pooler_label": (C.c_int32, [C.c_void_p, C.c_int32, C.c_void_p, C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_pooler_submit": (C.c_int32, [C.c_void_p, C.POINTER(PoolingArgs), C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_pooler_metrics_json": (C.c_int32, [C.c_void_p, C.c_void_p, C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_pooler_stop": (C.c_int32, [C.c_void_p, C.c_int32, C.POINTER(C.c_void_p)]),
    "engine_pooler_release": (C.c_int32, [C.c_void_p]),
    "engine_pooling_wait": (C.c_int32, [C.c_void_p, C.c_int32, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_pooling_fd": (C.c_int32, [C.c_void_p, C.POINTER(C.c_int32), C.POINTER(C.c_void_p)]),
    "engine_pooling_cancel": (C.c_int32, [C.c_void_p, C.POINTER(C.c_void_p)]),
    "engine_pooling_get_result": (C.c_int32, [C.c_void_p, C.c_uint64, C.POINTER(PoolingResult), C.POINTER(C.c_void_p)]),
    "engine_pooling_release": (C.c_int32, [C.c_void_p]),
}
