package engine

// #include <engine/engine.h>
import "C"

// Error is what a call failed with. errors.Is(err, ErrWouldBlock) and the like tell the kinds apart.
type Error struct {
	Status    Status
	Message   string
	Parameter string // path of the offending field, or ""
	Retryable bool
}

func (e *Error) Error() string { return "engine: " + e.Message }

// Unwrap gives the sentinel of the status.
func (e *Error) Unwrap() error { return statusErrors[e.Status] }

func newError(status C.engine_status, raw *C.engine_error) error {
	if status >= 0 {
		return nil
	}
	e := &Error{Status: Status(status)}
	if raw == nil {
		e.Message = C.GoString(C.engine_status_message(status))
		return e
	}
	e.Message = C.GoString(C.engine_error_message(raw))
	if parameter := C.engine_error_parameter(raw); parameter != nil {
		e.Parameter = C.GoString(parameter)
	}
	e.Retryable = C.engine_error_retryable(raw) != 0
	C.engine_error_release(raw)
	return e
}

// Version is the library's version.
func Version() string { return C.GoString(C.engine_version_string()) }
