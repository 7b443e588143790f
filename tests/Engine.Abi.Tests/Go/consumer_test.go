package consumer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	engine "example.com/libengine"
)

func start(t *testing.T, model string, limits engine.Params) *engine.Engine {
	t.Helper()
	m, err := engine.LoadModel(context.Background(), model, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(m, limits)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return e
}

func collect(s *engine.Stream) (tokens int, text string, reason string) {
	var b strings.Builder
	for event := range s.Events() {
		if event.Kind == engine.EventToken {
			tokens++
		}
		b.WriteString(event.Text)
		if event.FinishReason != "" {
			reason = event.FinishReason
		}
	}
	return tokens, b.String(), reason
}

// Go runs on tiny stacks: the .NET collector's signals must arrive on the alternate one. Both collectors
// are forced while 64 streams run.
func TestCollectorsUnderLoad(t *testing.T) {
	e := start(t, "fake:delay_ms=1", engine.Params{"max_num_seqs": 64})
	defer e.Close()
	var stop int32
	var background sync.WaitGroup
	for i := 0; i < 2; i++ {
		background.Add(1)
		go func() {
			defer background.Done()
			garbage := [][]byte{}
			for atomic.LoadInt32(&stop) == 0 {
				garbage = append(garbage, make([]byte, 1<<14))
				if len(garbage) > 100 {
					garbage = nil
					runtime.GC()
				}
				// Long prompts make the managed heap collect too.
				tokenizer, err := engine.LoadTokenizer("fake:")
				if err == nil {
					tokenizer.Encode(strings.Repeat("x", 1<<20), false)
					tokenizer.Close()
				}
				time.Sleep(time.Millisecond)
			}
		}()
	}
	var streams sync.WaitGroup
	for i := 0; i < 64; i++ {
		i := i
		streams.Add(1)
		go func() {
			defer streams.Done()
			for round := 0; round < 4; round++ {
				s, err := e.Generate(context.Background(), engine.Request{Prompt: fmt.Sprintf("p%d", i)},
					engine.Params{"max_tokens": 50, "ignore_eos": true})
				if err != nil {
					t.Error(err)
					return
				}
				if n, _, _ := collect(s); n != 50 || s.Err() != nil {
					t.Errorf("stream %d: %d tokens, %v", i, n, s.Err())
				}
			}
		}()
	}
	streams.Wait()
	atomic.StoreInt32(&stop, 1)
	background.Wait()
}

func TestEndOfContextCancels(t *testing.T) {
	e := start(t, "fake:delay_ms=2", nil)
	defer e.Close()
	ctx, cancel := context.WithCancel(context.Background())
	s, err := e.Generate(ctx, engine.Request{Prompt: "x"}, engine.Params{"max_tokens": 3000, "ignore_eos": true})
	if err != nil {
		t.Fatal(err)
	}
	<-s.Events()
	cancel()
	collect(s)
	if !errors.Is(s.Err(), context.Canceled) {
		t.Fatal(s.Err())
	}
}

func TestErrorsHaveKindAndParameter(t *testing.T) {
	e := start(t, "fake:", nil)
	defer e.Close()
	_, err := e.Generate(context.Background(), engine.Request{Prompt: "x"}, engine.Params{"top_p": 7})
	var detail *engine.Error
	if !errors.Is(err, engine.ErrInvalidArgument) || !errors.As(err, &detail) || detail.Parameter != "top_p" {
		t.Fatal(err)
	}
	if _, err := engine.LoadModel(context.Background(), "/no/such/model", nil); !errors.Is(err, engine.ErrNotFound) {
		t.Fatal(err)
	}
}

func TestAFullQueueSaysSo(t *testing.T) {
	e := start(t, "fake:delay_ms=20", engine.Params{"max_num_seqs": 1, "max_queue_size": 1})
	defer e.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for i := 0; i < 10; i++ {
		_, err := e.Generate(ctx, engine.Request{Prompt: "x"}, engine.Params{"max_tokens": 1000, "ignore_eos": true})
		if errors.Is(err, engine.ErrWouldBlock) {
			return
		}
	}
	t.Fatal("ten requests were taken")
}

func TestCloseTwiceAndUseAfterClose(t *testing.T) {
	e := start(t, "fake:", nil)
	if e.Close() != nil || !errors.Is(e.Close(), engine.ErrInvalidHandle) {
		t.Fatal("close")
	}
	if _, err := e.Generate(context.Background(), engine.Request{Prompt: "x"}, nil); err == nil {
		t.Fatal("generate after close")
	}
}

func TestCloseEndsStreams(t *testing.T) {
	e := start(t, "fake:delay_ms=5", nil)
	s, err := e.Generate(context.Background(), engine.Request{Prompt: "x"}, engine.Params{"max_tokens": 3000, "ignore_eos": true})
	if err != nil {
		t.Fatal(err)
	}
	<-s.Events()
	go e.Close()
	collect(s)
}

func TestDroppedEnginesAreFinalized(t *testing.T) {
	for i := 0; i < 20; i++ {
		e := start(t, "fake:", nil)
		s, err := e.Generate(context.Background(), engine.Request{Tokens: []int32{1, 2, 3}}, engine.Params{"max_tokens": 3})
		if err != nil {
			t.Fatal(err)
		}
		collect(s)
		e = nil
		runtime.GC()
	}
}

func startPooler(t *testing.T, name string, settings engine.Params) *engine.Pooler {
	t.Helper()
	m, err := engine.LoadModel(context.Background(), os.Getenv("ROOT")+"/tests/data/encoders/"+name, settings)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	p, err := engine.NewPooler(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPoolingOfManyTextsFromManyGoroutines(t *testing.T) {
	p := startPooler(t, "qwen3-embed", nil)
	defer p.Close()
	alone, err := p.Embed(context.Background(), []string{"city"}, nil)
	if err != nil || len(alone[0]) != p.Info().Dimensions {
		t.Fatal(err, len(alone))
	}
	var group sync.WaitGroup
	for g := 0; g < 8; g++ {
		group.Add(1)
		go func() {
			defer group.Done()
			texts := make([]string, 100)
			for i := range texts {
				texts[i] = fmt.Sprintf("text %d", i)
			}
			texts[50] = "city"
			rows, err := p.Embed(context.Background(), texts, nil)
			if err != nil || len(rows) != 100 {
				t.Error(err)
				return
			}
			for i, value := range rows[50] {
				if value != alone[0][i] {
					t.Error("a vector depends on what is beside it")
					return
				}
			}
		}()
	}
	group.Wait()
}

func TestPoolingFailures(t *testing.T) {
	p := startPooler(t, "bert-classify3", nil)
	results, err := p.Run(context.Background(), engine.TaskClassify,
		[]engine.PoolingInput{{Tokens: []int32{2, 5, 3}}, {Tokens: []int32{99999}}, {Text: "no tokenizer"}}, nil)
	if err != nil || results[0].Err != nil || results[0].Columns != len(p.Info().Labels) {
		t.Fatal(err, results)
	}
	if !errors.Is(results[1].Err, engine.ErrInvalidArgument) || !errors.Is(results[2].Err, engine.ErrInvalidArgument) {
		t.Fatal(results)
	}
	if _, err := p.Embed(context.Background(), []string{"x"}, nil); !errors.Is(err, engine.ErrUnsupported) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Score(ctx, "a", []string{"b"}, nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if p.Close() != nil || !errors.Is(p.Close(), engine.ErrInvalidHandle) {
		t.Fatal("close")
	}
}

func TestAGeneratorAsARerankerByOverrides(t *testing.T) {
	p := startPooler(t, "qwen3-reranker", engine.Params{"runner": "pooling", "hf_overrides": engine.Params{
		"architectures": []string{"Qwen3ForSequenceClassification"}, "classifier_from_token": []string{"no", "yes"}}})
	defer p.Close()
	scores, err := p.Score(context.Background(), "a", []string{"b", "c"}, nil)
	if err != nil || len(scores) != 2 || scores[0] < 0 || scores[0] > 1 {
		t.Fatal(err, scores)
	}
}
