package qask

import (
	"unsafe"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// A request has one constraint, the last that was set. One that cannot be used fails the answer with ErrGrammar.

// WithJSONSchema makes the answer JSON that is valid under a schema.
func WithJSONSchema(schema []byte) Option {
	return func(b *building) error {
		return b.set(func(h raw.Request, e *raw.Error) raw.Status {
			return raw.RequestSetJsonSchema(h, unsafe.SliceData(schema), uintptr(len(schema)), e)
		})
	}
}

// WithJSON makes the answer any JSON value.
func WithJSON() Option { return set(&raw.RequestSetJson, false) }

// WithJSONObject makes the answer a JSON object.
func WithJSONObject() Option { return set(&raw.RequestSetJson, true) }

// WithRegex makes the answer as a whole match a regular expression.
func WithRegex(source string) Option { return setText(&raw.RequestSetRegex, source) }

// WithGrammar makes the answer follow a grammar in llama.cpp's GBNF.
func WithGrammar(gbnf string) Option { return setText(&raw.RequestSetGrammar, gbnf) }

// WithLark makes the answer follow a grammar in llguidance's variant of Lark's syntax.
func WithLark(source string) Option { return setText(&raw.RequestSetLark, source) }

// WithChoices makes the answer one of the texts. No text at all is ErrGrammar, where the option is used.
func WithChoices(texts ...string) Option {
	if len(texts) == 0 {
		return func(*building) error { return fail(ErrGrammar, "choice: there are 0 texts; 1 to 10000 are allowed") }
	}
	return each(&raw.RequestAddChoice, texts)
}

// WithConstraintTriggers has the constraint begin behind the first of the texts that the model writes.
func WithConstraintTriggers(texts ...string) Option {
	return each(&raw.RequestAddConstraintTrigger, texts)
}
