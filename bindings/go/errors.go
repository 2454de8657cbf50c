package qask

import (
	"context"
	"errors"
	"fmt"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// Code says what kind of error it is. It is an error itself, so that errors.Is(err, qask.ErrBusy) works. Codes stand in
// groups of a hundred: treat one that you do not know by its group.
type Code int32

// The codes of the library; its header says more about each.
const (
	ErrNull            Code = raw.QASK_ERR_NULL   // a required argument was missing
	ErrUTF8            Code = raw.QASK_ERR_UTF8   // text was not valid UTF-8
	ErrRange           Code = raw.QASK_ERR_RANGE  // a value is outside what is allowed
	ErrHandle          Code = raw.QASK_ERR_HANDLE // the object was freed
	ErrBusy            Code = raw.QASK_ERR_BUSY   // the object is in use
	ErrClosed          Code = raw.QASK_ERR_CLOSED // the object was closed
	ErrForked          Code = raw.QASK_ERR_FORKED // the process forked after the library was used
	ErrJSON            Code = raw.QASK_ERR_JSON   // JSON that does not parse, or does not describe what was expected
	ErrNotFound        Code = raw.QASK_ERR_NOT_FOUND
	ErrInvalid         Code = raw.QASK_ERR_INVALID          // the file is not a model that can be used
	ErrUnsupportedArch Code = raw.QASK_ERR_UNSUPPORTED_ARCH // an architecture that this engine does not know
	ErrTooLarge        Code = raw.QASK_ERR_TOO_LARGE        // it does not fit into memory
	ErrTemplate        Code = raw.QASK_ERR_TEMPLATE         // the chat template is missing or fails
	ErrContextFull     Code = raw.QASK_ERR_CONTEXT_FULL     // the prompt does not fit into the context
	ErrGrammar         Code = raw.QASK_ERR_GRAMMAR          // the grammar, schema or regular expression is not usable
	ErrTooLong         Code = raw.QASK_ERR_TOO_LONG         // a text is longer than what can be processed
	ErrMedia           Code = raw.QASK_ERR_MEDIA            // an image or a sound cannot be decoded
	ErrCancelled       Code = raw.QASK_ERR_CANCELLED        // cancelled by the caller
	ErrDeadline        Code = raw.QASK_ERR_DEADLINE         // the deadline passed
	ErrQueueFull       Code = raw.QASK_ERR_QUEUE_FULL       // the engine's queue is full
	ErrIO              Code = raw.QASK_ERR_IO               // reading or writing failed
	ErrStateInvalid    Code = raw.QASK_ERR_STATE_INVALID    // saved state that is damaged
	ErrStateMismatch   Code = raw.QASK_ERR_STATE_MISMATCH   // saved state of another model or build
	ErrChecksum        Code = raw.QASK_ERR_CHECKSUM         // a checksum does not match
	ErrNetwork         Code = raw.QASK_ERR_NETWORK          // a download failed
	ErrPanic           Code = raw.QASK_ERR_PANIC            // a bug in qask
	ErrEngineFault     Code = raw.QASK_ERR_ENGINE_FAULT     // llama.cpp failed inside; the engine is lost, the process is not
	ErrUnsupported     Code = raw.QASK_ERR_UNSUPPORTED      // this build or this machine cannot do it
	ErrOutOfMemory     Code = raw.QASK_ERR_OUT_OF_MEMORY
)

// Group is a code's hundred.
type Group int32

// The groups of codes.
const (
	GroupArgument   Group = 100
	GroupModel      Group = 200
	GroupGeneration Group = 300
	GroupState      Group = 400 // input, output and saved state
	GroupInternal   Group = 900
)

// Group gives the code's hundred.
func (c Code) Group() Group { return Group(c - c%100) }

// Error gives the code's name, such as "QASK_ERR_BUSY".
func (c Code) Error() string {
	if raw.StatusName == nil {
		return fmt.Sprintf("qask: error %d", int32(c))
	}
	return terminated(raw.StatusName(raw.Status(c)))
}

// Error is what the library found wrong.
type Error struct {
	Code    Code
	Message string // what was wrong, where, and what to do
	cause   error
}

func (e *Error) Error() string { return "qask: " + e.Message }

// Is makes errors.Is compare by code.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Unwrap gives the context's error, where a context ended it.
func (e *Error) Unwrap() error { return e.cause }

// LibraryError tells why libqask could not be loaded.
type LibraryError struct{ Reason string }

func (e *LibraryError) Error() string { return "qask: " + e.Reason }

func fail(code Code, format string, values ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, values...)}
}

// check turns a status and the error that came with it into a Go error. Statuses below 100 are none.
func check(status raw.Status, e raw.Error) error {
	if status < raw.QASK_ERR_NULL {
		return nil
	}
	err := &Error{Code: Code(status)}
	if err.Message = text(raw.ErrorMessage, e); err.Message == "" {
		err.Message = err.Code.Error()
	}
	raw.ErrorFree(e)
	return err
}

// because adds the context's error to a cancellation that the context caused.
func because(ctx context.Context, err error) error {
	var e *Error
	if ctx.Err() != nil && errors.As(err, &e) && e.Code == ErrCancelled && e.cause == nil {
		e.cause = context.Cause(ctx)
	}
	return err
}
