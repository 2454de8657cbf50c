package qask

import (
	"sync"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// The pump waits for all streams of the process in the library's queue and wakes the goroutines that read them: a
// thousand readers block no thousand threads. How it waits is in pump_pipe.go and pump_thread.go.
var pump struct {
	sync.Mutex
	queue   raw.Queue // there while there are streams
	streams map[uint64]chan struct{}
	lastTag uint64
}

// watch puts a stream into the queue. The channel gets a token when there is something to read; leave with the tag.
func watch(stream raw.Stream) (chan struct{}, uint64, error) {
	pump.Lock()
	defer pump.Unlock()
	var e raw.Error
	if pump.queue == 0 {
		status := raw.QueueNew(&pump.queue, &e)
		if err := check(status, e); err != nil {
			return nil, 0, err
		}
		pump.streams = map[uint64]chan struct{}{}
		if err := listen(pump.queue); err != nil {
			leave(0)
			return nil, 0, err
		}
	}
	pump.lastTag++
	wake := make(chan struct{}, 1)
	pump.streams[pump.lastTag] = wake
	status := raw.QueueAdd(pump.queue, stream, pump.lastTag, &e)
	if err := check(status, e); err != nil {
		leave(pump.lastTag)
		return nil, 0, err
	}
	return wake, pump.lastTag, nil
}

func unwatch(tag uint64) {
	pump.Lock()
	defer pump.Unlock()
	leave(tag)
}

// leave frees the queue with the last stream: a wait in it returns.
func leave(tag uint64) {
	delete(pump.streams, tag)
	if len(pump.streams) == 0 {
		raw.QueueFree(pump.queue)
		pump.queue = 0
	}
}

// ring wakes the reader of a stream; the lock is held.
func ring(tag uint64) {
	if wake := pump.streams[tag]; wake != nil {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}
