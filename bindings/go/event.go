package qask

import (
	"time"
	"unsafe"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// EventKind says what happened. Ignore kinds that you do not know: a newer library may have more.
type EventKind int32

// The kinds of events.
const (
	EventText          EventKind = raw.QASK_EVENT_TEXT            // new text
	EventReasoning     EventKind = raw.QASK_EVENT_REASONING       // new thoughts
	EventToolCallDelta EventKind = raw.QASK_EVENT_TOOL_CALL_DELTA // a part of a tool call that is on its way: a preview
	EventToolCall      EventKind = raw.QASK_EVENT_TOOL_CALL       // a complete tool call
	EventDone          EventKind = raw.QASK_EVENT_DONE            // the end of one answer
	EventToolResult    EventKind = -1                             // Chat.Run called a function
)

// Event is something that happened on a stream. What does not belong to its kind is empty, so that Text can be printed
// without looking.
type Event struct {
	Kind       EventKind
	Choice     int // which of the n answers it belongs to
	Text       string
	Reasoning  string
	ToolCall   *ToolCall   // on EventToolCall and EventToolCallDelta
	ToolResult *ToolResult // on EventToolResult
	Done       *Done       // on EventDone
	Tokens     []int32     // with WithTokens
	Logprobs   []Logprob   // with WithTopLogprobs
}

// ToolCall is a call that the model makes. Of a delta, Arguments is what is new.
type ToolCall struct {
	Index     int // of the answer's calls, from 0
	ID        string
	Name      string
	Arguments string // a JSON object
}

// ToolResult is what a function of the program gave for a call.
type ToolResult struct {
	Call    ToolCall
	Content string
	Err     error // what the function returned; the model is told its text
}

// Logprob is how likely a token was.
type Logprob struct {
	Token   int32
	Logprob float32        // natural logarithm
	Top     []TokenLogprob // the likeliest at its place
}

// TokenLogprob is one candidate.
type TokenLogprob struct {
	Token   int32
	Logprob float32
}

// FinishReason says why an answer ended.
type FinishReason int32

// The reasons.
const (
	FinishStop      FinishReason = raw.QASK_FINISH_STOP       // an end-of-generation token or a stop text
	FinishLength    FinishReason = raw.QASK_FINISH_LENGTH     // the token limit, or the context is full
	FinishToolCalls FinishReason = raw.QASK_FINISH_TOOL_CALLS // it ended with at least one tool call
	FinishCancelled FinishReason = raw.QASK_FINISH_CANCELLED
	FinishDeadline  FinishReason = raw.QASK_FINISH_DEADLINE
	FinishError     FinishReason = raw.QASK_FINISH_ERROR
)

// String is the reason as OpenAI names it ("stop", "length", "tool_calls"), and "cancelled", "deadline", "error".
func (r FinishReason) String() string {
	names := [...]string{"", "stop", "length", "tool_calls", "cancelled", "deadline", "error"}
	if r < 0 || int(r) >= len(names) {
		return "unknown"
	}
	return names[r]
}

// Done is the end of one answer.
type Done struct {
	Reason FinishReason
	Seed   uint32
	Usage  Usage
	Err    error // an *Error with FinishError
}

// Usage is what an answer took.
type Usage struct {
	PromptTokens    int // in the prompt
	CachedTokens    int // of those, from the prefix cache
	OutputTokens    int // new ones
	ReasoningTokens int // of the new ones, thought
	ForcedTokens    int // of the new ones, those that a constraint left no choice for
	Preemptions     int // how often it was put back into the queue for room
	DroppedMessages int // left out of the prompt under ContextDropOldest

	Queue, Prefill, FirstToken, Decode time.Duration
}

// readEvent copies what the library lends.
func readEvent(e raw.Event) Event {
	event := Event{Kind: EventKind(raw.EventType(e)), Choice: int(raw.EventChoice(e))}
	switch event.Kind {
	case EventText:
		event.Text = text(raw.EventText, e)
	case EventReasoning:
		event.Reasoning = text(raw.EventText, e)
	case EventToolCall, EventToolCallDelta:
		event.ToolCall = &ToolCall{
			Index: int(raw.EventToolIndex(e)), ID: text(raw.EventToolId, e),
			Name: text(raw.EventToolName, e), Arguments: text(raw.EventToolArguments, e),
		}
	case EventDone:
		event.Done = readDone(e)
	}
	var count uintptr
	if tokens := raw.EventTokens(e, &count); tokens != nil {
		event.Tokens = append(event.Tokens, unsafe.Slice(tokens, count)...)
	}
	for i := range raw.EventLogprobCount(e) {
		var l Logprob
		raw.EventLogprobAt(e, i, &l.Token, &l.Logprob)
		var top TokenLogprob
		for rank := uintptr(0); raw.EventTopLogprobAt(e, i, rank, &top.Token, &top.Logprob); rank++ {
			l.Top = append(l.Top, top)
		}
		event.Logprobs = append(event.Logprobs, l)
	}
	return event
}

func readDone(e raw.Event) *Done {
	micro := func(us int64) time.Duration { return time.Duration(us) * time.Microsecond }
	done := &Done{
		Reason: FinishReason(raw.EventFinishReason(e)),
		Seed:   raw.EventSeed(e),
		Usage: Usage{
			PromptTokens: int(raw.EventPromptTokens(e)), CachedTokens: int(raw.EventCachedTokens(e)),
			OutputTokens: int(raw.EventOutputTokens(e)), ReasoningTokens: int(raw.EventReasoningTokens(e)),
			ForcedTokens: int(raw.EventForcedTokens(e)), Preemptions: int(raw.EventPreemptions(e)),
			DroppedMessages: int(raw.EventDroppedMessages(e)),
			Queue:           micro(raw.EventQueueUs(e)), Prefill: micro(raw.EventPrefillUs(e)),
			FirstToken: micro(raw.EventFirstTokenUs(e)), Decode: micro(raw.EventDecodeUs(e)),
		},
	}
	if code := raw.EventErrorCode(e); code != raw.QASK_OK {
		done.Err = &Error{Code: Code(code), Message: text(raw.EventErrorMessage, e)}
	}
	return done
}
