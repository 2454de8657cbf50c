// Package bench measures what a call costs through cgo and through purego, the way that the binding took.
package bench

// #include <qask.h>
import "C"

func cgoEventType() int32 { return int32(C.qask_event_type(nil)) }

func cgoEventText() *C.char {
	var n C.size_t
	return C.qask_event_text(nil, &n)
}
