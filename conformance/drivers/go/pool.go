package main

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	engine "example.com/libengine"
)

var (
	pooler     *engine.Pooler
	poolerName string
	tasks      = map[string]engine.PoolingTask{
		"embed": engine.TaskEmbed, "classify": engine.TaskClassify, "score": engine.TaskScore,
		"token_embed": engine.TaskTokenEmbed,
	}
)

func openPooler(name, limits string) error {
	if poolerName == name+"\t"+limits {
		return nil
	}
	if pooler != nil {
		pooler.Close()
		pooler, poolerName = nil, ""
	}
	m, err := engine.LoadModel(background, name, nil)
	if err != nil {
		return err
	}
	defer m.Close()
	p, err := engine.NewPooler(m, params(limits))
	if err == nil {
		pooler, poolerName = p, name+"\t"+limits
	}
	return err
}

func pool(op, name, limits, body, data string, out row) error {
	if err := openPooler(name, limits); err != nil {
		return err
	}
	fields := strings.Split(data, " ")
	inputs := []engine.PoolingInput{}
	for _, field := range fields[1:] {
		parts := strings.Split(field[1:], ",")
		var input engine.PoolingInput
		if field[0] == 'i' {
			input.Tokens = []int32{}
			for _, part := range parts {
				id, _ := strconv.Atoi(part)
				input.Tokens = append(input.Tokens, int32(id))
			}
		} else {
			text, _ := hex.DecodeString(parts[0])
			input.Text = string(text)
			if len(parts) > 1 {
				pair, _ := hex.DecodeString(parts[1])
				second := string(pair)
				input.Pair = &second
			}
		}
		inputs = append(inputs, input)
	}
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	if op == "pool_cancel" {
		cancel()
		if _, err := pooler.Run(ctx, tasks[fields[0]], inputs, params(body)); err != context.Canceled {
			return err
		}
		out["ended"] = len(inputs)
		return nil
	}
	results, err := pooler.Run(ctx, tasks[fields[0]], inputs, params(body))
	if err != nil {
		return err
	}
	rows := []row{}
	for _, r := range results {
		if r.Err != nil && len(results) == 1 {
			return r.Err
		}
		if r.Err != nil {
			rows = append(rows, row{"error": statusNames[errors.Unwrap(r.Err)]})
			continue
		}
		rows = append(rows, row{"rows": r.Rows, "columns": r.Columns, "tokens": r.Tokens, "values": r.Values})
	}
	out["results"] = rows
	return nil
}
