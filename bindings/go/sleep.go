package engine

// #include <engine/engine.h>
import "C"

import "time"

// SleepMode says what becomes of requests under way when an engine is put to sleep.
type SleepMode int32

const (
	// SleepAbort ends them.
	SleepAbort SleepMode = sleepAbort
	// SleepWait lets them run to their end first.
	SleepWait SleepMode = sleepWait
	// SleepKeep lets them go on after WakeUp.
	SleepKeep SleepMode = sleepKeep
)

// Sleep stops stepping and gives memory back to the system until WakeUp: of the KV cache at level 1, of the weights,
// too, at level 2. Requests wait meanwhile. mode says what becomes of those under way; a timeout below 0 is none.
func (e *Engine) Sleep(level int, mode SleepMode, timeout time.Duration) error {
	ms := timeout.Milliseconds()
	if timeout < 0 {
		ms = -1
	} else if ms > 1<<30 {
		ms = 1 << 30
	}
	var raw *C.engine_error
	return newError(C.engine_sleep(e.handle, C.int32_t(level), C.engine_sleep_mode(mode), C.int32_t(ms), &raw), raw)
}

// WakeUp takes memory again, loads what was freed and goes on. With weightsOnly the engine sleeps on at level 1.
func (e *Engine) WakeUp(weightsOnly bool) error {
	only := C.int32_t(0)
	if weightsOnly {
		only = 1
	}
	var raw *C.engine_error
	return newError(C.engine_wake_up(e.handle, only, &raw), raw)
}

// SleepLevel tells how deep the engine sleeps; -1 is awake.
func (e *Engine) SleepLevel() (int, error) {
	var level C.int32_t
	var raw *C.engine_error
	if err := newError(C.engine_sleep_level(e.handle, &level, &raw), raw); err != nil {
		return 0, err
	}
	return int(level), nil
}
