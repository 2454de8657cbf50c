package qask

import (
	"runtime"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// WithTemperature is 0 for always the likeliest token, to 100. Default: the model's own, else 0.8.
func WithTemperature(t float32) Option {
	return set(&raw.RequestSetTemperature, t)
}

// WithTopK keeps the k likeliest; 0 = off. Default: the model's own, else 40.
func WithTopK(k uint32) Option {
	return set(&raw.RequestSetTopK, k)
}

// WithTopP is nucleus sampling: 0 to 1 = off. Default: the model's own, else 0.95.
func WithTopP(p float32) Option {
	return set(&raw.RequestSetTopP, p)
}

// WithMinP drops what is less likely than this share of the best: 0 = off, to 1. Default: the model's own, else 0.05.
func WithMinP(p float32) Option {
	return set(&raw.RequestSetMinP, p)
}

// WithTypicalP is locally typical sampling: 0 to 1 = off, the default.
func WithTypicalP(p float32) Option {
	return set(&raw.RequestSetTypicalP, p)
}

// WithTopNSigma keeps logits within n standard deviations of the best: -1 = off, the default.
func WithTopNSigma(n float32) Option {
	return set(&raw.RequestSetTopNSigma, n)
}

// WithSeed sets the seed of the draw. Default: drawn anew each time, and reported on EventDone.
func WithSeed(seed uint32) Option {
	return set(&raw.RequestSetSeed, seed)
}

// WithMinKeep is how many tokens the truncating samplers keep at least. Default 0.
func WithMinKeep(n uint32) Option {
	return set(&raw.RequestSetMinKeep, n)
}

// WithRepeatPenalty divides the logits of past tokens: above 0, to 100. Default: the model's own, else 1 = off.
func WithRepeatPenalty(p float32) Option {
	return set(&raw.RequestSetRepeatPenalty, p)
}

// WithFrequencyPenalty is taken off a past token's logit for each time it stands there. Default 0.
func WithFrequencyPenalty(p float32) Option {
	return set(&raw.RequestSetFrequencyPenalty, p)
}

// WithPresencePenalty is taken off a past token's logit once. Default 0.
func WithPresencePenalty(p float32) Option {
	return set(&raw.RequestSetPresencePenalty, p)
}

// WithPenaltyLastN is how many past tokens the penalties look at: -1 = all. Default: the model's own, else 64.
func WithPenaltyLastN(n int32) Option {
	return set(&raw.RequestSetPenaltyLastN, n)
}

// WithDynatempRange is the half-width of dynamic temperature. Default 0 = off.
func WithDynatempRange(r float32) Option {
	return set(&raw.RequestSetDynatempRange, r)
}

// WithDynatempExponent is the exponent of dynamic temperature. Default 1.
func WithDynatempExponent(x float32) Option {
	return set(&raw.RequestSetDynatempExponent, x)
}

// WithXTCProbability is the chance that XTC (exclude top choices) acts. Default 0 = off.
func WithXTCProbability(p float32) Option {
	return set(&raw.RequestSetXtcProbability, p)
}

// WithXTCThreshold is above what XTC removes all but the least likely token. Default 0.1.
func WithXTCThreshold(p float32) Option {
	return set(&raw.RequestSetXtcThreshold, p)
}

// WithDRYMultiplier is the strength of DRY (don't repeat yourself). Default 0 = off.
func WithDRYMultiplier(m float32) Option {
	return set(&raw.RequestSetDryMultiplier, m)
}

// WithDRYBase is the base of DRY's exponential. Default 1.75.
func WithDRYBase(b float32) Option {
	return set(&raw.RequestSetDryBase, b)
}

// WithDRYAllowedLength is up to what length repeats are free under DRY. Default 2.
func WithDRYAllowedLength(n uint32) Option {
	return set(&raw.RequestSetDryAllowedLength, n)
}

// WithDRYPenaltyLastN is how many past tokens DRY looks at: -1 = all, the default.
func WithDRYPenaltyLastN(n int32) Option {
	return set(&raw.RequestSetDryPenaltyLastN, n)
}

// WithMirostat is the version of Mirostat: 0 = off, the default, 1 or 2.
func WithMirostat(version uint32) Option {
	return set(&raw.RequestSetMirostat, version)
}

// WithMirostatTau is Mirostat's target surprise. Default 5.
func WithMirostatTau(tau float32) Option {
	return set(&raw.RequestSetMirostatTau, tau)
}

// WithMirostatEta is Mirostat's learning rate. Default 0.1.
func WithMirostatEta(eta float32) Option {
	return set(&raw.RequestSetMirostatEta, eta)
}

// WithDRYSequenceBreakers sets the texts that end a repeat for DRY.
func WithDRYSequenceBreakers(texts ...string) Option {
	return func(r *building) error {
		var pinner runtime.Pinner
		defer pinner.Unpin()
		ended := make([]string, len(texts))
		for i, t := range texts {
			if err := name("sequence breaker", t); err != nil {
				return err
			}
			ended[i] = t + "\x00"
		}
		pointers, _ := pinned(&pinner, ended)
		return r.set(func(h raw.Request, e *raw.Error) raw.Status {
			return raw.RequestSetDrySequenceBreakers(h, pointers, uintptr(len(texts)), e)
		})
	}
}

// WithLogitBias adds a bias to the logit of one token; negative infinity forbids it.
func WithLogitBias(token int32, bias float32) Option {
	return func(r *building) error {
		return r.set(func(h raw.Request, e *raw.Error) raw.Status { return raw.RequestAddLogitBias(h, token, bias, e) })
	}
}
