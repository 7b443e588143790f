// Package engine runs LLMs through libengine, in this process.
//
//	model, err := engine.LoadModel(ctx, "path/to/model", nil)
//	llm, err := engine.New(model, engine.Params{"max_num_seqs": 16})
//	stream, err := llm.Generate(ctx, engine.Request{Prompt: "Once upon"}, engine.Params{"max_tokens": 32})
//	for event := range stream.Events() { fmt.Print(event.Text) }
//	err = stream.Err()
//
// Everything has Close; finalizers are a backstop only. Cancelling a context cancels its request, even in
// prefill. All methods are safe for concurrent use.
//
// The installed tree holds this module beside include and lib, which it finds by itself. With the build
// tag engine_pkgconfig it asks pkg-config for engine instead.
package engine
