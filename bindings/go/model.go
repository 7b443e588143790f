package engine

// #include <stdlib.h>
// #include <engine/engine.h>
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"sync"
	"unsafe"
)

// Params are settings by key: those of vLLM's flags and of the HTTP body. Where the order of keys matters, as that of a
// JSON Schema's properties in structured_outputs, give json.RawMessage or text: a map forgets it.
type Params map[string]any

var errClosed = &Error{Status: StatusInvalidHandle, Message: "closed"}

// bytesOf gives C a view of Go memory for the length of one call.
func bytesOf(data []byte) (*C.char, C.uint64_t) {
	if len(data) == 0 {
		return nil, 0
	}
	return (*C.char)(unsafe.Pointer(&data[0])), C.uint64_t(len(data))
}

func newParams(kind C.int32_t, settings Params) (*C.engine_params, error) {
	if len(settings) == 0 {
		return nil, nil
	}
	body, err := json.Marshal(settings)
	if err != nil {
		return nil, &Error{Status: StatusInvalidArgument, Message: err.Error()}
	}
	var out *C.engine_params
	var raw *C.engine_error
	data, length := bytesOf(body)
	status := C.engine_params_from_json(kind, data, length, &out, &raw)
	return out, newError(status, raw)
}

// Model is a model's weights, tokenizer and configuration, shared by any number of engines.
type Model struct {
	mutex  sync.RWMutex
	handle *C.engine_model
}

// ModelInfo is what is known of a model.
type ModelInfo struct {
	VocabSize, MaxModelLen, BosTokenID, EosTokenID int
	HasTokenizer, HasChatTemplate                  bool
	WeightBytes                                    int64
	Architecture                                   string
}

// LoadModel loads a folder in Hugging Face layout, a hub name, or "fake:". Cancelling ctx cancels the load.
func LoadModel(ctx context.Context, path string, settings Params) (*Model, error) {
	params, err := newParams(paramsModel, settings)
	if err != nil {
		return nil, err
	}
	defer C.engine_params_release(params)
	var load *C.engine_load
	var raw *C.engine_error
	name, length := bytesOf([]byte(path))
	if err := newError(C.engine_load_start(name, length, params, &load, &raw), raw); err != nil {
		return nil, err
	}
	defer C.engine_load_release(load)
	var progress C.engine_load_progress
	progress.struct_size = C.uint32_t(unsafe.Sizeof(progress))
	for progress.is_done == 0 {
		if ctx.Err() != nil {
			C.engine_load_cancel(load, nil)
		}
		if err := newError(C.engine_load_poll(load, 20, &progress, &raw), raw); err != nil {
			return nil, err
		}
	}
	var model *C.engine_model
	if err := newError(C.engine_load_finish(load, &model, &raw), raw); err != nil {
		if ctx.Err() != nil && errors.Is(err, ErrCancelled) {
			return nil, ctx.Err()
		}
		return nil, err
	}
	m := &Model{handle: model}
	runtime.SetFinalizer(m, func(m *Model) { m.Close() })
	return m, nil
}

// Info tells what is known of the model.
func (m *Model) Info() (ModelInfo, error) {
	m.mutex.RLock()
	defer m.mutex.RUnlock()
	var info C.engine_model_info
	var raw *C.engine_error
	info.struct_size = C.uint32_t(unsafe.Sizeof(info))
	if err := newError(C.engine_model_get_info(m.handle, &info, &raw), raw); err != nil {
		return ModelInfo{}, err
	}
	return ModelInfo{
		VocabSize: int(info.vocab_size), MaxModelLen: int(info.max_model_len),
		BosTokenID: int(info.bos_token_id), EosTokenID: int(info.eos_token_id),
		HasTokenizer: info.has_tokenizer != 0, HasChatTemplate: info.has_chat_template != 0,
		WeightBytes: int64(info.weight_bytes), Architecture: C.GoString(info.architecture),
	}, nil
}

// Tokenizer gives the model's tokenizer.
func (m *Model) Tokenizer() (*Tokenizer, error) {
	m.mutex.RLock()
	defer m.mutex.RUnlock()
	var out *C.engine_tokenizer
	var raw *C.engine_error
	if err := newError(C.engine_model_tokenizer(m.handle, &out, &raw), raw); err != nil {
		return nil, err
	}
	return wrapTokenizer(out), nil
}

// Close lets go of the model; engines made from it keep it in memory. A second Close is an error.
func (m *Model) Close() error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.handle == nil {
		return errClosed
	}
	runtime.SetFinalizer(m, nil)
	handle := m.handle
	m.handle = nil
	return newError(C.engine_model_release(handle), nil)
}
