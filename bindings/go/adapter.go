package qask

import "github.com/qask/qask/bindings/go/internal/raw"

// Adapter changes what a model does without changing the model: a LoRA or a control vector, chosen by each request.
type Adapter struct{ *owned[raw.Adapter] }

// AdapterKind is what an adapter is.
type AdapterKind int32

// The kinds.
const (
	LoRA          AdapterKind = raw.QASK_ADAPTER_LORA
	ActivatedLoRA AdapterKind = raw.QASK_ADAPTER_ACTIVATED_LORA // acts from its invocation tokens on
	ControlVector AdapterKind = raw.QASK_ADAPTER_CONTROL_VECTOR
)

// LoadAdapter loads an adapter (GGUF) for the model.
func (m *Model) LoadAdapter(path string) (*Adapter, error) {
	if err := name("path", path); err != nil {
		return nil, err
	}
	h, err := made(m.owned, func(h raw.Model, out *raw.Adapter, e *raw.Error) raw.Status {
		return raw.AdapterLoad(h, path, out, e)
	})
	if err != nil {
		return nil, err
	}
	return &Adapter{own("adapter", h, raw.AdapterFree)}, nil
}

// Kind says what it is.
func (a *Adapter) Kind() AdapterKind { return AdapterKind(read(a.owned, raw.AdapterKind)) }

// WithAdapter lets an adapter act on the answer, with a scale: 1 = as it was trained. Several may act together.
func WithAdapter(adapter *Adapter, scale float32) Option {
	return func(b *building) error {
		return adapter.use(func(a raw.Adapter, e *raw.Error) raw.Status { return raw.RequestAddAdapter(b.handle, a, scale, e) })
	}
}

// WithoutAdapters takes all adapters from a request.
func WithoutAdapters() Option {
	return func(b *building) error { return b.set(raw.RequestClearAdapters) }
}
