package qask

import "github.com/qask/qask/bindings/go/internal/raw"

// ModelOption says how to load a model.
type ModelOption func(raw.ModelOptions, *raw.Error) raw.Status

// WithGPULayers sets how many layers go on the GPU. Default: all, where there is one.
func WithGPULayers(n uint32) ModelOption {
	return func(o raw.ModelOptions, e *raw.Error) raw.Status { return raw.ModelOptionsSetGpuLayers(o, n, e) }
}

// WithMainGPU sets the GPU for what is not split, from 0.
func WithMainGPU(n uint32) ModelOption {
	return func(o raw.ModelOptions, e *raw.Error) raw.Status { return raw.ModelOptionsSetMainGpu(o, n, e) }
}

// WithMmap maps the file instead of reading it. Default true.
func WithMmap(on bool) ModelOption {
	return func(o raw.ModelOptions, e *raw.Error) raw.Status { return raw.ModelOptionsSetMmap(o, on, e) }
}

// WithMlock keeps the weights in RAM. Default false.
func WithMlock(on bool) ModelOption {
	return func(o raw.ModelOptions, e *raw.Error) raw.Status { return raw.ModelOptionsSetMlock(o, on, e) }
}

// WithCheckTensors looks at every weight for damage while loading; slow. Default false.
func WithCheckTensors(on bool) ModelOption {
	return func(o raw.ModelOptions, e *raw.Error) raw.Status { return raw.ModelOptionsSetCheckTensors(o, on, e) }
}

// WithRepack repacks weights for the CPU: decodes faster, takes more memory. Default true.
func WithRepack(on bool) ModelOption {
	return func(o raw.ModelOptions, e *raw.Error) raw.Status { return raw.ModelOptionsSetRepack(o, on, e) }
}

// WithProgress has f told the share that is loaded, 0 to 1, on another goroutine's thread. It must be quick.
func WithProgress(f func(share float32)) ModelOption {
	return func(o raw.ModelOptions, e *raw.Error) raw.Status {
		return raw.ModelOptionsSetProgress(o, onProgress(), keep(f), onDestroy(), e)
	}
}

// newModelOptions gives 0 when there is nothing to set; the caller frees it.
func newModelOptions(options []ModelOption) (raw.ModelOptions, error) {
	return build(options, raw.ModelOptionsNew, raw.ModelOptionsFree)
}

// build makes an options object and sets what was asked for.
func build[H ~uintptr, F ~func(H, *raw.Error) raw.Status](options []F, make func(*H, *raw.Error) raw.Status, free func(H)) (H, error) {
	var h H
	var e raw.Error
	if len(options) == 0 {
		return 0, nil
	}
	status := make(&h, &e)
	if err := check(status, e); err != nil {
		return 0, err
	}
	for _, option := range options {
		status := option(h, &e)
		if err := check(status, e); err != nil {
			free(h)
			return 0, err
		}
	}
	return h, nil
}
