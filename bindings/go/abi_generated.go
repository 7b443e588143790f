// Code generated from the C# sources by abi/Generator; DO NOT EDIT.

package engine

// #include <engine/engine.h>
import "C"

import (
	"errors"
	"unsafe"
)

// Status is the result code of a call.
type Status int32

const abiVersion = 0<<16 | 1

const (
	StatusOk              Status = 0
	StatusIdle            Status = 1
	StatusInvalidArgument Status = -1
	StatusInvalidHandle   Status = -2
	StatusNotFound        Status = -3
	StatusBufferTooSmall  Status = -4
	StatusWouldBlock      Status = -5
	StatusOutOfMemory     Status = -6
	StatusCancelled       Status = -7
	StatusTimeout         Status = -8
	StatusUnsupported     Status = -9
	StatusCorruptData     Status = -10
	StatusIo              Status = -11
	StatusEngineFailed    Status = -12
	StatusShuttingDown    Status = -13
	StatusForked          Status = -14
	StatusInternal        Status = -15
	StatusDeviceLost      Status = -16
)

const (
	paramsLibrary = 0
	paramsModel   = 1
	paramsEngine  = 2
	paramsRequest = 3
	paramsPooling = 4
)

const (
	eventToken          = 0
	eventPrompt         = 1
	eventOutputFinished = 2
	eventFinished       = 3
	eventFailed         = 4
)

const (
	finishNone   = 0
	finishStop   = 1
	finishLength = 2
	finishAbort  = 3
	finishError  = 4
)

const (
	logOff     = 0
	logError   = 1
	logWarning = 2
	logInfo    = 3
	logDebug   = 4
)

const (
	textNone        = 0
	textAddSpecial  = 1
	textSkipSpecial = 2
	textPlain       = 4
)

const (
	submitNone     = 0
	submitOwnQueue = 1
)

const (
	poolingEmbed      = 0
	poolingClassify   = 1
	poolingTokenEmbed = 2
	poolingScore      = 3
)

const (
	sleepAbort = 0
	sleepWait  = 1
	sleepKeep  = 2
)

// Every error of this package is one of these, for errors.Is.
var (
	ErrInvalidArgument = errors.New("an argument is out of range")
	ErrInvalidHandle   = errors.New("the handle is null, stale, released or of another kind")
	ErrNotFound        = errors.New("a file, model, request or key does not exist")
	ErrBufferTooSmall  = errors.New("the buffer is too small; the size needed is returned")
	ErrWouldBlock      = errors.New("the queue is full; try again later")
	ErrOutOfMemory     = errors.New("memory is exhausted")
	ErrCancelled       = errors.New("the request was cancelled")
	ErrTimeout         = errors.New("the wait ended first")
	ErrUnsupported     = errors.New("known, but not available in this build, on this machine or for this model")
	ErrCorruptData     = errors.New("a file's content is malformed")
	ErrIO              = errors.New("reading or writing failed")
	ErrEngineFailed    = errors.New("the engine failed and does no more work")
	ErrShuttingDown    = errors.New("the engine is draining or shut down")
	ErrForked          = errors.New("the process has forked since the library was initialized")
	ErrInternal        = errors.New("an unexpected error, contained")
	ErrDeviceLost      = errors.New("the GPU or its driver failed for good; restart the process")
)

var statusErrors = map[Status]error{
	StatusInvalidArgument: ErrInvalidArgument,
	StatusInvalidHandle:   ErrInvalidHandle,
	StatusNotFound:        ErrNotFound,
	StatusBufferTooSmall:  ErrBufferTooSmall,
	StatusWouldBlock:      ErrWouldBlock,
	StatusOutOfMemory:     ErrOutOfMemory,
	StatusCancelled:       ErrCancelled,
	StatusTimeout:         ErrTimeout,
	StatusUnsupported:     ErrUnsupported,
	StatusCorruptData:     ErrCorruptData,
	StatusIo:              ErrIO,
	StatusEngineFailed:    ErrEngineFailed,
	StatusShuttingDown:    ErrShuttingDown,
	StatusForked:          ErrForked,
	StatusInternal:        ErrInternal,
	StatusDeviceLost:      ErrDeviceLost,
}

// Sizes and offsets: a difference does not compile.
const (
	_ = uint(unsafe.Sizeof(C.engine_pooling_input{}) - 64)
	_ = uint(64 - unsafe.Sizeof(C.engine_pooling_input{}))
	_ = uint(unsafe.Offsetof(C.engine_pooling_input{}.struct_size) - 0)
	_ = uint(0 - unsafe.Offsetof(C.engine_pooling_input{}.struct_size))
	_ = uint(unsafe.Offsetof(C.engine_pooling_input{}.reserved) - 4)
	_ = uint(4 - unsafe.Offsetof(C.engine_pooling_input{}.reserved))
	_ = uint(unsafe.Offsetof(C.engine_pooling_input{}.text) - 8)
	_ = uint(8 - unsafe.Offsetof(C.engine_pooling_input{}.text))
	_ = uint(unsafe.Offsetof(C.engine_pooling_input{}.text_len) - 16)
	_ = uint(16 - unsafe.Offsetof(C.engine_pooling_input{}.text_len))
	_ = uint(unsafe.Offsetof(C.engine_pooling_input{}.pair) - 24)
	_ = uint(24 - unsafe.Offsetof(C.engine_pooling_input{}.pair))
	_ = uint(unsafe.Offsetof(C.engine_pooling_input{}.pair_len) - 32)
	_ = uint(32 - unsafe.Offsetof(C.engine_pooling_input{}.pair_len))
	_ = uint(unsafe.Offsetof(C.engine_pooling_input{}.tokens) - 40)
	_ = uint(40 - unsafe.Offsetof(C.engine_pooling_input{}.tokens))
	_ = uint(unsafe.Offsetof(C.engine_pooling_input{}.tokens_len) - 48)
	_ = uint(48 - unsafe.Offsetof(C.engine_pooling_input{}.tokens_len))
	_ = uint(unsafe.Offsetof(C.engine_pooling_input{}.token_types) - 56)
	_ = uint(56 - unsafe.Offsetof(C.engine_pooling_input{}.token_types))
	_ = uint(unsafe.Sizeof(C.engine_pooling_args{}) - 48)
	_ = uint(48 - unsafe.Sizeof(C.engine_pooling_args{}))
	_ = uint(unsafe.Offsetof(C.engine_pooling_args{}.struct_size) - 0)
	_ = uint(0 - unsafe.Offsetof(C.engine_pooling_args{}.struct_size))
	_ = uint(unsafe.Offsetof(C.engine_pooling_args{}.task) - 4)
	_ = uint(4 - unsafe.Offsetof(C.engine_pooling_args{}.task))
	_ = uint(unsafe.Offsetof(C.engine_pooling_args{}.params) - 8)
	_ = uint(8 - unsafe.Offsetof(C.engine_pooling_args{}.params))
	_ = uint(unsafe.Offsetof(C.engine_pooling_args{}.json) - 16)
	_ = uint(16 - unsafe.Offsetof(C.engine_pooling_args{}.json))
	_ = uint(unsafe.Offsetof(C.engine_pooling_args{}.json_len) - 24)
	_ = uint(24 - unsafe.Offsetof(C.engine_pooling_args{}.json_len))
	_ = uint(unsafe.Offsetof(C.engine_pooling_args{}.inputs) - 32)
	_ = uint(32 - unsafe.Offsetof(C.engine_pooling_args{}.inputs))
	_ = uint(unsafe.Offsetof(C.engine_pooling_args{}.inputs_len) - 40)
	_ = uint(40 - unsafe.Offsetof(C.engine_pooling_args{}.inputs_len))
	_ = uint(unsafe.Sizeof(C.engine_pooling_result{}) - 40)
	_ = uint(40 - unsafe.Sizeof(C.engine_pooling_result{}))
	_ = uint(unsafe.Offsetof(C.engine_pooling_result{}.struct_size) - 0)
	_ = uint(0 - unsafe.Offsetof(C.engine_pooling_result{}.struct_size))
	_ = uint(unsafe.Offsetof(C.engine_pooling_result{}.rows) - 4)
	_ = uint(4 - unsafe.Offsetof(C.engine_pooling_result{}.rows))
	_ = uint(unsafe.Offsetof(C.engine_pooling_result{}.columns) - 8)
	_ = uint(8 - unsafe.Offsetof(C.engine_pooling_result{}.columns))
	_ = uint(unsafe.Offsetof(C.engine_pooling_result{}.reserved) - 12)
	_ = uint(12 - unsafe.Offsetof(C.engine_pooling_result{}.reserved))
	_ = uint(unsafe.Offsetof(C.engine_pooling_result{}.values) - 16)
	_ = uint(16 - unsafe.Offsetof(C.engine_pooling_result{}.values))
	_ = uint(unsafe.Offsetof(C.engine_pooling_result{}.tokens) - 24)
	_ = uint(24 - unsafe.Offsetof(C.engine_pooling_result{}.tokens))
	_ = uint(unsafe.Offsetof(C.engine_pooling_result{}.tokens_len) - 32)
	_ = uint(32 - unsafe.Offsetof(C.engine_pooling_result{}.tokens_len))
	_ = uint(unsafe.Sizeof(C.engine_pooler_info{}) - 24)
	_ = uint(24 - unsafe.Sizeof(C.engine_pooler_info{}))
	_ = uint(unsafe.Offsetof(C.engine_pooler_info{}.struct_size) - 0)
	_ = uint(0 - unsafe.Offsetof(C.engine_pooler_info{}.struct_size))
	_ = uint(unsafe.Offsetof(C.engine_pooler_info{}.embeds) - 4)
	_ = uint(4 - unsafe.Offsetof(C.engine_pooler_info{}.embeds))
	_ = uint(unsafe.Offsetof(C.engine_pooler_info{}.dimensions) - 8)
	_ = uint(8 - unsafe.Offsetof(C.engine_pooler_info{}.dimensions))
	_ = uint(unsafe.Offsetof(C.engine_pooler_info{}.hidden_size) - 12)
	_ = uint(12 - unsafe.Offsetof(C.engine_pooler_info{}.hidden_size))
	_ = uint(unsafe.Offsetof(C.engine_pooler_info{}.num_labels) - 16)
	_ = uint(16 - unsafe.Offsetof(C.engine_pooler_info{}.num_labels))
	_ = uint(unsafe.Offsetof(C.engine_pooler_info{}.max_tokens) - 20)
	_ = uint(20 - unsafe.Offsetof(C.engine_pooler_info{}.max_tokens))
	_ = uint(unsafe.Sizeof(C.engine_submit_args{}) - 72)
	_ = uint(72 - unsafe.Sizeof(C.engine_submit_args{}))
	_ = uint(unsafe.Offsetof(C.engine_submit_args{}.struct_size) - 0)
	_ = uint(0 - unsafe.Offsetof(C.engine_submit_args{}.struct_size))
	_ = uint(unsafe.Offsetof(C.engine_submit_args{}.flags) - 4)
	_ = uint(4 - unsafe.Offsetof(C.engine_submit_args{}.flags))
	_ = uint(unsafe.Offsetof(C.engine_submit_args{}.user_tag) - 8)
	_ = uint(8 - unsafe.Offsetof(C.engine_submit_args{}.user_tag))
	_ = uint(unsafe.Offsetof(C.engine_submit_args{}.params) - 16)
	_ = uint(16 - unsafe.Offsetof(C.engine_submit_args{}.params))
	_ = uint(unsafe.Offsetof(C.engine_submit_args{}.json) - 24)
	_ = uint(24 - unsafe.Offsetof(C.engine_submit_args{}.json))
	_ = uint(unsafe.Offsetof(C.engine_submit_args{}.json_len) - 32)
	_ = uint(32 - unsafe.Offsetof(C.engine_submit_args{}.json_len))
	_ = uint(unsafe.Offsetof(C.engine_submit_args{}.prompt) - 40)
	_ = uint(40 - unsafe.Offsetof(C.engine_submit_args{}.prompt))
	_ = uint(unsafe.Offsetof(C.engine_submit_args{}.prompt_len) - 48)
	_ = uint(48 - unsafe.Offsetof(C.engine_submit_args{}.prompt_len))
	_ = uint(unsafe.Offsetof(C.engine_submit_args{}.tokens) - 56)
	_ = uint(56 - unsafe.Offsetof(C.engine_submit_args{}.tokens))
	_ = uint(unsafe.Offsetof(C.engine_submit_args{}.tokens_len) - 64)
	_ = uint(64 - unsafe.Offsetof(C.engine_submit_args{}.tokens_len))
	_ = uint(unsafe.Sizeof(C.engine_logprob{}) - 12)
	_ = uint(12 - unsafe.Sizeof(C.engine_logprob{}))
	_ = uint(unsafe.Offsetof(C.engine_logprob{}.token) - 0)
	_ = uint(0 - unsafe.Offsetof(C.engine_logprob{}.token))
	_ = uint(unsafe.Offsetof(C.engine_logprob{}.logprob) - 4)
	_ = uint(4 - unsafe.Offsetof(C.engine_logprob{}.logprob))
	_ = uint(unsafe.Offsetof(C.engine_logprob{}.rank) - 8)
	_ = uint(8 - unsafe.Offsetof(C.engine_logprob{}.rank))
	_ = uint(unsafe.Sizeof(C.engine_event{}) - 136)
	_ = uint(136 - unsafe.Sizeof(C.engine_event{}))
	_ = uint(unsafe.Offsetof(C.engine_event{}.struct_size) - 0)
	_ = uint(0 - unsafe.Offsetof(C.engine_event{}.struct_size))
	_ = uint(unsafe.Offsetof(C.engine_event{}.kind) - 4)
	_ = uint(4 - unsafe.Offsetof(C.engine_event{}.kind))
	_ = uint(unsafe.Offsetof(C.engine_event{}.user_tag) - 8)
	_ = uint(8 - unsafe.Offsetof(C.engine_event{}.user_tag))
	_ = uint(unsafe.Offsetof(C.engine_event{}.request_id) - 16)
	_ = uint(16 - unsafe.Offsetof(C.engine_event{}.request_id))
	_ = uint(unsafe.Offsetof(C.engine_event{}.output_index) - 24)
	_ = uint(24 - unsafe.Offsetof(C.engine_event{}.output_index))
	_ = uint(unsafe.Offsetof(C.engine_event{}.token) - 28)
	_ = uint(28 - unsafe.Offsetof(C.engine_event{}.token))
	_ = uint(unsafe.Offsetof(C.engine_event{}.text) - 32)
	_ = uint(32 - unsafe.Offsetof(C.engine_event{}.text))
	_ = uint(unsafe.Offsetof(C.engine_event{}.text_len) - 40)
	_ = uint(40 - unsafe.Offsetof(C.engine_event{}.text_len))
	_ = uint(unsafe.Offsetof(C.engine_event{}.logprob) - 48)
	_ = uint(48 - unsafe.Offsetof(C.engine_event{}.logprob))
	_ = uint(unsafe.Offsetof(C.engine_event{}.rank) - 52)
	_ = uint(52 - unsafe.Offsetof(C.engine_event{}.rank))
	_ = uint(unsafe.Offsetof(C.engine_event{}.finish_reason) - 56)
	_ = uint(56 - unsafe.Offsetof(C.engine_event{}.finish_reason))
	_ = uint(unsafe.Offsetof(C.engine_event{}.status) - 60)
	_ = uint(60 - unsafe.Offsetof(C.engine_event{}.status))
	_ = uint(unsafe.Offsetof(C.engine_event{}.logprobs) - 64)
	_ = uint(64 - unsafe.Offsetof(C.engine_event{}.logprobs))
	_ = uint(unsafe.Offsetof(C.engine_event{}.logprobs_len) - 72)
	_ = uint(72 - unsafe.Offsetof(C.engine_event{}.logprobs_len))
	_ = uint(unsafe.Offsetof(C.engine_event{}.tokens) - 80)
	_ = uint(80 - unsafe.Offsetof(C.engine_event{}.tokens))
	_ = uint(unsafe.Offsetof(C.engine_event{}.tokens_len) - 88)
	_ = uint(88 - unsafe.Offsetof(C.engine_event{}.tokens_len))
	_ = uint(unsafe.Offsetof(C.engine_event{}.logprob_counts) - 96)
	_ = uint(96 - unsafe.Offsetof(C.engine_event{}.logprob_counts))
	_ = uint(unsafe.Offsetof(C.engine_event{}.num_cached_tokens) - 104)
	_ = uint(104 - unsafe.Offsetof(C.engine_event{}.num_cached_tokens))
	_ = uint(unsafe.Offsetof(C.engine_event{}.stop_token) - 108)
	_ = uint(108 - unsafe.Offsetof(C.engine_event{}.stop_token))
	_ = uint(unsafe.Offsetof(C.engine_event{}.stop_text) - 112)
	_ = uint(112 - unsafe.Offsetof(C.engine_event{}.stop_text))
	_ = uint(unsafe.Offsetof(C.engine_event{}.stop_text_len) - 120)
	_ = uint(120 - unsafe.Offsetof(C.engine_event{}.stop_text_len))
	_ = uint(unsafe.Offsetof(C.engine_event{}.parameter) - 128)
	_ = uint(128 - unsafe.Offsetof(C.engine_event{}.parameter))
	_ = uint(unsafe.Sizeof(C.engine_metrics{}) - 80)
	_ = uint(80 - unsafe.Sizeof(C.engine_metrics{}))
	_ = uint(unsafe.Offsetof(C.engine_metrics{}.struct_size) - 0)
	_ = uint(0 - unsafe.Offsetof(C.engine_metrics{}.struct_size))
	_ = uint(unsafe.Offsetof(C.engine_metrics{}.num_requests_running) - 4)
	_ = uint(4 - unsafe.Offsetof(C.engine_metrics{}.num_requests_running))
	_ = uint(unsafe.Offsetof(C.engine_metrics{}.num_requests_waiting) - 8)
	_ = uint(8 - unsafe.Offsetof(C.engine_metrics{}.num_requests_waiting))
	_ = uint(unsafe.Offsetof(C.engine_metrics{}.num_blocks) - 12)
	_ = uint(12 - unsafe.Offsetof(C.engine_metrics{}.num_blocks))
	_ = uint(unsafe.Offsetof(C.engine_metrics{}.kv_cache_usage) - 16)
	_ = uint(16 - unsafe.Offsetof(C.engine_metrics{}.kv_cache_usage))
	_ = uint(unsafe.Offsetof(C.engine_metrics{}.prefix_cache_queries) - 24)
	_ = uint(24 - unsafe.Offsetof(C.engine_metrics{}.prefix_cache_queries))
	_ = uint(unsafe.Offsetof(C.engine_metrics{}.prefix_cache_hits) - 32)
	_ = uint(32 - unsafe.Offsetof(C.engine_metrics{}.prefix_cache_hits))
	_ = uint(unsafe.Offsetof(C.engine_metrics{}.num_preemptions) - 40)
	_ = uint(40 - unsafe.Offsetof(C.engine_metrics{}.num_preemptions))
	_ = uint(unsafe.Offsetof(C.engine_metrics{}.prompt_tokens) - 48)
	_ = uint(48 - unsafe.Offsetof(C.engine_metrics{}.prompt_tokens))
	_ = uint(unsafe.Offsetof(C.engine_metrics{}.generation_tokens) - 56)
	_ = uint(56 - unsafe.Offsetof(C.engine_metrics{}.generation_tokens))
	_ = uint(unsafe.Offsetof(C.engine_metrics{}.num_steps) - 64)
	_ = uint(64 - unsafe.Offsetof(C.engine_metrics{}.num_steps))
	_ = uint(unsafe.Offsetof(C.engine_metrics{}.num_failed) - 72)
	_ = uint(72 - unsafe.Offsetof(C.engine_metrics{}.num_failed))
	_ = uint(unsafe.Sizeof(C.engine_model_info{}) - 56)
	_ = uint(56 - unsafe.Sizeof(C.engine_model_info{}))
	_ = uint(unsafe.Offsetof(C.engine_model_info{}.struct_size) - 0)
	_ = uint(0 - unsafe.Offsetof(C.engine_model_info{}.struct_size))
	_ = uint(unsafe.Offsetof(C.engine_model_info{}.vocab_size) - 4)
	_ = uint(4 - unsafe.Offsetof(C.engine_model_info{}.vocab_size))
	_ = uint(unsafe.Offsetof(C.engine_model_info{}.max_model_len) - 8)
	_ = uint(8 - unsafe.Offsetof(C.engine_model_info{}.max_model_len))
	_ = uint(unsafe.Offsetof(C.engine_model_info{}.bos_token_id) - 12)
	_ = uint(12 - unsafe.Offsetof(C.engine_model_info{}.bos_token_id))
	_ = uint(unsafe.Offsetof(C.engine_model_info{}.eos_token_id) - 16)
	_ = uint(16 - unsafe.Offsetof(C.engine_model_info{}.eos_token_id))
	_ = uint(unsafe.Offsetof(C.engine_model_info{}.has_tokenizer) - 20)
	_ = uint(20 - unsafe.Offsetof(C.engine_model_info{}.has_tokenizer))
	_ = uint(unsafe.Offsetof(C.engine_model_info{}.has_chat_template) - 24)
	_ = uint(24 - unsafe.Offsetof(C.engine_model_info{}.has_chat_template))
	_ = uint(unsafe.Offsetof(C.engine_model_info{}.reserved) - 28)
	_ = uint(28 - unsafe.Offsetof(C.engine_model_info{}.reserved))
	_ = uint(unsafe.Offsetof(C.engine_model_info{}.weight_bytes) - 32)
	_ = uint(32 - unsafe.Offsetof(C.engine_model_info{}.weight_bytes))
	_ = uint(unsafe.Offsetof(C.engine_model_info{}.architecture) - 40)
	_ = uint(40 - unsafe.Offsetof(C.engine_model_info{}.architecture))
	_ = uint(unsafe.Offsetof(C.engine_model_info{}.is_pooling) - 48)
	_ = uint(48 - unsafe.Offsetof(C.engine_model_info{}.is_pooling))
	_ = uint(unsafe.Offsetof(C.engine_model_info{}.reserved2) - 52)
	_ = uint(52 - unsafe.Offsetof(C.engine_model_info{}.reserved2))
	_ = uint(unsafe.Sizeof(C.engine_tokenizer_info{}) - 16)
	_ = uint(16 - unsafe.Sizeof(C.engine_tokenizer_info{}))
	_ = uint(unsafe.Offsetof(C.engine_tokenizer_info{}.struct_size) - 0)
	_ = uint(0 - unsafe.Offsetof(C.engine_tokenizer_info{}.struct_size))
	_ = uint(unsafe.Offsetof(C.engine_tokenizer_info{}.vocab_size) - 4)
	_ = uint(4 - unsafe.Offsetof(C.engine_tokenizer_info{}.vocab_size))
	_ = uint(unsafe.Offsetof(C.engine_tokenizer_info{}.has_chat_template) - 8)
	_ = uint(8 - unsafe.Offsetof(C.engine_tokenizer_info{}.has_chat_template))
	_ = uint(unsafe.Offsetof(C.engine_tokenizer_info{}.reserved) - 12)
	_ = uint(12 - unsafe.Offsetof(C.engine_tokenizer_info{}.reserved))
	_ = uint(unsafe.Sizeof(C.engine_load_progress{}) - 32)
	_ = uint(32 - unsafe.Sizeof(C.engine_load_progress{}))
	_ = uint(unsafe.Offsetof(C.engine_load_progress{}.struct_size) - 0)
	_ = uint(0 - unsafe.Offsetof(C.engine_load_progress{}.struct_size))
	_ = uint(unsafe.Offsetof(C.engine_load_progress{}.is_done) - 4)
	_ = uint(4 - unsafe.Offsetof(C.engine_load_progress{}.is_done))
	_ = uint(unsafe.Offsetof(C.engine_load_progress{}.done_bytes) - 8)
	_ = uint(8 - unsafe.Offsetof(C.engine_load_progress{}.done_bytes))
	_ = uint(unsafe.Offsetof(C.engine_load_progress{}.total_bytes) - 16)
	_ = uint(16 - unsafe.Offsetof(C.engine_load_progress{}.total_bytes))
	_ = uint(unsafe.Offsetof(C.engine_load_progress{}.stage) - 24)
	_ = uint(24 - unsafe.Offsetof(C.engine_load_progress{}.stage))
	_ = uint(unsafe.Sizeof(C.engine_plan{}) - 72)
	_ = uint(72 - unsafe.Sizeof(C.engine_plan{}))
	_ = uint(unsafe.Offsetof(C.engine_plan{}.struct_size) - 0)
	_ = uint(0 - unsafe.Offsetof(C.engine_plan{}.struct_size))
	_ = uint(unsafe.Offsetof(C.engine_plan{}.fits) - 4)
	_ = uint(4 - unsafe.Offsetof(C.engine_plan{}.fits))
	_ = uint(unsafe.Offsetof(C.engine_plan{}.weight_bytes) - 8)
	_ = uint(8 - unsafe.Offsetof(C.engine_plan{}.weight_bytes))
	_ = uint(unsafe.Offsetof(C.engine_plan{}.kv_cache_bytes) - 16)
	_ = uint(16 - unsafe.Offsetof(C.engine_plan{}.kv_cache_bytes))
	_ = uint(unsafe.Offsetof(C.engine_plan{}.activation_bytes) - 24)
	_ = uint(24 - unsafe.Offsetof(C.engine_plan{}.activation_bytes))
	_ = uint(unsafe.Offsetof(C.engine_plan{}.total_bytes) - 32)
	_ = uint(32 - unsafe.Offsetof(C.engine_plan{}.total_bytes))
	_ = uint(unsafe.Offsetof(C.engine_plan{}.free_bytes) - 40)
	_ = uint(40 - unsafe.Offsetof(C.engine_plan{}.free_bytes))
	_ = uint(unsafe.Offsetof(C.engine_plan{}.num_parameters) - 48)
	_ = uint(48 - unsafe.Offsetof(C.engine_plan{}.num_parameters))
	_ = uint(unsafe.Offsetof(C.engine_plan{}.num_kv_tokens) - 56)
	_ = uint(56 - unsafe.Offsetof(C.engine_plan{}.num_kv_tokens))
	_ = uint(unsafe.Offsetof(C.engine_plan{}.num_blocks) - 64)
	_ = uint(64 - unsafe.Offsetof(C.engine_plan{}.num_blocks))
	_ = uint(unsafe.Offsetof(C.engine_plan{}.max_model_len) - 68)
	_ = uint(68 - unsafe.Offsetof(C.engine_plan{}.max_model_len))
)
