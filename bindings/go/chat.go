package engine

// #include <engine/engine.h>
import "C"

import (
	"encoding/json"
	"runtime"
	"sync"
)

// ChatDelta is a piece of an output that is final. Kind is content, reasoning, tool_call or arguments; a
// tool_call has a Name, the others a Text.
type ChatDelta struct {
	Kind  string `json:"kind"`
	Index *int   `json:"index,omitempty"`
	ID    string `json:"id,omitempty"`
	Name  string `json:"name,omitempty"`
	Text  string `json:"text,omitempty"`
}

// ChatParser reads one output of a model for content, reasoning and tool calls.
type ChatParser struct {
	mutex  sync.Mutex
	handle *C.engine_chat_parser
}

// NewChatParser takes tool_parser, reasoning_parser, tools, prompt and chat_template, all optional.
func NewChatParser(options Params) (*ChatParser, error) {
	if options == nil {
		options = Params{}
	}
	encoded, err := json.Marshal(options)
	if err != nil {
		return nil, &Error{Status: StatusInvalidArgument, Message: err.Error()}
	}
	var out *C.engine_chat_parser
	var raw *C.engine_error
	data, size := bytesOf(encoded)
	if err := newError(C.engine_chat_parser_create(data, size, &out, &raw), raw); err != nil {
		return nil, err
	}
	p := &ChatParser{handle: out}
	runtime.SetFinalizer(p, func(p *ChatParser) { p.Close() })
	return p, nil
}

// Feed takes the next piece, cut anywhere, and gives what became final.
func (p *ChatParser) Feed(text []byte) ([]ChatDelta, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var out *C.engine_json
	var raw *C.engine_error
	data, size := bytesOf(text)
	if err := newError(C.engine_chat_parser_feed(p.handle, data, size, &out, &raw), raw); err != nil {
		return nil, err
	}
	return takeDeltas(out)
}

// Finish ends the output and gives what was held back.
func (p *ChatParser) Finish() ([]ChatDelta, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var out *C.engine_json
	var raw *C.engine_error
	if err := newError(C.engine_chat_parser_finish(p.handle, &out, &raw), raw); err != nil {
		return nil, err
	}
	return takeDeltas(out)
}

// Close frees the parser. A second Close is an error.
func (p *ChatParser) Close() error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.handle == nil {
		return errClosed
	}
	runtime.SetFinalizer(p, nil)
	handle := p.handle
	p.handle = nil
	return newError(C.engine_chat_parser_release(handle), nil)
}

func takeDeltas(handle *C.engine_json) ([]ChatDelta, error) {
	defer C.engine_json_release(handle)
	var text *C.char
	var length C.uint64_t
	var raw *C.engine_error
	if err := newError(C.engine_json_text(handle, &text, &length, &raw), raw); err != nil {
		return nil, err
	}
	deltas := []ChatDelta{}
	if err := json.Unmarshal([]byte(C.GoStringN(text, C.int(length))), &deltas); err != nil {
		return nil, &Error{Status: StatusInternal, Message: err.Error()}
	}
	return deltas, nil
}
