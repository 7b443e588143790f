package engine

// #include <engine/engine.h>
import "C"

import (
	"encoding/json"
	"runtime"
	"sync"
	"unsafe"
)

// Tokenizer turns text into ids and back, and conversations into prompts.
type Tokenizer struct {
	mutex  sync.RWMutex
	handle *C.engine_tokenizer
}

// LoadTokenizer loads a tokenizer without a model, from a folder or file.
func LoadTokenizer(path string) (*Tokenizer, error) {
	var out *C.engine_tokenizer
	var raw *C.engine_error
	name, length := bytesOf([]byte(path))
	if err := newError(C.engine_tokenizer_load(name, length, &out, &raw), raw); err != nil {
		return nil, err
	}
	return wrapTokenizer(out), nil
}

func wrapTokenizer(handle *C.engine_tokenizer) *Tokenizer {
	t := &Tokenizer{handle: handle}
	runtime.SetFinalizer(t, func(t *Tokenizer) { t.Close() })
	return t
}

// Encode gives the ids of a text.
func (t *Tokenizer) Encode(text string, addSpecial bool) ([]int32, error) {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	flags := C.int32_t(textNone)
	if addSpecial {
		flags = textAddSpecial
	}
	data, size := bytesOf([]byte(text))
	return fillIDs(len(text)+16, func(ids *C.int32_t, capacity C.uint64_t, length *C.uint64_t, raw **C.engine_error) C.engine_status {
		return C.engine_tokenize(t.handle, data, size, flags, ids, capacity, length, raw)
	})
}

// Decode gives the text of ids.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) (string, error) {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	flags := C.int32_t(textNone)
	if skipSpecial {
		flags = textSkipSpecial
	}
	var first *C.int32_t
	if len(ids) > 0 {
		first = (*C.int32_t)(unsafe.Pointer(&ids[0]))
	}
	return fillText(func(buffer *C.char, capacity C.uint64_t, length *C.uint64_t, raw **C.engine_error) C.engine_status {
		return C.engine_detokenize(t.handle, first, C.uint64_t(len(ids)), flags, buffer, capacity, length, raw)
	})
}

// ApplyChatTemplate gives the prompt of a conversation as text; more holds tools, add_generation_prompt and the
// template's own variables. Encoded, what messages wrote could become control tokens: EncodeChat keeps it text.
func (t *Tokenizer) ApplyChatTemplate(messages any, more Params) (string, error) {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	encoded, err := chatBody(messages, more)
	if err != nil {
		return "", err
	}
	data, size := bytesOf(encoded)
	return fillText(func(buffer *C.char, capacity C.uint64_t, length *C.uint64_t, raw **C.engine_error) C.engine_status {
		return C.engine_chat_template_apply(t.handle, data, size, buffer, capacity, length, raw)
	})
}

// EncodeChat gives the ids of a conversation's prompt, for Request.Tokens; more is as for ApplyChatTemplate. Control
// tokens are the template's alone: what messages spell stays text, unless more says allow_control_tokens.
func (t *Tokenizer) EncodeChat(messages any, more Params) ([]int32, error) {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	encoded, err := chatBody(messages, more)
	if err != nil {
		return nil, err
	}
	data, size := bytesOf(encoded)
	return fillIDs(2048, func(ids *C.int32_t, capacity C.uint64_t, length *C.uint64_t, raw **C.engine_error) C.engine_status {
		return C.engine_chat_tokenize(t.handle, data, size, ids, capacity, length, raw)
	})
}

func chatBody(messages any, more Params) ([]byte, error) {
	body := Params{"messages": messages}
	for key, value := range more {
		body[key] = value
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, &Error{Status: StatusInvalidArgument, Message: err.Error()}
	}
	return encoded, nil
}

// VocabSize is the largest id + 1.
func (t *Tokenizer) VocabSize() (int, error) {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	var info C.engine_tokenizer_info
	var raw *C.engine_error
	info.struct_size = C.uint32_t(unsafe.Sizeof(info))
	err := newError(C.engine_tokenizer_get_info(t.handle, &info, &raw), raw)
	return int(info.vocab_size), err
}

// Close frees the tokenizer. A second Close is an error.
func (t *Tokenizer) Close() error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.handle == nil {
		return errClosed
	}
	runtime.SetFinalizer(t, nil)
	handle := t.handle
	t.handle = nil
	return newError(C.engine_tokenizer_release(handle), nil)
}

type fillFunc func(buffer *C.char, capacity C.uint64_t, length *C.uint64_t, raw **C.engine_error) C.engine_status

func fillText(fill fillFunc) (string, error) {
	buffer := make([]byte, 4096)
	for {
		var length C.uint64_t
		var raw *C.engine_error
		status := fill((*C.char)(unsafe.Pointer(&buffer[0])), C.uint64_t(len(buffer)), &length, &raw)
		if Status(status) == StatusBufferTooSmall && int(length) > len(buffer) {
			C.engine_error_release(raw)
			buffer = make([]byte, length)
			continue
		}
		if err := newError(status, raw); err != nil {
			return "", err
		}
		return string(buffer[:length]), nil
	}
}

type fillIDsFunc func(ids *C.int32_t, capacity C.uint64_t, length *C.uint64_t, raw **C.engine_error) C.engine_status

func fillIDs(guess int, fill fillIDsFunc) ([]int32, error) {
	ids := make([]int32, guess)
	for {
		var length C.uint64_t
		var raw *C.engine_error
		status := fill((*C.int32_t)(unsafe.Pointer(&ids[0])), C.uint64_t(len(ids)), &length, &raw)
		if Status(status) == StatusBufferTooSmall && int(length) > len(ids) {
			C.engine_error_release(raw)
			ids = make([]int32, length)
			continue
		}
		if err := newError(status, raw); err != nil {
			return nil, err
		}
		return ids[:length], nil
	}
}
