package qask

import (
	"encoding/json"
	"strings"
)

// Message is a message of a conversation, in the shape of OpenAI's API.
type Message struct {
	Role       string // "system", "user", "assistant" or "tool"
	Content    string
	Reasoning  string
	ToolCalls  []ToolCall
	ToolCallID string // of a tool's result: the call that it answers
	Name       string
}

// System is a system message.
func System(text string) Message { return Message{Role: "system", Content: text} }

// User is a user's message.
func User(text string) Message { return Message{Role: "user", Content: text} }

// Assistant is an answer.
func Assistant(text string) Message { return Message{Role: "assistant", Content: text} }

// ToolAnswer is the result of a tool call.
func ToolAnswer(id, text string) Message {
	return Message{Role: "tool", Content: text, ToolCallID: id}
}

type wireMessage struct {
	Role       string          `json:"role"`
	Content    json.RawMessage `json:"content,omitempty"`
	Reasoning  string          `json:"reasoning_content,omitempty"`
	Name       string          `json:"name,omitempty"`
	ToolCallID string          `json:"tool_call_id,omitempty"`
	ToolCalls  []wireCall      `json:"tool_calls,omitempty"`
}

type wireCall struct {
	ID       string `json:"id,omitempty"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// MarshalJSON writes the message as OpenAI's API has it.
func (m Message) MarshalJSON() ([]byte, error) {
	content, err := json.Marshal(m.Content)
	if err != nil {
		return nil, err
	}
	wire := wireMessage{Role: m.Role, Content: content, Reasoning: m.Reasoning, Name: m.Name, ToolCallID: m.ToolCallID}
	for _, call := range m.ToolCalls {
		w := wireCall{ID: call.ID, Type: "function"}
		w.Function.Name, w.Function.Arguments = call.Name, call.Arguments
		wire.ToolCalls = append(wire.ToolCalls, w)
	}
	return json.Marshal(wire)
}

// UnmarshalJSON reads what MarshalJSON writes, and content that is null or a list of text parts.
func (m *Message) UnmarshalJSON(data []byte) error {
	var wire wireMessage
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	*m = Message{Role: wire.Role, Reasoning: wire.Reasoning, Name: wire.Name, ToolCallID: wire.ToolCallID}
	if len(wire.Content) > 0 && wire.Content[0] == '[' {
		var parts []struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal(wire.Content, &parts); err != nil {
			return err
		}
		var all strings.Builder
		for _, part := range parts {
			all.WriteString(part.Text)
		}
		m.Content = all.String()
	} else if len(wire.Content) > 0 {
		if err := json.Unmarshal(wire.Content, &m.Content); err != nil {
			return err
		}
	}
	for i, call := range wire.ToolCalls {
		m.ToolCalls = append(m.ToolCalls, ToolCall{i, call.ID, call.Function.Name, call.Function.Arguments})
	}
	return nil
}
