package engine

// #include <engine/engine.h>
import "C"

import (
	"context"
	"sync"
	"unsafe"
)

// EventKind says what happened. Ignore kinds that you do not know.
type EventKind int32

// The kinds of events.
const (
	EventToken          EventKind = eventToken
	EventPrompt         EventKind = eventPrompt
	EventOutputFinished EventKind = eventOutputFinished
	EventFinished       EventKind = eventFinished
	EventFailed         EventKind = eventFailed
)

// Logprob is a token with its log probability; Rank 1 is the best.
type Logprob struct {
	Token   int32
	Logprob float32
	Rank    int32
}

// Event is something that happened to a request.
type Event struct {
	Kind            EventKind
	OutputIndex     int
	Token           int32 // -1 if none
	Text            string
	FinishReason    string // "", stop, length, abort, error
	Logprobs        []Logprob
	PromptTokens    []int32
	PromptLogprobs  [][]Logprob
	NumCachedTokens int
	StopToken       int32 // -1 if none
	StopText        string
	status          Status
	parameter       string
}

var finishReasons = map[C.int32_t]string{
	finishStop: "stop", finishLength: "length", finishAbort: "abort", finishError: "error",
}

func (e *Event) terminal() bool { return e.Kind == EventFinished || e.Kind == EventFailed }

func newEvent(raw *C.engine_event) Event {
	e := Event{
		Kind:            EventKind(raw.kind),
		OutputIndex:     int(raw.output_index),
		Token:           int32(raw.token),
		Text:            text(raw.text, raw.text_len),
		FinishReason:    finishReasons[raw.finish_reason],
		NumCachedTokens: int(raw.num_cached_tokens),
		StopToken:       int32(raw.stop_token),
		StopText:        text(raw.stop_text, raw.stop_text_len),
		status:          Status(raw.status),
	}
	if raw.parameter != nil {
		e.parameter = C.GoString(raw.parameter)
	}
	if raw.tokens_len > 0 {
		e.PromptTokens = append(e.PromptTokens, unsafe.Slice((*int32)(unsafe.Pointer(raw.tokens)), raw.tokens_len)...)
	}
	var entries []Logprob
	if raw.logprobs_len > 0 {
		for _, entry := range unsafe.Slice(raw.logprobs, raw.logprobs_len) {
			entries = append(entries, Logprob{int32(entry.token), float32(entry.logprob), int32(entry.rank)})
		}
	}
	if raw.logprob_counts == nil {
		e.Logprobs = entries
		return e
	}
	for _, count := range unsafe.Slice((*int32)(unsafe.Pointer(raw.logprob_counts)), raw.tokens_len) {
		e.PromptLogprobs = append(e.PromptLogprobs, entries[:count:count])
		entries = entries[count:]
	}
	return e
}

func text(data *C.char, length C.uint64_t) string {
	if length == 0 {
		return ""
	}
	return C.GoStringN(data, C.int(length))
}

// Stream is a request under way.
type Stream struct {
	ctx    context.Context
	core   *core
	id     uint64
	events chan Event
	ended  chan struct{}

	mutex   sync.Mutex
	pending []Event
	ready   chan struct{}
	err     error
}

func newStream(ctx context.Context, c *core) *Stream {
	s := &Stream{
		ctx: ctx, core: c, events: make(chan Event), ended: make(chan struct{}), ready: make(chan struct{}, 1),
	}
	return s
}

// push never blocks: one slow reader must not hold up the others.
func (s *Stream) push(e Event) {
	s.mutex.Lock()
	s.pending = append(s.pending, e)
	s.mutex.Unlock()
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// watch hands pending events to the channel and turns the end of the context into a cancellation.
func (s *Stream) watch() {
	defer close(s.ended)
	defer close(s.events)
	cancelled := s.ctx.Done()
	for {
		select {
		case <-cancelled:
			s.core.cancel(s.id)
			cancelled = nil // The terminal event still comes.
		case <-s.ready:
		}
		s.mutex.Lock()
		batch := s.pending
		s.pending = nil
		s.mutex.Unlock()
		for _, e := range batch {
			if s.ctx.Err() == nil {
				select {
				case s.events <- e:
				case <-s.ctx.Done():
				}
			}
			if e.terminal() {
				s.finish(e)
				return
			}
		}
	}
}

func (s *Stream) finish(e Event) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.ctx.Err() != nil {
		s.err = s.ctx.Err()
	} else if e.Kind == EventFailed {
		s.err = &Error{Status: e.status, Message: e.Text, Parameter: e.parameter}
	}
}

// Events is closed after the terminal event, or when the context ends. Read it to the end, or end the
// context.
func (s *Stream) Events() <-chan Event { return s.events }

// Cancel ends the request; its terminal event still comes. Idempotent.
func (s *Stream) Cancel() { s.core.cancel(s.id) }

// Err tells, once Events is closed, why the request failed, ctx.Err() if its context ended, or nil.
func (s *Stream) Err() error {
	<-s.ended
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.err
}
