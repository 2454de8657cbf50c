package qask

import (
	"context"
	"iter"
	"os"
	"runtime"
	"unsafe"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// Model is a loaded model: weights, vocabulary, chat template, metadata. It never changes; engines and embedders keep it
// alive, so that it may be closed as soon as they are made.
type Model struct{ *owned[raw.Model] }

// LoadModel loads a GGUF file; a split model by its first part. The file is checked before the engine sees it.
func LoadModel(ctx context.Context, path string, options ...ModelOption) (*Model, error) {
	if err := name("path", path); err != nil {
		return nil, err
	}
	return loadModel(ctx, options, func(o raw.ModelOptions, cancel raw.Cancel, out *raw.Model, e *raw.Error) raw.Status {
		return raw.ModelLoad(path, o, cancel, out, e)
	})
}

// LoadModelParts loads a split model from its parts, in order.
func LoadModelParts(ctx context.Context, paths []string, options ...ModelOption) (*Model, error) {
	ended := make([]string, len(paths))
	for i, path := range paths {
		if err := name("path", path); err != nil {
			return nil, err
		}
		ended[i] = path + "\x00"
	}
	var pinner runtime.Pinner
	defer pinner.Unpin()
	pointers, _ := pinned(&pinner, ended)
	return loadModel(ctx, options, func(o raw.ModelOptions, cancel raw.Cancel, out *raw.Model, e *raw.Error) raw.Status {
		return raw.ModelLoadSplits(pointers, uintptr(len(paths)), o, cancel, out, e)
	})
}

// LoadModelFile loads a GGUF that lies inside an open file: length bytes from offset on; 0 = to the end. The file stays
// open, and its position where it is.
func LoadModelFile(ctx context.Context, file *os.File, offset, length uint64, options ...ModelOption) (*Model, error) {
	model, err := loadModel(ctx, options, func(o raw.ModelOptions, cancel raw.Cancel, out *raw.Model, e *raw.Error) raw.Status {
		return raw.ModelLoadFd(int32(file.Fd()), offset, length, o, cancel, out, e)
	})
	runtime.KeepAlive(file)
	return model, err
}

func loadModel(ctx context.Context, options []ModelOption, load func(raw.ModelOptions, raw.Cancel, *raw.Model, *raw.Error) raw.Status) (*Model, error) {
	if err := library(); err != nil {
		return nil, err
	}
	o, err := build(options, raw.ModelOptionsNew, raw.ModelOptionsFree)
	if err != nil {
		return nil, err
	}
	defer raw.ModelOptionsFree(o)
	var h raw.Model
	err = cancellable(ctx, func(cancel raw.Cancel) error {
		var e raw.Error
		status := load(o, cancel, &h, &e)
		return check(status, e)
	})
	if err != nil {
		return nil, err
	}
	return &Model{own("model", h, raw.ModelFree)}, nil
}

// pinned gives the texts as C has them: pointers and lengths.
func pinned(pinner *runtime.Pinner, texts []string) (**byte, *uintptr) {
	if len(texts) == 0 {
		return nil, nil
	}
	pointers, lengths := make([]*byte, len(texts)), make([]uintptr, len(texts))
	for i, t := range texts {
		if t == "" {
			t = "\x00" // without bytes there would be no address
			lengths[i] = 0
		} else {
			lengths[i] = uintptr(len(t))
		}
		pointers[i] = unsafe.StringData(t)
		pinner.Pin(pointers[i])
	}
	pinner.Pin(&pointers[0])
	pinner.Pin(&lengths[0])
	return &pointers[0], &lengths[0]
}

// Architecture is the model's architecture, such as "qwen2".
func (m *Model) Architecture() string { return readText(m.owned, raw.ModelArchitecture) }

// Name is the model's own name; "" where it has none.
func (m *Model) Name() string { return readText(m.owned, raw.ModelName) }

// Quantization says how the weights are stored, such as "Q4_K_M".
func (m *Model) Quantization() string { return readText(m.owned, raw.ModelQuantization) }

// ChatTemplate is the model's own chat template (Jinja); "" where it has none.
func (m *Model) ChatTemplate() string { return readText(m.owned, raw.ModelChatTemplate) }

// Parameters is the number of weights.
func (m *Model) Parameters() uint64 { return read(m.owned, raw.ModelParameters) }

// ContextLength is how many tokens the model was trained for.
func (m *Model) ContextLength() int { return int(read(m.owned, raw.ModelContextLength)) }

// VocabularySize is the number of tokens in the vocabulary.
func (m *Model) VocabularySize() int { return int(read(m.owned, raw.ModelVocabularySize)) }

// FileSize is the bytes of the file, or of all parts together.
func (m *Model) FileSize() uint64 { return read(m.owned, raw.ModelFileSize) }

// GPULayers is how many layers lie on a GPU.
func (m *Model) GPULayers() int { return int(read(m.owned, raw.ModelGpuLayers)) }

// Devices gives the memories that hold weights, such as "CPU_Mapped" or "CUDA0", and the bytes in each.
func (m *Model) Devices() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for i := uintptr(0); ; i++ {
			var bytes uint64
			device := read(m.owned, func(h raw.Model) string { return terminated(raw.ModelDeviceAt(h, i, &bytes)) })
			if device == "" || !yield(device, bytes) {
				return
			}
		}
	}
}

// Metadata gives the file's keys and values, in the file's order; numbers are printed, arrays abridged.
func (m *Model) Metadata() iter.Seq2[string, string] {
	return metadata(m.owned, raw.ModelMetadataCount, raw.ModelMetadataKeyAt, raw.ModelMetadataValueAt)
}

// MetadataValue gives the value of one key; "" where there is no such key.
func (m *Model) MetadataValue(key string) string {
	return metadataValue(m.owned, raw.ModelMetadata, key)
}

func metadata[H ~uintptr](o *owned[H], count func(H) uintptr, keyAt, valueAt func(H, uintptr) *byte) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := range read(o, count) {
			key := read(o, func(h H) string { return terminated(keyAt(h, i)) })
			value := read(o, func(h H) string { return terminated(valueAt(h, i)) })
			if !yield(key, value) {
				return
			}
		}
	}
}

func metadataValue[H ~uintptr](o *owned[H], get func(H, string, *uintptr) *byte, key string) string {
	if name("key", key) != nil {
		return ""
	}
	return readText(o, func(h H, n *uintptr) *byte { return get(h, key, n) })
}
