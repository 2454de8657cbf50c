package qask

import (
	"encoding/json"
	"sync"
	"unsafe"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// Request is what an answer is asked for. It may be used again and again; each use takes a copy.
type Request struct {
	*owned[raw.Request]
	mu    sync.Mutex // the library wants one caller at a time
	tools []Tool
}

// Option sets one thing of a request.
type Option func(*building) error

// building is a request in the hands of its options.
type building struct {
	handle raw.Request
	tools  []Tool
}

func (b *building) set(f func(h raw.Request, e *raw.Error) raw.Status) error {
	var e raw.Error
	status := f(b.handle, &e)
	return check(status, e)
}

// set makes an option of a setter of one value. The setter is behind a pointer since it is not there before the library
// is loaded, and options are made before.
func set[T any](setter *func(raw.Request, T, *raw.Error) raw.Status, value T) Option {
	return func(b *building) error {
		return b.set(func(h raw.Request, e *raw.Error) raw.Status { return (*setter)(h, value, e) })
	}
}

// setText makes an option of a setter of content.
func setText(setter *func(raw.Request, *byte, uintptr, *raw.Error) raw.Status, text string) Option {
	return func(b *building) error {
		p, n := content(text)
		return b.set(func(h raw.Request, e *raw.Error) raw.Status { return (*setter)(h, p, n, e) })
	}
}

// setName makes an option of a setter of a name.
func setName(setter *func(raw.Request, string, *raw.Error) raw.Status, what, text string) Option {
	return func(b *building) error {
		if err := name(what, text); err != nil {
			return err
		}
		return b.set(func(h raw.Request, e *raw.Error) raw.Status { return (*setter)(h, text, e) })
	}
}

// NewRequest makes a request.
func NewRequest(options ...Option) (*Request, error) {
	if err := library(); err != nil {
		return nil, err
	}
	var h raw.Request
	var e raw.Error
	status := raw.RequestNew(&h, &e)
	return finish(h, check(status, e), options)
}

// RequestFromJSON makes a request from the JSON of an OpenAI chat-completions request; llama.cpp's names for samplers
// work too. An unknown field is an error.
func RequestFromJSON(data []byte, options ...Option) (*Request, error) {
	if err := library(); err != nil {
		return nil, err
	}
	var h raw.Request
	var e raw.Error
	status := raw.RequestFromJson(unsafe.SliceData(data), uintptr(len(data)), &h, &e)
	return finish(h, check(status, e), options)
}

func finish(h raw.Request, err error, options []Option) (*Request, error) {
	if err != nil {
		return nil, err
	}
	r := &Request{owned: own("request", h, raw.RequestFree)}
	if err := r.Set(options...); err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

// Set changes the request. When an option fails, those before it are set.
func (r *Request) Set(options ...Option) error {
	var failed error
	err := r.use(func(h raw.Request, _ *raw.Error) raw.Status {
		b := building{handle: h, tools: r.tools}
		for _, option := range options {
			if failed = option(&b); failed != nil {
				break
			}
		}
		r.tools = b.tools
		return raw.QASK_OK
	})
	if err == nil {
		err = failed
	}
	return err
}

// use is owned's, for one goroutine at a time.
func (r *Request) use(f func(h raw.Request, e *raw.Error) raw.Status) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.owned.use(f)
}

// Accepts tells whether a text is what the request's constraint asks for; without a constraint every text is. It needs no
// model.
func (r *Request) Accepts(text string) (bool, error) {
	var accepted bool
	p, n := content(text)
	err := r.use(func(h raw.Request, e *raw.Error) raw.Status { return raw.RequestAccepts(h, p, n, &accepted, e) })
	return accepted, err
}

// WithMessages adds messages. A raw prompt that was set before is dropped.
func WithMessages(messages ...Message) Option {
	return func(b *building) error {
		for _, m := range messages {
			data, err := json.Marshal(m)
			if err != nil {
				return fail(ErrJSON, "a message cannot be written as JSON: %v", err)
			}
			if err := setText(&raw.RequestAddMessageJson, string(data))(b); err != nil {
				return err
			}
		}
		return nil
	}
}

// WithUser adds a user's message.
func WithUser(text string) Option { return message("user", text) }

// WithSystem adds a system message.
func WithSystem(text string) Option { return message("system", text) }

func message(role, text string) Option {
	return func(b *building) error {
		p, n := content(text)
		return b.set(func(h raw.Request, e *raw.Error) raw.Status { return raw.RequestAddMessage(h, role, p, n, e) })
	}
}

// WithPrompt sets a raw prompt instead of messages.
func WithPrompt(text string) Option { return prompt(text, false) }

// WithSpecialPrompt is WithPrompt, and turns texts of special tokens into those tokens: not for text from outside.
func WithSpecialPrompt(text string) Option { return prompt(text, true) }

func prompt(text string, parseSpecial bool) Option {
	return func(b *building) error {
		p, n := content(text)
		return b.set(func(h raw.Request, e *raw.Error) raw.Status { return raw.RequestSetPrompt(h, p, n, parseSpecial, e) })
	}
}

// WithPromptTokens sets token ids as the prompt, exactly as given.
func WithPromptTokens(tokens ...int32) Option {
	return func(b *building) error {
		return b.set(func(h raw.Request, e *raw.Error) raw.Status {
			return raw.RequestSetPromptTokens(h, unsafe.SliceData(tokens), uintptr(len(tokens)), e)
		})
	}
}

// WithInfill asks for what belongs between two texts, on models with fill-in-the-middle tokens.
func WithInfill(prefix, suffix string) Option {
	return func(b *building) error {
		p, n := content(prefix)
		q, m := content(suffix)
		return b.set(func(h raw.Request, e *raw.Error) raw.Status { return raw.RequestSetInfill(h, p, n, q, m, e) })
	}
}

// WithStop adds texts that end the answer and are not part of it.
func WithStop(texts ...string) Option { return each(&raw.RequestAddStop, texts) }

func each(setter *func(raw.Request, *byte, uintptr, *raw.Error) raw.Status, texts []string) Option {
	return func(b *building) error {
		for _, t := range texts {
			if err := setText(setter, t)(b); err != nil {
				return err
			}
		}
		return nil
	}
}

// WithTemplate uses a Jinja chat template instead of the model's own.
func WithTemplate(source string) Option { return setText(&raw.RequestSetTemplate, source) }

// WithTemplateVariable gives the template a variable, such as "enable_thinking".
func WithTemplateVariable(variable string, value any) Option {
	return func(b *building) error {
		data, err := json.Marshal(value)
		if err != nil {
			return fail(ErrJSON, "the template variable %q cannot be written as JSON: %v", variable, err)
		}
		if err := name("variable", variable); err != nil {
			return err
		}
		return b.set(func(h raw.Request, e *raw.Error) raw.Status {
			return raw.RequestSetTemplateVariable(h, variable, unsafe.SliceData(data), uintptr(len(data)), e)
		})
	}
}

// WithCacheKey shares cached prompt prefixes only with requests of the same key. Default "".
func WithCacheKey(key string) Option { return setName(&raw.RequestSetCacheKey, "cache key", key) }
