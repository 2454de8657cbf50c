package qask

import (
	"runtime"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// Plan is the memory that a model and an engine, or an embedder, over it will have taken when they were fully used. It
// keeps the model's vocabulary in memory until it is closed.
type Plan struct{ *owned[raw.Plan] }

// Part is what memory is for.
type Part int32

// The parts. Together they are the total.
const (
	PartMapped  Part = raw.QASK_PART_MAPPED  // pages of the model file, which the system can take back and processes share
	PartWeights Part = raw.QASK_PART_WEIGHTS // weights in memory of their own
	PartKV      Part = raw.QASK_PART_KV      // the KV cache of all sequences
	PartState   Part = raw.QASK_PART_STATE   // states of recurrent layers, of all sequences
	PartCompute Part = raw.QASK_PART_COMPUTE // what one step computes with
	PartOutput  Part = raw.QASK_PART_OUTPUT  // logits and vectors that a step gives
	PartOther   Part = raw.QASK_PART_OTHER   // vocabulary, bookkeeping, the library's code
)

// String is the part's name, such as "kv".
func (p Part) String() string {
	names := [...]string{"mapped", "weights", "kv", "state", "compute", "output", "other"}
	if p < 0 || int(p) >= len(names) {
		return "unknown"
	}
	return names[p]
}

// PlanEngine plans an engine over a model file that is not loaded, in tens to hundreds of milliseconds: the weights stay
// on disk. Memory budgets are not looked at.
func PlanEngine(path string, model []ModelOption, options ...EngineOption) (*Plan, error) {
	m, err := fileOptions(path, model)
	if err != nil {
		return nil, err
	}
	defer raw.ModelOptionsFree(m)
	return newPlan(options, raw.EngineOptionsNew, raw.EngineOptionsFree, func(o raw.EngineOptions, out *raw.Plan, e *raw.Error) raw.Status {
		return raw.ModelPlan(path, m, o, out, e)
	})
}

// PlanEmbedder plans an embedder over a model file that is not loaded; otherwise as [PlanEngine].
func PlanEmbedder(path string, model []ModelOption, options ...EmbedderOption) (*Plan, error) {
	m, err := fileOptions(path, model)
	if err != nil {
		return nil, err
	}
	defer raw.ModelOptionsFree(m)
	return newPlan(options, raw.EmbedderOptionsNew, raw.EmbedderOptionsFree, func(o raw.EmbedderOptions, out *raw.Plan, e *raw.Error) raw.Status {
		return raw.ModelPlanEmbedder(path, m, o, out, e)
	})
}

// PlanEngine plans an engine over this model, whose file is read again. The model's own memory is part of the plan.
func (m *Model) PlanEngine(options ...EngineOption) (*Plan, error) {
	model, err := m.get()
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(m.owned)
	return newPlan(options, raw.EngineOptionsNew, raw.EngineOptionsFree, func(o raw.EngineOptions, out *raw.Plan, e *raw.Error) raw.Status {
		return raw.EnginePlan(model, o, out, e)
	})
}

// PlanEmbedder plans an embedder over this model, whose file is read again. The model's own memory is part of the plan.
func (m *Model) PlanEmbedder(options ...EmbedderOption) (*Plan, error) {
	model, err := m.get()
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(m.owned)
	return newPlan(options, raw.EmbedderOptionsNew, raw.EmbedderOptionsFree, func(o raw.EmbedderOptions, out *raw.Plan, e *raw.Error) raw.Status {
		return raw.EmbedderPlan(model, o, out, e)
	})
}

func fileOptions(path string, options []ModelOption) (raw.ModelOptions, error) {
	if err := library(); err != nil {
		return 0, err
	}
	if err := name("path", path); err != nil {
		return 0, err
	}
	return build(options, raw.ModelOptionsNew, raw.ModelOptionsFree)
}

func newPlan[H ~uintptr, F ~func(H) error](options []F, newOptions func(*H, *raw.Error) raw.Status, free func(H),
	plan func(H, *raw.Plan, *raw.Error) raw.Status) (*Plan, error) {
	o, err := build(options, newOptions, free)
	if err != nil {
		return nil, err
	}
	defer free(o)
	var h raw.Plan
	var e raw.Error
	status := plan(o, &h, &e)
	if err := check(status, e); err != nil {
		return nil, err
	}
	return &Plan{own("plan", h, raw.PlanFree)}, nil
}

// Total is the bytes on all devices together: what the process's resident memory will have grown to.
func (p *Plan) Total() uint64 { return read(p.owned, raw.PlanTotal) }

// Bytes is the bytes of a part on all devices together.
func (p *Plan) Bytes(part Part) uint64 {
	return read(p.owned, func(h raw.Plan) uint64 { return raw.PlanBytes(h, int32(part)) })
}

// ContextTokens is how many tokens one sequence may hold; an input, where it is the plan of an embedder.
func (p *Plan) ContextTokens() int { return int(read(p.owned, raw.PlanNCtx)) }

// SequenceBytes is the bytes of KV cache and recurrent state that one sequence fills when it is full. Sequences share the
// pool, whose bytes are those of PartKV and PartState.
func (p *Plan) SequenceBytes() uint64 { return read(p.owned, raw.PlanSequenceBytes) }

// LargestContext is the largest value for [WithContext], in steps of 256, with which the same engine fits into so many
// bytes; 0 when even the smallest does not. Where WithKVTokens is set it stays, so that it is the most. For the plan of an
// embedder it is ErrUnsupported.
func (p *Plan) LargestContext(budget uint64) (tokens uint32, err error) {
	err = p.use(func(h raw.Plan, e *raw.Error) raw.Status { return raw.PlanLargestContext(h, budget, &tokens, e) })
	return tokens, err
}

// DevicePlan is a plan's share of one device.
type DevicePlan struct {
	Name  string // such as "CPU" or "CUDA0"
	GPU   bool
	Bytes map[Part]uint64
}

// Devices gives each device's share. The CPU is the first.
func (p *Plan) Devices() []DevicePlan {
	devices := make([]DevicePlan, read(p.owned, raw.PlanDeviceCount))
	for i := range devices {
		at := uintptr(i)
		devices[i] = DevicePlan{
			Name:  read(p.owned, func(h raw.Plan) string { return terminated(raw.PlanDeviceNameAt(h, at)) }),
			GPU:   read(p.owned, func(h raw.Plan) bool { return raw.PlanDeviceIsGpuAt(h, at) }),
			Bytes: map[Part]uint64{},
		}
		for part := PartMapped; part <= PartOther; part++ {
			devices[i].Bytes[part] = read(p.owned, func(h raw.Plan) uint64 { return raw.PlanDeviceBytesAt(h, at, int32(part)) })
		}
	}
	return devices
}
