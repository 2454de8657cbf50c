package qask

import (
	"iter"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// Inspection is what a model file says of itself, read without loading it.
type Inspection struct{ *owned[raw.Inspection] }

// Inspect reads and checks a GGUF file (or, by any of its parts, a split model) without loading it.
func Inspect(path string) (*Inspection, error) {
	if err := library(); err != nil {
		return nil, err
	}
	if err := name("path", path); err != nil {
		return nil, err
	}
	var h raw.Inspection
	var e raw.Error
	status := raw.ModelInspect(path, &h, &e)
	if err := check(status, e); err != nil {
		return nil, err
	}
	return &Inspection{own("inspection", h, raw.InspectionFree)}, nil
}

// Architecture is the model's architecture, such as "qwen2".
func (i *Inspection) Architecture() string { return readText(i.owned, raw.InspectionArchitecture) }

// Name is the model's own name; "" where it has none.
func (i *Inspection) Name() string { return readText(i.owned, raw.InspectionName) }

// Quantization says how the weights are stored, such as "Q4_K_M".
func (i *Inspection) Quantization() string { return readText(i.owned, raw.InspectionQuantization) }

// ChatTemplate is the model's own chat template (Jinja); "" where it has none.
func (i *Inspection) ChatTemplate() string { return readText(i.owned, raw.InspectionChatTemplate) }

// Parameters is the number of weights.
func (i *Inspection) Parameters() uint64 { return read(i.owned, raw.InspectionParameters) }

// ContextLength is how many tokens the model was trained for.
func (i *Inspection) ContextLength() int { return int(read(i.owned, raw.InspectionContextLength)) }

// VocabularySize is the number of tokens in the vocabulary.
func (i *Inspection) VocabularySize() int { return int(read(i.owned, raw.InspectionVocabularySize)) }

// FileSize is the bytes of the file, or of all parts together.
func (i *Inspection) FileSize() uint64 { return read(i.owned, raw.InspectionFileSize) }

// Metadata gives the file's keys and values, in the file's order; numbers are printed, arrays abridged.
func (i *Inspection) Metadata() iter.Seq2[string, string] {
	return metadata(i.owned, raw.InspectionMetadataCount, raw.InspectionMetadataKeyAt, raw.InspectionMetadataValueAt)
}

// MetadataValue gives the value of one key; "" where there is no such key.
func (i *Inspection) MetadataValue(key string) string {
	return metadataValue(i.owned, raw.InspectionMetadata, key)
}
