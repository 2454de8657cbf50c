package qask

import "github.com/qask/qask/bindings/go/internal/raw"

// build makes an options object and sets what was asked for; 0 when that is nothing. The caller frees it.
func build[H ~uintptr, F ~func(H) error](options []F, make func(*H, *raw.Error) raw.Status, free func(H)) (H, error) {
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
		if err := option(h); err != nil {
			free(h)
			return 0, err
		}
	}
	return h, nil
}

// with makes an option of a setter of one value. The setter is behind a pointer since it is not there before the library
// is loaded, and options are made before.
func with[H ~uintptr, T any](setter *func(H, T, *raw.Error) raw.Status, value T) func(H) error {
	return func(h H) error {
		var e raw.Error
		status := (*setter)(h, value, &e)
		return check(status, e)
	}
}

// withText makes an option of a setter of content.
func withText[H ~uintptr](setter *func(H, *byte, uintptr, *raw.Error) raw.Status, text string) func(H) error {
	return func(h H) error {
		var e raw.Error
		p, n := content(text)
		status := (*setter)(h, p, n, &e)
		return check(status, e)
	}
}
