//go:build linux && (amd64 || arm64)

package qask

import (
	"os"
	"sync"
	"syscall"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// Here the library writes a byte to a pipe when a stream has something to read, and one goroutine reads the pipe. A
// goroutine that waits inside of the library would do too, but Go's scheduler watches calls that take long: its monitor
// wakes dozens of times a token, on a processor that the engine computes with.

// writeByte is called by C only, which staticcheck cannot see.
func writeByte()

var _ = writeByte

// wakeByPipe is the address of the callback, in pump_pipe_*.s: it writes to the descriptor that is its user_data.
var wakeByPipe uintptr

func listen(queue raw.Queue) error {
	descriptor, err := bell()
	if err != nil {
		return fail(ErrIO, "the pipe for wake-ups cannot be made: %v", err)
	}
	var e raw.Error
	return check(raw.QueueSetWake(queue, wakeByPipe, uintptr(descriptor), 0, &e), e)
}

// bell is the end of the pipe that is written to. It stays for good: a callback may still run when its queue is gone.
var bell = sync.OnceValues(func() (int, error) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return 0, err
	}
	go hear(os.NewFile(uintptr(ends[0]), "qask wake-ups"))
	return ends[1], nil
})

func hear(wakes *os.File) {
	some := make([]byte, 64)
	for {
		if _, err := wakes.Read(some); err != nil {
			return
		}
		answer()
	}
}

// answer wakes all that have something to read.
func answer() {
	pump.Lock()
	defer pump.Unlock()
	var tag uint64
	for pump.queue != 0 && raw.QueueNext(pump.queue, 0, &tag, nil) == raw.QASK_OK {
		ring(tag)
	}
}
