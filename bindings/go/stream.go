package qask

import (
	"context"
	"io"
	"iter"
	"strings"
	"sync"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// Stream is one running generation. Read it from one goroutine at a time; cancel and close it from any. A stream that is
// closed is cancelled.
type Stream struct {
	*owned[raw.Stream]
	mu    sync.Mutex // one reader
	wake  chan struct{}
	event raw.Event // the last that was read: borrowed until the next
	e     raw.Error
}

func newStream(h raw.Stream) (*Stream, error) {
	wake, tag, err := watch(h)
	if err != nil {
		raw.StreamFree(h)
		return nil, err
	}
	free := func(h raw.Stream) {
		raw.StreamFree(h)
		unwatch(tag)
		// A reader that waits finds it closed.
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	return &Stream{owned: own("stream", h, free), wake: wake}, nil
}

// Next waits for the next event; io.EOF when every answer had its EventDone. When the context is cancelled the
// generation ends, and its last event comes with the context's error. A generation that fails gives its EventDone with
// its error.
func (s *Stream) Next(ctx context.Context) (Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next(ctx)
}

func (s *Stream) next(ctx context.Context) (Event, error) {
	done := ctx.Done()
	for {
		h := raw.Stream(s.state.value.Load())
		if h == 0 {
			return Event{}, fail(ErrClosed, "the stream is closed")
		}
		switch status := raw.StreamNext(h, 0, &s.event, &s.e); status {
		case raw.QASK_OK:
			event := readEvent(s.event)
			if event.Done == nil {
				return event, nil
			}
			if event.Done.Reason == FinishCancelled && ctx.Err() != nil {
				return event, because(ctx, fail(ErrCancelled, "the generation was cancelled: %v", context.Cause(ctx)))
			}
			return event, event.Done.Err
		case raw.QASK_DONE:
			return Event{}, io.EOF
		case raw.QASK_TIMEOUT:
		default:
			return Event{}, check(status, s.e)
		}
		select {
		case <-s.wake:
		case <-done:
			// The end still comes, within a step of the engine.
			_ = s.Cancel()
			done = nil
		}
	}
}

// Events gives what happens until the end, as Next does; an error is its last. Leaving the loop early closes the stream.
func (s *Stream) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			event, err := s.Next(ctx)
			if err == io.EOF {
				return
			}
			if !yield(event, err) {
				_ = s.Close()
				return
			}
			if err != nil && event.Done == nil {
				return
			}
		}
	}
}

// Collect waits for the end and gives the text of the first answer, as far as it was not read before. The text of an
// answer that was cut short comes with the error.
func (s *Stream) Collect(ctx context.Context) (string, *Done, error) {
	message, done, err := s.CollectMessage(ctx)
	return message.Content, done, err
}

// CollectMessage is Collect for the whole answer, thoughts and tool calls included, as the assistant's message: a history
// takes it as it is.
func (s *Stream) CollectMessage(ctx context.Context) (Message, *Done, error) {
	message := Message{Role: "assistant"}
	var text, reasoning strings.Builder
	var done *Done
	var failed error
	for event, err := range s.Events(ctx) {
		if event.Choice == 0 {
			text.WriteString(event.Text)
			reasoning.WriteString(event.Reasoning)
			if event.Kind == EventToolCall {
				message.ToolCalls = append(message.ToolCalls, *event.ToolCall)
			}
			if event.Done != nil {
				done = event.Done
			}
		}
		if failed == nil {
			failed = err
		}
	}
	message.Content, message.Reasoning = text.String(), reasoning.String()
	return message, done, failed
}

// Cancel ends the generation soon: EventDone with FinishCancelled follows. It never waits.
func (s *Stream) Cancel() error {
	return s.use(func(h raw.Stream, e *raw.Error) raw.Status { return raw.StreamCancel(h, e) })
}

// ChunkJSON gives the event that was read last as the JSON of an OpenAI chat.completion.chunk, with an id in it.
func (s *Stream) ChunkJSON(id string) ([]byte, error) {
	if err := name("id", id); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out raw.String
	var e raw.Error
	status := raw.EventJson(s.event, id, &out, &e)
	if err := check(status, e); err != nil {
		return nil, err
	}
	return []byte(taken(out)), nil
}
