package engine

// #include <stdlib.h>
// #include <string.h>
// #include <engine/engine.h>
//
// // Builds the arguments on the C side: Go memory must not hold pointers to Go memory across cgo. All texts lie in one
// // buffer, all ids in another; bounds say where each begins and ends, -1 that it was not given.
// static engine_status submit_pooling(engine_pooler *pooler, int32_t task, const char *json, uint64_t json_len,
//         const char *texts, const int32_t *ids, const int64_t *bounds, uint64_t count,
//         engine_pooling **out, engine_error **err) {
//     engine_pooling_input *inputs = calloc(count ? count : 1, sizeof *inputs);
//     engine_pooling_args args;
//     memset(&args, 0, sizeof args);
//     args.struct_size = sizeof args;
//     args.task = task;
//     args.json = json_len ? json : "{}";
//     args.json_len = json_len ? json_len : 2;
//     args.inputs = inputs;
//     args.inputs_len = count;
//     if (!inputs) {
//         return ENGINE_E_OUT_OF_MEMORY;
//     }
//     inputs[0].struct_size = sizeof *inputs;
//     for (uint64_t i = 0; i < count; i++) {
//         const int64_t *b = bounds + 6 * i;
//         if (b[0] >= 0) {
//             inputs[i].text = texts + b[0];
//             inputs[i].text_len = b[1] - b[0];
//         }
//         if (b[2] >= 0) {
//             inputs[i].pair = texts + b[2];
//             inputs[i].pair_len = b[3] - b[2];
//         }
//         if (b[4] >= 0) {
//             inputs[i].tokens = ids + b[4];
//             inputs[i].tokens_len = b[5] - b[4];
//         }
//     }
//     engine_status status = engine_pooler_submit(pooler, &args, out, err);
//     free(inputs);
//     return status;
// }
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// PoolingTask says what is wanted of texts.
type PoolingTask int32

// The tasks.
const (
	TaskEmbed      PoolingTask = poolingEmbed      // one vector
	TaskClassify   PoolingTask = poolingClassify   // one number per label
	TaskTokenEmbed PoolingTask = poolingTokenEmbed // the final hidden state of every token
	TaskScore      PoolingTask = poolingScore      // how well a pair fits
)

// Pooler computes texts of a model that makes vectors or scores, on a thread of its own: as many at once as fit a
// batch, without padding. What a text gives does not depend on the others.
type Pooler struct {
	mutex  sync.RWMutex
	handle *C.engine_pooler
	info   PoolerInfo
}

// PoolerInfo is what a model makes of texts.
type PoolerInfo struct {
	Embeds     bool     // vectors, else a number per label
	Dimensions int      // width of vectors
	HiddenSize int      // width of the rows of TaskTokenEmbed
	MaxTokens  int      // longest text, special tokens among them
	Labels     []string // of TaskClassify, in the order of its numbers
}

// PoolingInput is a text, or ids if Tokens is not nil. Pair is the second text of a pair, or nil.
type PoolingInput struct {
	Text   string
	Tokens []int32
	Pair   *string
}

// PoolingResult is what came of a text. Values has Rows * Columns numbers, row by row: one row, or of TaskTokenEmbed
// one for each token. Err says why this text failed; the others are not touched by it.
type PoolingResult struct {
	Values        []float32
	Rows, Columns int
	Tokens        []int32
	Err           error
}

// NewPooler makes a pooler of a model that was loaded for pooling; the model may be closed right after.
func NewPooler(model *Model, limits Params) (*Pooler, error) {
	params, err := newParams(paramsEngine, limits)
	if err != nil {
		return nil, err
	}
	defer C.engine_params_release(params)
	model.mutex.RLock()
	defer model.mutex.RUnlock()
	var out *C.engine_pooler
	var raw *C.engine_error
	if err := newError(C.engine_pooler_create(model.handle, params, &out, &raw), raw); err != nil {
		return nil, err
	}
	p := &Pooler{handle: out}
	runtime.SetFinalizer(p, func(p *Pooler) { p.Close() })
	if p.info, err = readPoolerInfo(out); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func readPoolerInfo(handle *C.engine_pooler) (PoolerInfo, error) {
	var info C.engine_pooler_info
	var raw *C.engine_error
	info.struct_size = C.uint32_t(unsafe.Sizeof(info))
	if err := newError(C.engine_pooler_get_info(handle, &info, &raw), raw); err != nil {
		return PoolerInfo{}, err
	}
	known := PoolerInfo{
		Embeds: info.embeds != 0, Dimensions: int(info.dimensions), HiddenSize: int(info.hidden_size),
		MaxTokens: int(info.max_tokens),
	}
	for i := C.int32_t(0); i < info.num_labels; i++ {
		label, err := fillText(func(buffer *C.char, capacity C.uint64_t, length *C.uint64_t, raw **C.engine_error) C.engine_status {
			return C.engine_pooler_label(handle, i, buffer, capacity, length, raw)
		})
		if err != nil {
			return PoolerInfo{}, err
		}
		known.Labels = append(known.Labels, label)
	}
	return known, nil
}

// Info tells what the model makes of texts.
func (p *Pooler) Info() PoolerInfo { return p.info }

// Run computes texts and waits for them; settings are dimensions, normalize, use_activation, truncate_prompt_tokens,
// prompt_name and add_special_tokens. A text that fails has its own Err; the error that is returned is about all of
// them, such as a setting, a full queue (ErrWouldBlock), or the end of ctx, which cancels what has not ended.
func (p *Pooler) Run(ctx context.Context, task PoolingTask, inputs []PoolingInput, settings Params) ([]PoolingResult, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	pooling, err := p.submit(task, inputs, settings)
	if err != nil {
		return nil, err
	}
	defer C.engine_pooling_release(pooling)
	var ended C.uint64_t
	for int(ended) < len(inputs) {
		var raw *C.engine_error
		if err := newError(C.engine_pooling_wait(pooling, 20, &ended, &raw), raw); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	results := make([]PoolingResult, len(inputs))
	for i := range results {
		results[i] = readPoolingResult(pooling, i)
	}
	return results, nil
}

func (p *Pooler) submit(task PoolingTask, inputs []PoolingInput, settings Params) (*C.engine_pooling, error) {
	var body []byte
	if settings != nil {
		var err error
		if body, err = json.Marshal(settings); err != nil {
			return nil, &Error{Status: StatusInvalidArgument, Message: err.Error()}
		}
	}
	// A byte and an id more: an empty text needs an address too.
	texts, ids := []byte{0}, []int32{0}
	bounds := make([]int64, 6*len(inputs)+1)
	add := func(at int, text string) {
		bounds[at] = int64(len(texts))
		texts = append(texts, text...)
		bounds[at+1] = int64(len(texts))
	}
	for i, input := range inputs {
		at := 6 * i
		bounds[at], bounds[at+2], bounds[at+4] = -1, -1, -1
		if input.Tokens != nil {
			bounds[at+4] = int64(len(ids))
			ids = append(ids, input.Tokens...)
			bounds[at+5] = int64(len(ids))
		}
		if input.Tokens == nil || input.Text != "" {
			add(at, input.Text)
		}
		if input.Pair != nil {
			add(at+2, *input.Pair)
		}
	}
	p.mutex.RLock()
	defer p.mutex.RUnlock()
	var out *C.engine_pooling
	var raw *C.engine_error
	data, size := bytesOf(body)
	status := C.submit_pooling(p.handle, C.int32_t(task), data, size, (*C.char)(unsafe.Pointer(&texts[0])),
		(*C.int32_t)(unsafe.Pointer(&ids[0])), (*C.int64_t)(unsafe.Pointer(&bounds[0])),
		C.uint64_t(len(inputs)), &out, &raw)
	return out, newError(status, raw)
}

func readPoolingResult(pooling *C.engine_pooling, index int) PoolingResult {
	var result C.engine_pooling_result
	var raw *C.engine_error
	result.struct_size = C.uint32_t(unsafe.Sizeof(result))
	status := C.engine_pooling_get_result(pooling, C.uint64_t(index), &result, &raw)
	if err := newError(status, raw); err != nil {
		return PoolingResult{Err: err}
	}
	rows, columns := int(result.rows), int(result.columns)
	values := unsafe.Slice((*float32)(unsafe.Pointer(result.values)), rows*columns)
	tokens := unsafe.Slice((*int32)(unsafe.Pointer(result.tokens)), int(result.tokens_len))
	return PoolingResult{
		Values: append([]float32{}, values...), Rows: rows, Columns: columns, Tokens: append([]int32{}, tokens...),
	}
}

// Embed gives the vectors of texts. The first text that fails is the error.
func (p *Pooler) Embed(ctx context.Context, texts []string, settings Params) ([][]float32, error) {
	return p.rows(ctx, TaskEmbed, texts, settings)
}

// Classify gives what each of the model's labels gets, for each text. The first text that fails is the error.
func (p *Pooler) Classify(ctx context.Context, texts []string, settings Params) ([][]float32, error) {
	return p.rows(ctx, TaskClassify, texts, settings)
}

// Score tells how well a query and each of the documents fit: a cross-encoder reads a pair at once, of a model that
// makes vectors it is their cosine. The first pair that fails is the error.
func (p *Pooler) Score(ctx context.Context, query string, documents []string, settings Params) ([]float32, error) {
	inputs := make([]PoolingInput, len(documents))
	for i := range documents {
		inputs[i] = PoolingInput{Text: query, Pair: &documents[i]}
	}
	results, err := p.Run(ctx, TaskScore, inputs, settings)
	if err != nil {
		return nil, err
	}
	scores := make([]float32, len(results))
	for i, result := range results {
		if result.Err != nil {
			return nil, fmt.Errorf("documents[%d]: %w", i, result.Err)
		}
		scores[i] = result.Values[0]
	}
	return scores, nil
}

func (p *Pooler) rows(ctx context.Context, task PoolingTask, texts []string, settings Params) ([][]float32, error) {
	inputs := make([]PoolingInput, len(texts))
	for i, text := range texts {
		inputs[i] = PoolingInput{Text: text}
	}
	results, err := p.Run(ctx, task, inputs, settings)
	if err != nil {
		return nil, err
	}
	rows := make([][]float32, len(results))
	for i, result := range results {
		if result.Err != nil {
			return nil, fmt.Errorf("texts[%d]: %w", i, result.Err)
		}
		rows[i] = result.Values
	}
	return rows, nil
}

// Close cancels what has not ended and frees the pooler. A second Close is an error.
func (p *Pooler) Close() error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.handle == nil {
		return errClosed
	}
	runtime.SetFinalizer(p, nil)
	handle := p.handle
	p.handle = nil
	return newError(C.engine_pooler_release(handle), nil)
}
