package qask

import "github.com/qask/qask/bindings/go/internal/raw"

// ModelOption says how to load a model.
type ModelOption func(raw.ModelOptions) error

// WithGPULayers sets how many layers go on the GPU. Default: all, where there is one.
func WithGPULayers(n uint32) ModelOption {
	return with(&raw.ModelOptionsSetGpuLayers, n)
}

// WithMainGPU sets the GPU for what is not split, from 0.
func WithMainGPU(n uint32) ModelOption {
	return with(&raw.ModelOptionsSetMainGpu, n)
}

// WithMmap maps the file instead of reading it. Default true.
func WithMmap(on bool) ModelOption {
	return with(&raw.ModelOptionsSetMmap, on)
}

// WithMlock keeps the weights in RAM. Default false.
func WithMlock(on bool) ModelOption {
	return with(&raw.ModelOptionsSetMlock, on)
}

// WithCheckTensors looks at every weight for damage while loading; slow. Default false.
func WithCheckTensors(on bool) ModelOption {
	return with(&raw.ModelOptionsSetCheckTensors, on)
}

// WithRepack repacks weights for the CPU: decodes faster, takes more memory. Default true.
func WithRepack(on bool) ModelOption {
	return with(&raw.ModelOptionsSetRepack, on)
}

// WithModelMemoryBudget limits the bytes that the model may take, on all devices together: one that would take more is
// refused with ErrTooLarge before its weights are read. Default 0: no limit.
func WithModelMemoryBudget(bytes uint64) ModelOption {
	return with(&raw.ModelOptionsSetMemoryBudget, bytes)
}

// WithProgress has f told the share that is loaded, 0 to 1, on another goroutine's thread. It must be quick.
func WithProgress(f func(share float32)) ModelOption {
	return func(o raw.ModelOptions) error {
		var e raw.Error
		status := raw.ModelOptionsSetProgress(o, onProgress(), keep(f), onDestroy(), &e)
		return check(status, e)
	}
}
