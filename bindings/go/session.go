package qask

import (
	"context"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// SaveOption says how to save a chat or a prefix.
type SaveOption func(raw.SaveOptions) error

// WithCompression makes the file about a tenth smaller; saving takes longer. Default false.
func WithCompression(on bool) SaveOption {
	return with(&raw.SaveOptionsSetCompress, on)
}

// Saved tells what is in a file.
type Saved struct {
	Tokens uint64 // that need not be computed again; fewer than there are where others displaced them
	Bytes  uint64 // of the file
}

// Save writes the history to a file, with what the engine has computed of it, so that a later process goes on at once.
// Options are not in it. The file is there whole or not at all. Whoever can read it can read the conversation.
func (c *Chat) Save(ctx context.Context, path string, options ...SaveOption) (Saved, error) {
	if err := c.settle(ctx); err != nil {
		return Saved{}, err
	}
	return save(ctx, path, options, func(o raw.SaveOptions, cancel raw.Cancel, saved *Saved) error {
		return c.use(func(h raw.Chat, e *raw.Error) raw.Status {
			return raw.ChatSave(h, path, o, cancel, &saved.Tokens, &saved.Bytes, e)
		})
	})
}

// Restore puts the history that Save wrote in the place of this one, and tells how many tokens need not be computed
// again. A file that is damaged, cut off, or of another model or build is refused with ErrChecksum, ErrStateInvalid or
// ErrStateMismatch, and nothing changes. What a file says is believed: whoever can write it can put words into the
// conversation.
func (c *Chat) Restore(ctx context.Context, path string) (tokens uint64, err error) {
	if err := c.settle(ctx); err != nil {
		return 0, err
	}
	err = restore(ctx, path, func(cancel raw.Cancel) error {
		return c.use(func(h raw.Chat, e *raw.Error) raw.Status { return raw.ChatRestore(h, path, cancel, &tokens, e) })
	})
	return tokens, err
}

// SavePrefix computes what prompts that begin as the request's have in common, and writes it to a file. Of messages that
// is their text without the head of the answer, of any other prompt all of it.
func (e *Engine) SavePrefix(ctx context.Context, request *Request, path string, options ...SaveOption) (Saved, error) {
	return save(ctx, path, options, func(o raw.SaveOptions, cancel raw.Cancel, saved *Saved) error {
		return beside(e.owned, request, func(h raw.Engine, r raw.Request, err *raw.Error) raw.Status {
			return raw.EngineSavePrefix(h, r, path, o, cancel, &saved.Tokens, &saved.Bytes, err)
		})
	})
}

// RestorePrefix puts a prefix that SavePrefix wrote where requests find it that begin with it and have the adapters and
// the cache key of this one, whose prompt does not matter. It tells how many tokens there are. Files are refused as by
// [Chat.Restore].
func (e *Engine) RestorePrefix(ctx context.Context, request *Request, path string) (tokens uint64, err error) {
	err = restore(ctx, path, func(cancel raw.Cancel) error {
		return beside(e.owned, request, func(h raw.Engine, r raw.Request, err *raw.Error) raw.Status {
			return raw.EngineRestorePrefix(h, r, path, cancel, &tokens, err)
		})
	})
	return tokens, err
}

func save(ctx context.Context, path string, options []SaveOption, write func(raw.SaveOptions, raw.Cancel, *Saved) error) (saved Saved, err error) {
	if err := name("path", path); err != nil {
		return saved, err
	}
	o, err := build(options, raw.SaveOptionsNew, raw.SaveOptionsFree)
	if err != nil {
		return saved, err
	}
	defer raw.SaveOptionsFree(o)
	err = cancellable(ctx, func(cancel raw.Cancel) error { return write(o, cancel, &saved) })
	return saved, err
}

func restore(ctx context.Context, path string, read func(raw.Cancel) error) error {
	if err := name("path", path); err != nil {
		return err
	}
	return cancellable(ctx, read)
}
