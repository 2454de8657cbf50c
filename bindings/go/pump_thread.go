//go:build !(linux && (amd64 || arm64))

package qask

import "github.com/qask/qask/bindings/go/internal/raw"

// Here one goroutine, and so one thread, waits in the queue for as long as it is there.
func listen(queue raw.Queue) error {
	go func() {
		var tag uint64
		for raw.QueueNext(queue, -1, &tag, nil) == raw.QASK_OK {
			pump.Lock()
			// The tags of another queue are not this one's.
			if queue == pump.queue {
				ring(tag)
			}
			pump.Unlock()
		}
	}()
	return nil
}
