package qask

import (
	"encoding/json"
	"slices"
	"unsafe"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// SetSystem sets the system message, which opens the conversation, or replaces it.
func (c *Chat) SetSystem(text string) error {
	p, n := content(text)
	return c.use(func(h raw.Chat, e *raw.Error) raw.Status { return raw.ChatSetSystem(h, p, n, e) })
}

// Len is how many messages there are. While an answer is being made, the message that asked for it is among them.
func (c *Chat) Len() int { return int(read(c.owned, raw.ChatCount)) }

// Message gives message i, from 0.
func (c *Chat) Message(i int) (Message, error) {
	s, err := made(c.owned, func(h raw.Chat, out *raw.String, e *raw.Error) raw.Status {
		return raw.ChatMessageJsonAt(h, uintptr(i), out, e)
	})
	if err != nil {
		return Message{}, err
	}
	var m Message
	if err := json.Unmarshal([]byte(taken(s)), &m); err != nil {
		return Message{}, fail(ErrJSON, "message %d: %v", i, err)
	}
	return m, nil
}

// Messages gives the history.
func (c *Chat) Messages() ([]Message, error) {
	messages := make([]Message, 0, c.Len())
	for i := range c.Len() {
		m, err := c.Message(i)
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// CutShort says why reply i is not whole: FinishLength, FinishCancelled or FinishDeadline; 0 for one that is.
func (c *Chat) CutShort(i int) FinishReason {
	return read(c.owned, func(h raw.Chat) FinishReason { return FinishReason(raw.ChatCutShortAt(h, uintptr(i))) })
}

// Dropped is how many messages have left the history because they did not fit, under ContextDropOldest.
func (c *Chat) Dropped() uint64 { return read(c.owned, raw.ChatDroppedMessages) }

// Add adds a message without asking for an answer.
func (c *Chat) Add(message Message) error {
	return c.withJSON(message, raw.ChatAddMessageJson)
}

// SetMessage puts another message in the place of message i; what follows stays.
func (c *Chat) SetMessage(i int, message Message) error {
	return c.withJSON(message, func(h raw.Chat, p *byte, n uintptr, e *raw.Error) raw.Status {
		return raw.ChatSetMessageJsonAt(h, uintptr(i), p, n, e)
	})
}

func (c *Chat) withJSON(value any, f func(raw.Chat, *byte, uintptr, *raw.Error) raw.Status) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fail(ErrJSON, "the message: %v", err)
	}
	return c.use(func(h raw.Chat, e *raw.Error) raw.Status {
		return f(h, unsafe.SliceData(data), uintptr(len(data)), e)
	})
}

// DropTurn takes out the turn that message i belongs to: a user's message with everything up to the next one.
func (c *Chat) DropTurn(i int) error {
	return c.use(func(h raw.Chat, e *raw.Error) raw.Status { return raw.ChatDropTurnAt(h, uintptr(i), e) })
}

// Clear takes out every message but the system messages at the beginning.
func (c *Chat) Clear() error { return c.use(raw.ChatClear) }

// Export gives the history as JSON. Options are not in it.
func (c *Chat) Export() ([]byte, error) {
	var out raw.String
	err := c.use(func(h raw.Chat, e *raw.Error) raw.Status { return raw.ChatExport(h, &out, e) })
	if err != nil {
		return nil, err
	}
	return []byte(taken(out)), nil
}

// Import puts a history that Export gave in the place of this one. On an error nothing changes.
func (c *Chat) Import(data []byte) error {
	return c.use(func(h raw.Chat, e *raw.Error) raw.Status {
		return raw.ChatImport(h, unsafe.SliceData(data), uintptr(len(data)), e)
	})
}

// Fork makes a copy that goes its own way from here, over the same engine.
func (c *Chat) Fork() (*Chat, error) {
	var out raw.Chat
	err := c.use(func(h raw.Chat, e *raw.Error) raw.Status { return raw.ChatFork(h, &out, e) })
	if err != nil {
		return nil, err
	}
	c.setting.Lock()
	defer c.setting.Unlock()
	return &Chat{owned: own("chat", out, raw.ChatFree), options: slices.Clone(c.options), tools: slices.Clone(c.tools)}, nil
}
