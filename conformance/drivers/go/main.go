// The Go driver: reads steps from stdin, writes what happened to stdout. See ../../README.md.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	engine "example.com/libengine"
)

type row map[string]any

type output struct {
	Tokens   []int32   `json:"tokens"`
	Text     string    `json:"text"`
	Finish   string    `json:"finish"`
	Stop     string    `json:"stop,omitempty"`
	Logprobs [][][]any `json:"logprobs,omitempty"`
}

type result struct {
	prompt       []int32
	promptScores [][][]any
	outputs      []*output
	terminals    int
}

var statusNames = map[error]string{
	engine.ErrInvalidArgument: "ENGINE_E_INVALID_ARGUMENT", engine.ErrInvalidHandle: "ENGINE_E_INVALID_HANDLE",
	engine.ErrNotFound: "ENGINE_E_NOT_FOUND", engine.ErrWouldBlock: "ENGINE_E_WOULD_BLOCK",
	engine.ErrShuttingDown: "ENGINE_E_SHUTTING_DOWN", engine.ErrEngineFailed: "ENGINE_E_ENGINE_FAILED",
	engine.ErrUnsupported: "ENGINE_E_UNSUPPORTED", engine.ErrCancelled: "ENGINE_E_CANCELLED",
}

var (
	current    string
	model      *engine.Model
	eng        *engine.Engine
	background = context.Background()
)

func params(text string) engine.Params {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	p := engine.Params{}
	if err := decoder.Decode(&p); err != nil {
		panic(err)
	}
	// A map forgets the order of a schema's properties.
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		panic(err)
	}
	if outputs, ok := raw["structured_outputs"]; ok {
		p["structured_outputs"] = outputs
	}
	return p
}

func open(name, limits string) (*engine.Engine, error) {
	if current == name+"\t"+limits {
		return eng, nil
	}
	if eng != nil {
		eng.Close()
		model.Close()
		eng, current = nil, ""
	}
	m, err := engine.LoadModel(background, name, nil)
	if err != nil {
		return nil, err
	}
	e, err := engine.New(m, params(limits))
	if err != nil {
		m.Close()
		return nil, err
	}
	model, eng, current = m, e, name+"\t"+limits
	return e, nil
}

func scores(entries []engine.Logprob) [][]any {
	out := [][]any{}
	for _, e := range entries {
		out = append(out, []any{e.Token, e.Logprob, e.Rank})
	}
	return out
}

func (r *result) take(e engine.Event) {
	for len(r.outputs) <= e.OutputIndex {
		r.outputs = append(r.outputs, &output{Tokens: []int32{}})
	}
	o := r.outputs[e.OutputIndex]
	o.Text += e.Text
	switch e.Kind {
	case engine.EventPrompt:
		r.prompt = e.PromptTokens
		for _, entries := range e.PromptLogprobs {
			r.promptScores = append(r.promptScores, scores(entries))
		}
	case engine.EventToken:
		o.Tokens = append(o.Tokens, e.Token)
		if len(e.Logprobs) > 0 {
			o.Logprobs = append(o.Logprobs, scores(e.Logprobs))
		}
	case engine.EventOutputFinished:
		o.Finish, o.Stop = e.FinishReason, e.StopText
	case engine.EventFinished, engine.EventFailed:
		r.terminals++
	}
}

func start(e *engine.Engine, body string) (*engine.Stream, error) {
	settings := params(body)
	var request engine.Request
	if prompt, ok := settings["prompt"].(string); ok {
		request.Prompt = prompt
		delete(settings, "prompt")
	}
	if ids, ok := settings["prompt_token_ids"].([]any); ok {
		request.Tokens = []int32{}
		for _, id := range ids {
			n, _ := id.(json.Number).Int64()
			request.Tokens = append(request.Tokens, int32(n))
		}
		delete(settings, "prompt_token_ids")
	}
	return e.Generate(background, request, settings)
}

func collect(s *engine.Stream, each func(*result)) (*result, error) {
	r := &result{}
	for event := range s.Events() {
		r.take(event)
		if each != nil {
			each(r)
		}
	}
	return r, s.Err()
}

func (r *result) fill(out row) {
	out["prompt_tokens"], out["outputs"] = r.prompt, r.outputs
	if r.promptScores != nil {
		out["prompt_logprobs"] = r.promptScores
	}
}

func generate(e *engine.Engine, body string, out row) error {
	s, err := start(e, body)
	if err != nil {
		return err
	}
	r, err := collect(s, nil)
	if err == nil {
		r.fill(out)
	}
	return err
}

func cancel(e *engine.Engine, body string, after int, out row) error {
	s, err := start(e, body)
	if err != nil {
		return err
	}
	if after == 0 {
		s.Cancel()
	}
	r, err := collect(s, func(r *result) {
		if after >= 0 && len(r.outputs[0].Tokens) >= after {
			s.Cancel()
		}
	})
	s.Cancel()
	out["finish"], out["terminals"] = r.outputs[0].Finish, r.terminals
	return err
}

func many(e *engine.Engine, body string, count int, out row) error {
	streams := []*engine.Stream{}
	for i := 0; i < count; i++ {
		s, err := start(e, body)
		if err != nil {
			return err
		}
		streams = append(streams, s)
	}
	same, first := true, ""
	for i, s := range streams {
		r, err := collect(s, nil)
		if err != nil {
			return err
		}
		if i == 0 {
			first = r.outputs[0].Text
			r.fill(out)
		}
		same = same && r.outputs[0].Text == first
	}
	out["count"], out["same"] = count, same
	return nil
}

func lifecycle(op, name, body string, out row) error {
	m, err := engine.LoadModel(background, name, nil)
	if err != nil {
		return err
	}
	e, err := engine.New(m, nil)
	if err != nil {
		return err
	}
	switch op {
	case "double_release":
		m.Close()
		e.Close()
		return e.Close()
	case "use_after_release":
		e.Close()
		m.Close()
		_, err := m.Info()
		return err
	case "reload":
		e.Close()
		m.Close()
		if m, err = engine.LoadModel(background, name, nil); err != nil {
			return err
		}
		if e, err = engine.New(m, nil); err != nil {
			return err
		}
	case "two_engines":
		second, err := engine.New(m, nil)
		if err != nil {
			return err
		}
		defer second.Close()
	}
	m.Close()
	defer e.Close()
	return generate(e, body, out)
}

func sleep(e *engine.Engine, body, data string, out row) error {
	number, mode, _ := strings.Cut(data, " ")
	level, _ := strconv.Atoi(number)
	modes := map[string]engine.SleepMode{"abort": engine.SleepAbort, "wait": engine.SleepWait, "keep": engine.SleepKeep}
	if err := e.Sleep(level, modes[mode], -1); err != nil {
		return err
	}
	asleep, err := e.SleepLevel()
	if err == nil {
		err = e.WakeUp(false)
	}
	if err != nil {
		return err
	}
	awake, err := e.SleepLevel()
	if err != nil {
		return err
	}
	out["levels"] = []int{asleep, awake}
	return generate(e, body, out)
}

func texts(op, name, body, data string, out row) error {
	t, err := engine.LoadTokenizer(name)
	if err != nil {
		return err
	}
	defer t.Close()
	switch op {
	case "tokenize":
		text, _ := hex.DecodeString(data[2:])
		out["tokens"], err = t.Encode(string(text), data[0] == '1')
	case "detokenize":
		ids := []int32{}
		for _, part := range strings.Split(data, ",") {
			id, _ := strconv.Atoi(part)
			ids = append(ids, int32(id))
		}
		out["text"], err = t.Decode(ids, false)
	default:
		p := params(body)
		messages := p["messages"]
		delete(p, "messages")
		if op == "chat_tokenize" {
			out["tokens"], err = t.EncodeChat(messages, p)
		} else {
			out["text"], err = t.ApplyChatTemplate(messages, p)
		}
	}
	return err
}

func parse(body, data string, out row) error {
	p, err := engine.NewChatParser(params(body))
	if err != nil {
		return err
	}
	defer p.Close()
	number, rest, _ := strings.Cut(data, " ")
	size, _ := strconv.Atoi(number)
	text, _ := hex.DecodeString(rest)
	deltas := [][]engine.ChatDelta{}
	for at := 0; at < len(text); at += size {
		end := at + size
		if end > len(text) {
			end = len(text)
		}
		piece, err := p.Feed(text[at:end])
		if err != nil {
			return err
		}
		deltas = append(deltas, piece)
	}
	last, err := p.Finish()
	out["deltas"] = append(deltas, last)
	return err
}

func runStep(op, name, limits, body, data string, out row) error {
	switch op {
	case "tokenize", "detokenize", "chat_template", "chat_tokenize":
		return texts(op, name, body, data, out)
	case "chat_parse":
		return parse(body, data, out)
	case "pool", "pool_cancel":
		return pool(op, name, limits, body, data, out)
	case "double_release", "use_after_release", "model_first", "two_engines", "reload":
		return lifecycle(op, name, body, out)
	}
	e, err := open(name, limits)
	if err != nil || op == "load" {
		return err
	}
	number, _ := strconv.Atoi(data)
	switch op {
	case "cancel":
		return cancel(e, body, number, out)
	case "cancel_finished":
		return cancel(e, body, -1, out)
	case "many":
		return many(e, body, number, out)
	case "sleep":
		return sleep(e, body, data, out)
	case "chat":
		rendered := row{}
		if err := texts("chat_tokenize", name, body, "", rendered); err != nil {
			return err
		}
		s, err := e.Generate(background, engine.Request{Tokens: rendered["tokens"].([]int32)}, params(data))
		if err != nil {
			return err
		}
		r, err := collect(s, nil)
		if err == nil {
			r.fill(out)
		}
		return err
	}
	return generate(e, body, out)
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<24)
	for in.Scan() {
		f := strings.Split(in.Text(), "\t")
		step, _ := strconv.Atoi(f[1])
		out := row{"case": f[0], "step": step, "op": f[2], "status": "ENGINE_OK"}
		if err := runStep(f[2], f[3], f[4], f[5], f[6], out); err != nil {
			var detail *engine.Error
			out["status"] = statusNames[errors.Unwrap(err)]
			if errors.As(err, &detail) && detail.Parameter != "" {
				out["parameter"] = detail.Parameter
			}
		}
		line, _ := json.Marshal(out)
		fmt.Println(string(line))
	}
}
