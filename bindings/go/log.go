package qask

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/qask/qask/bindings/go/internal/raw"
)

// LogTo sends the library's log lines of a level and above to a logger, for the whole process, in the place of the one
// before; nil sends none, as at the beginning. Lines never hold prompts or generated text. The attribute "source" says
// who wrote a line: "qask", or "engine" for llama.cpp.
func LogTo(logger *slog.Logger, level slog.Level) error {
	if err := library(); err != nil {
		return err
	}
	var e raw.Error
	if logger == nil {
		status := raw.LogSet(raw.QASK_LOG_OFF, 0, 0, 0, &e)
		return check(status, e)
	}
	status := raw.LogSet(logLevel(level), onLine(), keep(logger), onDestroy(), &e)
	return check(status, e)
}

func logLevel(level slog.Level) int32 {
	switch {
	case level >= slog.LevelError:
		return raw.QASK_LOG_ERROR
	case level >= slog.LevelWarn:
		return raw.QASK_LOG_WARN
	case level >= slog.LevelInfo:
		return raw.QASK_LOG_INFO
	}
	return raw.QASK_LOG_DEBUG
}

var levels = map[int32]slog.Level{
	raw.QASK_LOG_ERROR: slog.LevelError, raw.QASK_LOG_WARN: slog.LevelWarn,
	raw.QASK_LOG_INFO: slog.LevelInfo, raw.QASK_LOG_DEBUG: slog.LevelDebug,
}

var onLine = sync.OnceValue(func() uintptr {
	return purego.NewCallback(func(number uintptr, level int32, target, message *byte, length uintptr) uintptr {
		if logger, ok := callbacks.Load(number); ok {
			line := strings.Clone(unsafe.String(message, length))
			logger.(*slog.Logger).Log(context.Background(), levels[level], line, "source", terminated(target))
		}
		return 0
	})
})
