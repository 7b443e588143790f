// Code generated from the C# sources by abi/Generator; DO NOT EDIT.

package engine

// #include <engine/engine.h>
import "C"

import (
	"errors"
	"unsafe"
)

// Status is the result code of a call.
type Status int32

const abiVersion = 0<<16 | 1

const (
	StatusOk              Status = 0
	StatusIdle            Status = 1
	StatusInvalidArgument Status = -1
	StatusInvalidHandle   Status = -2
	StatusNotFound        Status = -3
	StatusBufferTooSmall  Status = -4
	StatusWouldBlock      Status = -5
	StatusOutOfMemory     Status = -6
	StatusCancelled       Status = -7
	StatusTimeout         Status = -8
	StatusUnsupported     Status = -9
	StatusCorruptData     Status = -10
	StatusIo              Status = -11
	StatusEngineFailed    Status = -12
	StatusShuttingDown    Status = -13
	StatusForked          Status = -14
	StatusInternal        Status = -15
)

const (
	paramsLibrary = 0
	paramsModel   = 1
	paramsEngine  = 2
	paramsRequest = 3
)

const (
	eventToken          = 0
	eventPrompt         = 1
	eventOutputFinished = 2
	eventFinished       = 3
	eventFailed         = 4
)

const (
	finishNone   = 0
	finishStop   = 1
	finishLength = 2
	finishAbort  = 3
	finishError  = 4
)

const (
	logOff     = 0
	logError   = 1
	logWarning = 2
	logInfo    = 3
	logDebug   = 4
)

const (
	textNone        = 0
	textAddSpecial  = 1
	textSkipSpecial = 2
)

const (
	submitNone     = 0
	submitOwnQueue = 1
)

// Every error of this package is one of these, for errors.Is.
var (
	ErrInvalidArgument = errors.New("an argument is out of range")
	ErrInvalidHandle   = errors.New("the handle is null, stale, released or of another kind")
	ErrNotFound        = errors.New("a file, model, request or key does not exist")
	ErrBufferTooSmall  = errors.New("the buffer is too small; the size needed is returned")
	ErrWouldBlock      = errors.New("the queue is full; try again later")
	ErrOutOfMemory     = errors.New("memory is exhausted")
	ErrCancelled       = errors.New("the request was cancelled")
	ErrTimeout         = errors.New("the wait ended first")
	ErrUnsupported     = errors.New("known, but not available in this build, on this machine or for this model")
	ErrCorruptData     = errors.New("a file's content is malformed")
	ErrIO              = errors.New("reading or writing failed")
	ErrEngineFailed    = errors.New("the engine failed and does no more work")
	ErrShuttingDown    = errors.New("the engine is draining or shut down")
	ErrForked          = errors.New("the process has forked since the library was initialized")
	ErrInternal        = errors.New("an unexpected error, contained")
)

var statusErrors = map[Status]error{
	StatusInvalidArgument: ErrInvalidArgument,
	StatusInvalidHandle:   ErrInvalidHandle,
	StatusNotFound:        ErrNotFound,
	StatusBufferTooSmall:  ErrBufferTooSmall,
	StatusWouldBlock:      ErrWouldBlock,
	StatusOutOfMemory:     ErrOutOfMemory,
	StatusCancelled:       ErrCancelled,
	StatusTimeout:         ErrTimeout,
	StatusUnsupported:     ErrUnsupported,
	StatusCorruptData:     ErrCorruptData,
	StatusIo:              ErrIO,
	StatusEngineFailed:    ErrEngineFailed,
	StatusShuttingDown:    ErrShuttingDown,
	StatusForked:          ErrForked,
	StatusInternal:        ErrInternal,
}

// Sizes and offsets: a difference does not compile.
const (
)
