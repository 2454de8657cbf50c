package qask

import (
	"sync"

	"github.com/ebitengine/purego"
)

// A callback of C is made once for each kind, since purego never gives one back; what differs is found by its number.
var (
	callbacks  sync.Map
	lastNumber struct {
		sync.Mutex
		n uintptr
	}
	onProgress = sync.OnceValue(func() uintptr {
		return purego.NewCallback(func(number uintptr, share float32) uintptr {
			if f, ok := callbacks.Load(number); ok {
				f.(func(float32))(share)
			}
			return 0
		})
	})
	onDestroy = sync.OnceValue(func() uintptr {
		return purego.NewCallback(func(number uintptr) uintptr {
			callbacks.Delete(number)
			return 0
		})
	})
)

// keep holds a Go function for the library, until its destroy callback comes with the number.
func keep(f any) uintptr {
	lastNumber.Lock()
	defer lastNumber.Unlock()
	lastNumber.n++
	callbacks.Store(lastNumber.n, f)
	return lastNumber.n
}
