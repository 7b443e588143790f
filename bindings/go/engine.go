package engine

// #include <stdlib.h>
// #include <string.h>
// #include <engine/engine.h>
//
// // Builds the argument struct on the C side: Go memory must not hold pointers to Go memory across cgo.
// static engine_status submit(engine_t *engine, uint64_t tag, const char *json, uint64_t json_len,
//         const char *prompt, uint64_t prompt_len, int has_prompt, const int32_t *tokens,
//         uint64_t tokens_len, int has_tokens, uint64_t *id, engine_error **err) {
//     static const int32_t none;
//     engine_submit_args args;
//     memset(&args, 0, sizeof args);
//     args.struct_size = sizeof args;
//     args.user_tag = tag;
//     args.json = json_len ? json : "{}";
//     args.json_len = json_len ? json_len : 2;
//     if (has_prompt) {
//         args.prompt = prompt_len ? prompt : "";
//         args.prompt_len = prompt_len;
//     }
//     if (has_tokens) {
//         args.tokens = tokens_len ? tokens : &none;
//         args.tokens_len = tokens_len;
//     }
//     return engine_submit(engine, &args, id, 0, err);
// }
import "C"

import (
	"context"
	"encoding/json"
	"runtime"
	"sync"
	"unsafe"
)

const pollBatch = 256

// Engine is one scheduler on its own thread, with the KV cache of one model.
type Engine struct {
	*core
}

// core is what the poller holds on to, so that an Engine that is dropped can be finalized.
type core struct {
	handle  *C.engine_t
	mutex   sync.Mutex
	streams map[uint64]*Stream
	nextTag uint64
	closed  bool
	done    chan struct{}
}

// New makes an engine on a model; the model may be closed right after.
func New(model *Model, limits Params) (*Engine, error) {
	params, err := newParams(paramsEngine, limits)
	if err != nil {
		return nil, err
	}
	defer C.engine_params_release(params)
	model.mutex.RLock()
	defer model.mutex.RUnlock()
	var out *C.engine_t
	var raw *C.engine_error
	if err := newError(C.engine_create(model.handle, params, &out, &raw), raw); err != nil {
		return nil, err
	}
	e := &Engine{&core{handle: out, streams: map[uint64]*Stream{}, done: make(chan struct{})}}
	go e.core.poll()
	runtime.SetFinalizer(e, func(e *Engine) { go e.core.close() })
	return e, nil
}

// Request is a prompt: text, or ids if Tokens is not nil.
type Request struct {
	Prompt string
	Tokens []int32
}

// Generate hands in a request and returns its events. settings are the keys of the HTTP body. When ctx
// ends, so does the request, and Stream.Err tells ctx.Err().
func (e *Engine) Generate(ctx context.Context, request Request, settings Params) (*Stream, error) {
	body, err := json.Marshal(settings)
	if err != nil {
		return nil, &Error{Status: StatusInvalidArgument, Message: err.Error()}
	}
	if settings == nil {
		body = nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := newStream(ctx, e.core)
	if err := e.core.submit(s, request, body); err != nil {
		return nil, err
	}
	runtime.KeepAlive(e)
	go s.watch()
	return s, nil
}

func (c *core) submit(s *Stream, request Request, body []byte) error {
	jsonData, jsonLen := bytesOf(body)
	prompt, promptLen := bytesOf([]byte(request.Prompt))
	var tokens *C.int32_t
	if len(request.Tokens) > 0 {
		tokens = (*C.int32_t)(unsafe.Pointer(&request.Tokens[0]))
	}
	hasPrompt, hasTokens := C.int(1), C.int(0)
	if request.Tokens != nil {
		hasPrompt, hasTokens = 0, 1
		if request.Prompt != "" {
			hasPrompt = 1
		}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closed {
		return errClosed
	}
	c.nextTag++
	var id C.uint64_t
	var raw *C.engine_error
	status := C.submit(c.handle, C.uint64_t(c.nextTag), jsonData, jsonLen, prompt, promptLen, hasPrompt,
		tokens, C.uint64_t(len(request.Tokens)), hasTokens, &id, &raw)
	if err := newError(status, raw); err != nil {
		return err
	}
	s.id = uint64(id)
	c.streams[c.nextTag] = s
	return nil
}

// poll waits in C on one goroutine and hands events to the streams by their tags.
func (c *core) poll() {
	defer close(c.done)
	size := unsafe.Sizeof(C.engine_event{})
	memory := C.calloc(pollBatch, C.size_t(size))
	defer C.free(memory)
	events := unsafe.Slice((*C.engine_event)(memory), pollBatch)
	for {
		events[0].struct_size = C.uint32_t(size)
		var count C.uint64_t
		if C.engine_poll(c.handle, -1, &events[0], pollBatch, &count, nil) < 0 {
			c.fail()
			return
		}
		for i := range events[:count] {
			c.deliver(&events[i])
		}
	}
}

func (c *core) deliver(raw *C.engine_event) {
	event := newEvent(raw)
	tag := uint64(raw.user_tag)
	c.mutex.Lock()
	s := c.streams[tag]
	if event.terminal() {
		delete(c.streams, tag)
	}
	c.mutex.Unlock()
	if s != nil {
		s.push(event)
	}
}

// fail ends streams that will see no more events.
func (c *core) fail() {
	c.mutex.Lock()
	streams := c.streams
	c.streams = map[uint64]*Stream{}
	c.mutex.Unlock()
	for _, s := range streams {
		s.push(Event{Kind: EventFailed, Text: "the engine was closed", status: StatusShuttingDown})
	}
}

func (c *core) cancel(id uint64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if !c.closed {
		C.engine_cancel(c.handle, C.uint64_t(id), nil)
	}
}

func (c *core) close() error {
	c.mutex.Lock()
	if c.closed {
		c.mutex.Unlock()
		return errClosed
	}
	c.closed = true
	c.mutex.Unlock()
	err := newError(C.engine_release(c.handle), nil)
	<-c.done
	return err
}

// Metrics gives the engine's counters and histograms under vLLM's names.
func (e *Engine) Metrics() (map[string]any, error) {
	text, err := fillText(func(buffer *C.char, capacity C.uint64_t, length *C.uint64_t, raw **C.engine_error) C.engine_status {
		return C.engine_metrics_json(e.handle, buffer, capacity, length, raw)
	})
	if err != nil {
		return nil, err
	}
	var metrics map[string]any
	return metrics, json.Unmarshal([]byte(text), &metrics)
}

// Health tells why the engine does not work, or nil.
func (e *Engine) Health() error {
	var raw *C.engine_error
	return newError(C.engine_health(e.handle, &raw), raw)
}

// Close ends all requests and frees the engine. A second Close is an error.
func (e *Engine) Close() error {
	runtime.SetFinalizer(e, nil)
	return e.core.close()
}
