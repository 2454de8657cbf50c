package qask

import (
	"context"
	"iter"
	"runtime"
	"time"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// Engine serves requests over a model: one thread of the library computes many at once. Submitting never waits for
// compute.
type Engine struct{ *owned[raw.Engine] }

// NewEngine starts an engine over the model, which it keeps alive.
func (m *Model) NewEngine(options ...EngineOption) (*Engine, error) {
	o, err := build(options, raw.EngineOptionsNew, raw.EngineOptionsFree)
	if err != nil {
		return nil, err
	}
	defer raw.EngineOptionsFree(o)
	h, err := made(m.owned, func(h raw.Model, out *raw.Engine, e *raw.Error) raw.Status {
		return raw.EngineNew(h, o, out, e)
	})
	if err != nil {
		return nil, err
	}
	return &Engine{own("engine", h, raw.EngineFree)}, nil
}

// Shutdown takes no more requests, ends what runs with ErrClosed, and waits until the engine's memory is free or the
// context is done. The engine still has to be closed, which waits for nothing.
func (e *Engine) Shutdown(ctx context.Context) error {
	return patient(ctx, e.owned, raw.EngineClose)
}

// patient waits in slices, between which it looks at the context: for waits that no flag ends.
func patient[H ~uintptr](ctx context.Context, o *owned[H], wait func(H, int64, *raw.Error) raw.Status) error {
	const slice = 50
	for {
		var status raw.Status
		err := o.use(func(h H, e *raw.Error) raw.Status {
			status = wait(h, slice, e)
			return status
		})
		if err != nil || status != raw.QASK_TIMEOUT {
			return err
		}
		if ctx.Err() != nil {
			return because(ctx, fail(ErrCancelled, "the wait was cancelled: %v", context.Cause(ctx)))
		}
	}
}

// Submit queues a copy of the request and gives its stream, which ends when the context that it is read with is
// cancelled. Close the stream.
func (e *Engine) Submit(request *Request) (*Stream, error) {
	h, err := withRequest(e.owned, request, func(engine raw.Engine, r raw.Request, out *raw.Stream, err *raw.Error) raw.Status {
		return raw.EngineSubmit(engine, r, 0, out, err)
	})
	if err != nil {
		return nil, err
	}
	return newStream(h)
}

// withRequest calls a function that takes a request beside the owner and gives a handle.
func withRequest[H, N ~uintptr](o *owned[H], request *Request, f func(H, raw.Request, *N, *raw.Error) raw.Status) (N, error) {
	var out N
	err := beside(o, request, func(h H, r raw.Request, e *raw.Error) raw.Status { return f(h, r, &out, e) })
	return out, err
}

// beside is use for calls that take a request too.
func beside[H ~uintptr](o *owned[H], request *Request, f func(H, raw.Request, *raw.Error) raw.Status) error {
	h, err := o.get()
	if err != nil {
		return err
	}
	err = request.use(func(r raw.Request, e *raw.Error) raw.Status { return f(h, r, e) })
	runtime.KeepAlive(o)
	return err
}

// Generate asks for one answer and streams it. The request is submitted when the loop begins; leaving it early cancels.
func (e *Engine) Generate(ctx context.Context, options ...Option) iter.Seq2[Event, error] {
	return streaming(ctx, func() (*Stream, error) {
		request, err := NewRequest(options...)
		if err != nil {
			return nil, err
		}
		defer request.Close()
		return e.Submit(request)
	})
}

// streaming gives the events of a stream that is made when the loop begins and closed when it ends.
func streaming(ctx context.Context, start func() (*Stream, error)) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := alive(ctx); err != nil {
			yield(Event{}, err)
			return
		}
		stream, err := start()
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer stream.Close()
		stream.Events(ctx)(yield)
	}
}

// Prewarm evaluates the prompt of a request, so that later ones that begin with it start faster, and generates nothing.
// With pin it is kept until Unpin.
func (e *Engine) Prewarm(ctx context.Context, request *Request, pin bool) error {
	h, err := withRequest(e.owned, request, func(engine raw.Engine, r raw.Request, out *raw.Stream, err *raw.Error) raw.Status {
		return raw.EnginePrewarm(engine, r, pin, out, err)
	})
	if err != nil {
		return err
	}
	stream, err := newStream(h)
	if err != nil {
		return err
	}
	defer stream.Close()
	_, _, err = stream.Collect(ctx)
	return err
}

// Unpin lets every pinned prefix be dropped when room is needed.
func (e *Engine) Unpin() error { return e.use(raw.EngineUnpin) }

// SetThreads changes the thread counts from the next step on: 1 to 512 each.
func (e *Engine) SetThreads(decode, batch uint32) error {
	return e.use(func(h raw.Engine, err *raw.Error) raw.Status { return raw.EngineSetThreads(h, decode, batch, err) })
}

// Pause stops computing behind the current step, until Resume, and waits until the engine rests; when the context is done
// first, it will rest all the same. Requests are taken and wait, and contexts that are cancelled end them.
func (e *Engine) Pause(ctx context.Context) error { return patient(ctx, e.owned, raw.EnginePause) }

// Resume goes on after Pause.
func (e *Engine) Resume() error { return e.use(raw.EngineResume) }

// Trim is what Engine.Trim lets go of.
type Trim int32

const (
	// TrimCache is prefixes that are kept for later requests, except pinned ones.
	TrimCache Trim = raw.QASK_TRIM_CACHE
	// TrimContext is the whole context too, when nothing runs; the next request makes it anew. In a paused engine nothing
	// runs: what was in the middle is computed again.
	TrimContext Trim = raw.QASK_TRIM_CONTEXT
	// TrimWeights is also pages of the mapped model file, which are read again when they are needed.
	TrimWeights Trim = raw.QASK_TRIM_WEIGHTS
)

// Trim lets go of memory behind the current step, and waits for that; when the context is done first, it will be done all
// the same.
func (e *Engine) Trim(ctx context.Context, level Trim) error {
	return patient(ctx, e.owned, func(h raw.Engine, wait int64, err *raw.Error) raw.Status {
		return raw.EngineTrim(h, int32(level), wait, err)
	})
}

// ContextTokens is how many tokens one sequence may hold.
func (e *Engine) ContextTokens() int { return int(read(e.owned, raw.EngineNCtx)) }

// KVTokens is how many tokens the KV cache holds.
func (e *Engine) KVTokens() int { return int(read(e.owned, raw.EngineKvTokens)) }

// Stats are figures of an engine at one moment.
type Stats struct {
	Queued, Active, Threads, BatchThreads           int
	ThreadsUsed, BatchThreadsUsed                   int // of those, fewer beside busy programs: WithAdaptThreads
	KVTokens, KVTokensUsed, CachedTokens            uint64
	Evictions, Preemptions                          uint64
	Submitted, Finished, Failed                     uint64
	PromptTokens, ReusedTokens, OutputTokens, Steps uint64
	DiskTokens                                      uint64        // of ReusedTokens, those from the folder of WithPrefixCacheDir
	PromptTokensPerSecond, OutputTokensPerSecond    float64       // moving averages
	LongestStep                                     time.Duration // of those that had running streams in them
}

// Stats takes the engine's figures of this moment.
func (e *Engine) Stats() (Stats, error) {
	s, err := made(e.owned, raw.EngineStats)
	if err != nil {
		return Stats{}, err
	}
	defer raw.StatsFree(s)
	return Stats{
		Queued: int(raw.StatsQueued(s)), Active: int(raw.StatsActive(s)),
		Threads: int(raw.StatsThreads(s)), BatchThreads: int(raw.StatsThreadsBatch(s)),
		ThreadsUsed: int(raw.StatsThreadsUsed(s)), BatchThreadsUsed: int(raw.StatsThreadsBatchUsed(s)),
		KVTokens: raw.StatsKvTokensTotal(s), KVTokensUsed: raw.StatsKvTokensUsed(s), CachedTokens: raw.StatsCachedTokens(s),
		Evictions: raw.StatsEvictions(s), Preemptions: raw.StatsPreemptions(s),
		Submitted: raw.StatsSubmitted(s), Finished: raw.StatsFinished(s), Failed: raw.StatsFailed(s),
		PromptTokens: raw.StatsPromptTokens(s), ReusedTokens: raw.StatsReusedTokens(s), DiskTokens: raw.StatsDiskTokens(s),
		OutputTokens: raw.StatsOutputTokens(s), Steps: raw.StatsSteps(s),
		PromptTokensPerSecond: raw.StatsPromptTokensPerSecond(s), OutputTokensPerSecond: raw.StatsOutputTokensPerSecond(s),
		LongestStep: time.Duration(raw.StatsLongestStepUs(s)) * time.Microsecond,
	}, nil
}
