package qask

import (
	"time"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// EngineOption says how to set up an engine.
type EngineOption func(raw.EngineOptions) error

// CacheType is the format of numbers in the KV cache.
type CacheType int32

// The formats.
const (
	CacheF16 CacheType = raw.QASK_CACHE_F16
	CacheQ8  CacheType = raw.QASK_CACHE_Q8_0
	CacheQ4  CacheType = raw.QASK_CACHE_Q4_0
)

// FlashAttention is when flash attention is used.
type FlashAttention int32

// The choices.
const (
	FlashAuto FlashAttention = raw.QASK_FLASH_AUTO
	FlashOff  FlashAttention = raw.QASK_FLASH_OFF
	FlashOn   FlashAttention = raw.QASK_FLASH_ON
)

// WithContext sets how many tokens one sequence may hold, prompt and answer together. Default 4,096, or the trained
// length where that is less.
func WithContext(tokens uint32) EngineOption { return with(&raw.EngineOptionsSetNCtx, tokens) }

// WithKVTokens sets how many tokens the whole KV cache holds. Default: twice the context.
func WithKVTokens(tokens uint32) EngineOption {
	return with(&raw.EngineOptionsSetKvTokens, tokens)
}

// WithMaxSequences sets how many answers are computed at once: 1 to 128. Default 8.
func WithMaxSequences(n uint32) EngineOption {
	return with(&raw.EngineOptionsSetMaxSequences, n)
}

// WithMaxQueue sets how many answers may wait; more are refused with ErrQueueFull. Default 1,024.
func WithMaxQueue(n uint32) EngineOption { return with(&raw.EngineOptionsSetMaxQueue, n) }

// WithBatch sets how many tokens one step evaluates at most. Default 512.
func WithBatch(tokens uint32) EngineOption { return with(&raw.EngineOptionsSetNBatch, tokens) }

// WithMicroBatch sets how many tokens one micro-batch evaluates at most. Default 512.
func WithMicroBatch(tokens uint32) EngineOption {
	return with(&raw.EngineOptionsSetNUbatch, tokens)
}

// WithThreads sets how many threads decode at most. Default: the physical (or performance) cores.
func WithThreads(n uint32) EngineOption { return with(&raw.EngineOptionsSetThreads, n) }

// WithBatchThreads sets how many threads evaluate prompts at most. Default: as WithThreads.
func WithBatchThreads(n uint32) EngineOption {
	return with(&raw.EngineOptionsSetThreadsBatch, n)
}

// WithAdaptThreads computes with fewer threads than were set where that is faster, as it is beside other busy programs.
// Default true; WithDeterministic always has the counts that were set.
func WithAdaptThreads(on bool) EngineOption {
	return with(&raw.EngineOptionsSetAdaptThreads, on)
}

// WithKeyCache sets the format of the keys in the KV cache. Default CacheF16.
func WithKeyCache(t CacheType) EngineOption {
	return with(&raw.EngineOptionsSetCacheTypeK, int32(t))
}

// WithValueCache sets the format of the values in the KV cache. Default CacheF16.
func WithValueCache(t CacheType) EngineOption {
	return with(&raw.EngineOptionsSetCacheTypeV, int32(t))
}

// WithFlashAttention sets when flash attention is used. Default FlashAuto.
func WithFlashAttention(f FlashAttention) EngineOption {
	return with(&raw.EngineOptionsSetFlashAttention, int32(f))
}

// WithUnifiedKV gives all sequences one pool, so that they share prefixes. Default true.
func WithUnifiedKV(on bool) EngineOption { return with(&raw.EngineOptionsSetUnifiedKv, on) }

// WithMaxStep limits for how long a step takes prompt tokens while other streams run. Default 150 ms.
func WithMaxStep(d time.Duration) EngineOption {
	return with(&raw.EngineOptionsSetMaxStepMs, uint32(max(d.Milliseconds(), 0)))
}

// WithPrefixCache keeps evaluated prefixes for later requests. Default true.
func WithPrefixCache(on bool) EngineOption { return with(&raw.EngineOptionsSetPrefixCache, on) }

// WithDeterministic computes one request at a time, in fixed chunks: the same seed gives the same text. Default false.
func WithDeterministic(on bool) EngineOption {
	return with(&raw.EngineOptionsSetDeterministic, on)
}

// WithOffloadKV keeps the KV cache on the GPU, where layers are. Default true.
func WithOffloadKV(on bool) EngineOption { return with(&raw.EngineOptionsSetOffloadKv, on) }

// WithMemoryBudget limits the bytes that the engine and its model may take, together and on all devices: an engine that
// would take more, see [Plan], is refused with ErrTooLarge. Default 0: no limit.
func WithMemoryBudget(bytes uint64) EngineOption {
	return with(&raw.EngineOptionsSetMemoryBudget, bytes)
}

// WithPrefixCacheDir keeps long prompt prefixes in a folder for later processes. It is made when there is none; engines,
// models and processes may share it. What was used longest ago goes when all files would take more than so many bytes.
// Whoever can read the files can read the prompts.
func WithPrefixCacheDir(path string, bytes uint64) EngineOption {
	return func(o raw.EngineOptions) error {
		if err := name("path", path); err != nil {
			return err
		}
		var e raw.Error
		status := raw.EngineOptionsSetPrefixCacheDir(o, path, bytes, &e)
		return check(status, e)
	}
}

// WithIsolated runs the engine in a process of its own, so that nothing that goes wrong in llama.cpp can end this one: its
// streams then end with ErrEngineFault, and the next request starts another process. Not on Windows, Android and iOS
// (ErrUnsupported). Default false.
func WithIsolated(on bool) EngineOption { return with(&raw.EngineOptionsSetIsolated, on) }

// WithWorker names the program that runs an engine of WithIsolated. Default: what QASK_WORKER names, else qask-worker beside
// the library, in ../libexec or ../bin from there, or beside the running program.
func WithWorker(path string) EngineOption {
	return func(o raw.EngineOptions) error {
		if err := name("path", path); err != nil {
			return err
		}
		var e raw.Error
		status := raw.EngineOptionsSetWorker(o, path, &e)
		return check(status, e)
	}
}
