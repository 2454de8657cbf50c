package qask

import (
	"context"
	"unsafe"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// Ask asks for one answer and waits for the whole of it.
func (e *Engine) Ask(ctx context.Context, options ...Option) (string, *Done, error) {
	request, err := NewRequest(options...)
	if err != nil {
		return "", nil, err
	}
	defer request.Close()
	if err := alive(ctx); err != nil {
		return "", nil, err
	}
	stream, err := e.Submit(request)
	if err != nil {
		return "", nil, err
	}
	defer stream.Close()
	return stream.Collect(ctx)
}

// AskJSON waits for an answer that is JSON and valid under the schema, in place of whatever constraint, stop texts and
// number of answers the options have.
func (e *Engine) AskJSON(ctx context.Context, schema []byte, options ...Option) ([]byte, error) {
	request, err := NewRequest(options...)
	if err != nil {
		return nil, err
	}
	defer request.Close()
	var answer []byte
	err = cancellable(ctx, func(cancel raw.Cancel) error {
		s, err := withRequest(e.owned, request, func(h raw.Engine, r raw.Request, out *raw.String, err *raw.Error) raw.Status {
			return raw.EngineAskJson(h, r, unsafe.SliceData(schema), uintptr(len(schema)), cancel, out, err)
		})
		if err == nil {
			answer = []byte(taken(s))
		}
		return err
	})
	return answer, err
}

// AskInto asks for one answer and stores it in the value that target points to; its type is the schema, see [SchemaOf].
func (e *Engine) AskInto(ctx context.Context, target any, options ...Option) error {
	return into(target, func(schema []byte) ([]byte, error) { return e.AskJSON(ctx, schema, options...) })
}
