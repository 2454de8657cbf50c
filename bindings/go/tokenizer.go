package qask

import (
	"unsafe"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// TokenizeOption says how text becomes tokens.
type TokenizeOption func(*tokenizing)

type tokenizing struct{ addSpecial, parseSpecial bool }

// AddSpecial adds what the model wants around a text (BOS, EOS).
func AddSpecial() TokenizeOption { return func(t *tokenizing) { t.addSpecial = true } }

// ParseSpecial turns texts of special tokens into those tokens: not for text from outside.
func ParseSpecial() TokenizeOption { return func(t *tokenizing) { t.parseSpecial = true } }

// Tokenize turns text into tokens.
func (m *Model) Tokenize(text string, options ...TokenizeOption) ([]int32, error) {
	var how tokenizing
	for _, option := range options {
		option(&how)
	}
	// Most tokens have more than two bytes; where they have not, a second call has room.
	tokens := make([]int32, len(text)/2+8)
	for {
		var count uintptr
		err := m.use(func(h raw.Model, e *raw.Error) raw.Status {
			p, n := content(text)
			return raw.ModelTokenize(h, p, n, how.addSpecial, how.parseSpecial, &tokens[0], uintptr(len(tokens)), &count, e)
		})
		if err != nil && count > uintptr(len(tokens)) {
			tokens = make([]int32, count)
			continue
		}
		if err != nil {
			return nil, err
		}
		return tokens[:count], nil
	}
}

// Detokenize turns tokens into text; bytes that are not UTF-8 become U+FFFD. Control tokens give no text.
func (m *Model) Detokenize(tokens ...int32) (string, error) { return m.detokenize(tokens, false) }

// DetokenizeSpecial is Detokenize with the text of control tokens.
func (m *Model) DetokenizeSpecial(tokens ...int32) (string, error) { return m.detokenize(tokens, true) }

func (m *Model) detokenize(tokens []int32, special bool) (string, error) {
	s, err := made(m.owned, func(h raw.Model, out *raw.String, e *raw.Error) raw.Status {
		return raw.ModelDetokenize(h, unsafe.SliceData(tokens), uintptr(len(tokens)), special, out, e)
	})
	if err != nil {
		return "", err
	}
	return taken(s), nil
}

// Render gives the prompt text that a request's messages become under the chat template.
func (m *Model) Render(request *Request) (string, error) {
	s, err := withRequest(m.owned, request, raw.ModelRender)
	if err != nil {
		return "", err
	}
	return taken(s), nil
}

// BOS is the token that opens a text; -1 where the model has none.
func (m *Model) BOS() int32 { return read(m.owned, raw.ModelBos) }

// EOS is the token that ends a text; -1 where the model has none.
func (m *Model) EOS() int32 { return read(m.owned, raw.ModelEos) }

// EOT is the token that ends a turn; -1 where the model has none.
func (m *Model) EOT() int32 { return read(m.owned, raw.ModelEot) }

// IsEOG tells whether a token ends a generation.
func (m *Model) IsEOG(token int32) bool {
	return read(m.owned, func(h raw.Model) bool { return raw.ModelIsEog(h, token) })
}

// SupportsInfill tells whether the model has fill-in-the-middle tokens.
func (m *Model) SupportsInfill() bool { return read(m.owned, raw.ModelSupportsInfill) }
