package qask

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"slices"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// Tool is something that the model may call.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // the JSON schema of the arguments
	call        func(context.Context, string) (string, error)
	err         error
}

// NewTool makes a tool of a Go function: the schema of its arguments is that of In, see [SchemaOf]. A result that is a
// string is given to the model as it is, any other as JSON; so is an error's text. What is wrong with In is told where
// the tool is used.
func NewTool[In, Out any](name, description string, function func(context.Context, In) (Out, error)) Tool {
	tool := Tool{Name: name, Description: description}
	tool.Parameters, tool.err = schemaOf(reflect.TypeFor[In]())
	tool.call = func(ctx context.Context, arguments string) (string, error) {
		var in In
		if err := json.Unmarshal([]byte(arguments), &in); err != nil {
			return "", err
		}
		out, err := function(ctx, in)
		if err != nil {
			return "", err
		}
		if text, ok := any(out).(string); ok {
			return text, nil
		}
		data, err := json.Marshal(out)
		return string(data), err
	}
	return tool
}

// WithTools shows tools to the model. [Chat.Run] calls those that were made of functions.
func WithTools(tools ...Tool) Option {
	return func(b *building) error {
		for _, tool := range tools {
			if tool.err != nil {
				return fmt.Errorf("tool %s: %w", tool.Name, tool.err)
			}
			function := map[string]any{"name": tool.Name, "description": tool.Description}
			if len(tool.Parameters) > 0 {
				function["parameters"] = tool.Parameters
			}
			data, err := json.Marshal(map[string]any{"type": "function", "function": function})
			if err != nil {
				return fail(ErrJSON, "tool %s: %v", tool.Name, err)
			}
			if err := setText(&raw.RequestAddToolJson, string(data))(b); err != nil {
				return err
			}
			b.tools = append(b.tools, tool)
		}
		return nil
	}
}

// WithToolJSON adds a tool in the JSON of OpenAI's API.
func WithToolJSON(data []byte) Option { return setText(&raw.RequestAddToolJson, string(data)) }

// WithToolChoice says whether tools are called: "auto" (the default), "none" or "required".
func WithToolChoice(choice string) Option {
	return setName(&raw.RequestSetToolChoice, "tool choice", choice)
}

// WithToolChoiceFunction has this tool called.
func WithToolChoiceFunction(tool string) Option {
	return setName(&raw.RequestSetToolChoiceFunction, "tool", tool)
}

// WithToolFormat says how the model writes calls, by a name of docs/tools.md. Default: as its chat template says.
func WithToolFormat(format string) Option {
	return setName(&raw.RequestSetToolFormat, "tool format", format)
}

// maxRounds is how often Run lets the model call before it must answer: a small model may go on for ever.
const maxRounds = 8

// Run says something and calls the chat's tools for the model until it answers. Events of all its answers come as they
// are made, and an EventToolResult after each call. A forced tool choice holds for the first answer; a model that makes
// the same calls again, or calls without end, does not see the tools for the next one. When a tool that is called has no
// function, Run ends, and the call is the caller's to answer.
func (c *Chat) Run(ctx context.Context, text string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		next := User(text)
		var before []ToolCall
		for round := 1; ; round++ {
			calls, ok := c.pass(c.SendMessage(ctx, next), yield)
			if !ok || len(calls) == 0 || !c.canCall(calls) {
				return
			}
			choice := "auto"
			if round == maxRounds || slices.EqualFunc(calls, before, sameCall) {
				choice = "none"
			}
			if err := c.choose(choice); err != nil {
				yield(Event{}, err)
				return
			}
			if round == 1 {
				defer func() { _ = c.SetOptions() }()
			}
			before = calls
			for i, call := range calls {
				result := c.call(ctx, call)
				next = ToolAnswer(call.ID, result.Content)
				if i+1 < len(calls) {
					if err := c.Add(next); err != nil {
						yield(Event{}, err)
						return
					}
				}
				if !yield(Event{Kind: EventToolResult, ToolResult: result}, nil) {
					return
				}
			}
		}
	}
}

func sameCall(a, b ToolCall) bool { return a.Name == b.Name && a.Arguments == b.Arguments }

// choose sets the tool choice until the options are set again.
func (c *Chat) choose(choice string) error {
	c.setting.Lock()
	defer c.setting.Unlock()
	return c.apply(append(slices.Clone(c.options), WithToolChoice(choice)))
}

// pass hands events on and keeps the calls; false when the loop was left or something failed.
func (c *Chat) pass(events iter.Seq2[Event, error], yield func(Event, error) bool) (calls []ToolCall, ok bool) {
	ok = true
	for event, err := range events {
		if event.Kind == EventToolCall {
			calls = append(calls, *event.ToolCall)
		}
		ok = ok && err == nil
		if !yield(event, err) {
			return nil, false
		}
	}
	return calls, ok
}

func (c *Chat) tool(name string) (Tool, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tool := range c.tools {
		if tool.Name == name {
			return tool, true
		}
	}
	return Tool{}, false
}

func (c *Chat) canCall(calls []ToolCall) bool {
	return !slices.ContainsFunc(calls, func(call ToolCall) bool {
		tool, known := c.tool(call.Name)
		return known && tool.call == nil
	})
}

func (c *Chat) call(ctx context.Context, call ToolCall) *ToolResult {
	result := &ToolResult{Call: call}
	if tool, known := c.tool(call.Name); known {
		result.Content, result.Err = tool.call(ctx, call.Arguments)
	} else {
		result.Err = fmt.Errorf("there is no tool %q", call.Name)
	}
	if result.Err != nil {
		result.Content = "error: " + result.Err.Error()
	}
	return result
}
