package qask

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// Chat is a conversation over an engine. It makes one answer at a time: meanwhile what changes, copies or exports the
// history is ErrBusy. What was said before a cancel is kept and marked; when nothing was said by then, or the generation
// failed, the history is again what it was before.
type Chat struct {
	*owned[raw.Chat]
	mu      sync.Mutex // the library wants one caller at a time; tools too
	tools   []Tool
	setting sync.Mutex // the options
	options []Option
	left    atomic.Bool // the last answer was left before its end
}

// NewChat makes a conversation. Messages among the options open it; every answer is made with the other options.
func (e *Engine) NewChat(options ...Option) (*Chat, error) {
	request, err := NewRequest(options...)
	if err != nil {
		return nil, err
	}
	defer request.Close()
	h, err := withRequest(e.owned, request, raw.ChatNew)
	if err != nil {
		return nil, err
	}
	return &Chat{owned: own("chat", h, raw.ChatFree), options: slices.Clone(options), tools: request.tools}, nil
}

// SetOptions adds to the options that the next answers are made with; messages among them are left alone.
func (c *Chat) SetOptions(options ...Option) error {
	c.setting.Lock()
	defer c.setting.Unlock()
	all := append(slices.Clone(c.options), options...)
	if err := c.apply(all); err != nil {
		return err
	}
	c.options = all
	return nil
}

func (c *Chat) apply(options []Option) error {
	request, err := NewRequest(options...)
	if err != nil {
		return err
	}
	defer request.Close()
	err = c.use(func(h raw.Chat, e *raw.Error) raw.Status {
		r, _ := request.get()
		return raw.ChatSetRequest(h, r, e)
	})
	if err == nil {
		c.mu.Lock()
		c.tools = request.tools
		c.mu.Unlock()
	}
	return err
}

// use is owned's, for one goroutine at a time.
func (c *Chat) use(f func(raw.Chat, *raw.Error) raw.Status) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owned.use(f)
}

// Send says something and streams the answer. It is said when the loop begins; leaving the loop early cancels the answer.
func (c *Chat) Send(ctx context.Context, text string) iter.Seq2[Event, error] {
	return c.answers(ctx, func(h raw.Chat, out *raw.Stream, e *raw.Error) raw.Status {
		p, n := content(text)
		return raw.ChatSend(h, p, n, 0, out, e)
	})
}

// SendMessage is Send with any message, such as a tool's result.
func (c *Chat) SendMessage(ctx context.Context, message Message) iter.Seq2[Event, error] {
	data, err := json.Marshal(message)
	if err != nil {
		return func(yield func(Event, error) bool) { yield(Event{}, fail(ErrJSON, "the message: %v", err)) }
	}
	return c.answers(ctx, func(h raw.Chat, out *raw.Stream, e *raw.Error) raw.Status {
		return raw.ChatSendMessageJson(h, unsafe.SliceData(data), uintptr(len(data)), 0, out, e)
	})
}

// Regenerate answers the last message again: a reply at the end of the history goes first.
func (c *Chat) Regenerate(ctx context.Context) iter.Seq2[Event, error] {
	return c.answers(ctx, func(h raw.Chat, out *raw.Stream, e *raw.Error) raw.Status {
		return raw.ChatRegenerate(h, 0, out, e)
	})
}

func (c *Chat) answers(ctx context.Context, start func(raw.Chat, *raw.Stream, *raw.Error) raw.Status) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		stream, err := c.start(ctx, start)
		if err != nil {
			yield(Event{}, err)
			return
		}
		ended := false
		defer func() {
			if !ended {
				c.left.Store(true)
			}
			_ = stream.Close()
		}()
		for event, err := range stream.Events(ctx) {
			ended = ended || event.Done != nil
			if !yield(event, err) {
				return
			}
		}
	}
}

// settle waits for the end of an answer whose loop was left: it was cancelled, and ends with the engine's step.
func (c *Chat) settle(ctx context.Context) error {
	if err := alive(ctx); err != nil {
		return err
	}
	if c.left.Swap(false) {
		if err := c.Wait(ctx); err != nil {
			c.left.Store(true)
			return err
		}
	}
	return nil
}

func (c *Chat) start(ctx context.Context, start func(raw.Chat, *raw.Stream, *raw.Error) raw.Status) (*Stream, error) {
	if err := c.settle(ctx); err != nil {
		return nil, err
	}
	var out raw.Stream
	err := c.use(func(h raw.Chat, e *raw.Error) raw.Status { return start(h, &out, e) })
	if err != nil {
		return nil, err
	}
	return newStream(out)
}

// Ask says something and waits for the whole answer. The text of an answer that was cut short by an error comes with it.
func (c *Chat) Ask(ctx context.Context, text string) (string, error) {
	var answer []byte
	var failed error
	for event, err := range c.Send(ctx, text) {
		answer = append(answer, event.Text...)
		if err != nil {
			failed = err
		}
	}
	return string(answer), failed
}

// AskJSON says something and waits for an answer that is JSON and valid under the schema.
func (c *Chat) AskJSON(ctx context.Context, text string, schema []byte) ([]byte, error) {
	var out raw.String
	p, n := content(text)
	err := cancellable(ctx, func(cancel raw.Cancel) error {
		return c.use(func(h raw.Chat, e *raw.Error) raw.Status {
			return raw.ChatAskJson(h, p, n, unsafe.SliceData(schema), uintptr(len(schema)), cancel, &out, e)
		})
	})
	if err != nil {
		return nil, err
	}
	return []byte(taken(out)), nil
}

// AskInto says something and stores the answer in the value that target points to; its type is the schema, see
// [SchemaOf].
func (c *Chat) AskInto(ctx context.Context, text string, target any) error {
	return into(target, func(schema []byte) ([]byte, error) { return c.AskJSON(ctx, text, schema) })
}

func into(target any, ask func(schema []byte) ([]byte, error)) error {
	schema, err := SchemaOf(target)
	if err != nil {
		return err
	}
	data, err := ask(schema)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, target); err != nil {
		return fail(ErrJSON, "the answer does not fit into %T: %v", target, err)
	}
	return nil
}

// Wait waits until no answer is being made, or the context is done.
func (c *Chat) Wait(ctx context.Context) error { return patient(ctx, c.owned, raw.ChatWait) }

// Busy tells whether an answer is being made.
func (c *Chat) Busy() bool { return read(c.owned, raw.ChatIsBusy) }
