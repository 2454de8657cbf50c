package qask_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	qask "github.com/qask/qask/bindings/go"
)

// The cases of tests/conformance, which every binding runs.
func conformance(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, "tests/conformance", file))
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A new file is run here, or is listed with the reason why not.
func TestConformanceRunsEveryFile(t *testing.T) {
	notRun := map[string]string{}
	files := must(filepath.Glob(filepath.Join(repository, "tests/conformance/*.json")))
	if len(files) < 8 {
		t.Fatal("files are missing")
	}
	tests := strings.Join(sources(t, must(filepath.Glob("*_test.go"))...), "")
	for _, path := range files {
		file := filepath.Base(path)
		run := strings.Contains(tests, fmt.Sprintf("conformance(t, %q, ", file))
		if reason := notRun[file]; run == (reason != "") {
			t.Errorf("%s: is it run? %v; the reason why not: %q", file, run, reason)
		}
		delete(notRun, file)
	}
	if len(notRun) > 0 {
		t.Error("no such files:", notRun)
	}
}

// codeNamed finds a code by the name that the cases give it, such as "RANGE".
func codeNamed(name string) qask.Code {
	for code := range qask.Code(1000) {
		if code.Error() == "QASK_ERR_"+name {
			return code
		}
	}
	return 0
}

func TestConformanceChats(t *testing.T) {
	var file struct {
		Cases []struct {
			Name, Chat, Code, Message string
			Messages                  *int
		}
	}
	conformance(t, "chats.json", &file)
	chat := converse(t, start(t, smollm))
	if len(file.Cases) < 20 {
		t.Fatal("cases are missing")
	}
	for _, c := range file.Cases {
		before := must(chat.Export())
		err := chat.Import([]byte(c.Chat))
		if c.Messages != nil {
			if err != nil || chat.Len() != *c.Messages {
				t.Errorf("%s: %d messages, %v", c.Name, chat.Len(), err)
			}
			fork := must(chat.Fork())
			if err := fork.Import(must(chat.Export())); err != nil || string(must(fork.Export())) != string(must(chat.Export())) {
				t.Errorf("%s: exported and imported it is another: %v", c.Name, err)
			}
			if _, err := chat.Messages(); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
			fork.Close()
			continue
		}
		if !errors.Is(err, codeNamed(c.Code)) || !strings.Contains(err.Error(), c.Message) {
			t.Errorf("%s: %v, want %s with %q", c.Name, err, c.Code, c.Message)
		}
		if string(must(chat.Export())) != string(before) {
			t.Errorf("%s: the history changed", c.Name)
		}
	}
}

func TestConformanceConstraints(t *testing.T) {
	var cases []map[string]json.RawMessage
	conformance(t, "constraints.json", &cases)
	if len(cases) < 40 {
		t.Fatal("cases are missing")
	}
	text := func(data json.RawMessage) (s string) {
		_ = json.Unmarshal(data, &s)
		return s
	}
	texts := func(data json.RawMessage) (s []string) {
		_ = json.Unmarshal(data, &s)
		return s
	}
	kinds := map[string]func(json.RawMessage) qask.Option{
		"json_schema": func(d json.RawMessage) qask.Option { return qask.WithJSONSchema(d) },
		"json":        func(json.RawMessage) qask.Option { return qask.WithJSON() },
		"json_object": func(json.RawMessage) qask.Option { return qask.WithJSONObject() },
		"regex":       func(d json.RawMessage) qask.Option { return qask.WithRegex(text(d)) },
		"lark":        func(d json.RawMessage) qask.Option { return qask.WithLark(text(d)) },
		"gbnf":        func(d json.RawMessage) qask.Option { return qask.WithGrammar(text(d)) },
		"choice":      func(d json.RawMessage) qask.Option { return qask.WithChoices(texts(d)...) },
	}
	for _, c := range cases {
		name := text(c["name"])
		options := []qask.Option{qask.WithJSONWhitespace(string(c["json_whitespace"]) == "true")}
		for kind, option := range kinds {
			if data, ok := c[kind]; ok {
				options = append(options, option(data))
			}
		}
		if len(options) != 2 {
			t.Fatalf("%s: %d constraints", name, len(options)-1)
		}
		request, err := qask.NewRequest(options...)
		if words, ok := c["error"]; ok {
			if err == nil {
				_, err = request.Accepts("x")
			}
			if !errors.Is(err, qask.ErrGrammar) || !strings.Contains(err.Error(), text(words)) {
				t.Errorf("%s: %v, want an error with %s", name, err, words)
			}
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if request == nil {
			continue
		}
		for key, want := range map[string]bool{"accepts": true, "rejects": false} {
			for _, s := range texts(c[key]) {
				got, err := request.Accepts(s)
				if errors.Is(err, qask.ErrGrammar) && string(c["or_error"]) == "true" {
					continue
				}
				if err != nil || got != want {
					t.Errorf("%s: %s: %v, %v", name, s, got, err)
				}
			}
		}
		request.Close()
	}
}

// What a model writes is dictated to a real one by a constraint, so that the recorded outputs of tools.json and
// reasoning.json go the whole way: sampled, taken apart, through the header, into events.
func TestConformanceOutputs(t *testing.T) {
	type recorded struct {
		Name, Format, Tags, Output string
		Thinking                   bool
		Events                     []map[string]any
	}
	var tools, reasoning struct {
		Tools []json.RawMessage
		Cases []recorded
	}
	conformance(t, "tools.json", &tools)
	conformance(t, "reasoning.json", &reasoning)
	engine := start(t, smollm, qask.WithContext(8192))
	all := append(tools.Cases, reasoning.Cases...)
	if len(all) < 100 {
		t.Fatal("cases are missing")
	}
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			// The marks of thoughts are found in the template; one that ends with a mark opens a thought.
			template := "{{ messages[0].content }}{# " + marks[c.Tags] + " #}"
			if c.Thinking {
				template += "<think>"
			}
			says := qask.WithMaxTokens(0)
			if c.Output != "" {
				says = qask.WithChoices(c.Output)
			}
			options := []qask.Option{qask.WithUser("x"), says, qask.WithTemperature(0), qask.WithTemplate(template)}
			if c.Format != "" {
				options = append(options, qask.WithToolFormat(c.Format))
				for _, tool := range tools.Tools {
					options = append(options, qask.WithToolJSON(tool))
				}
			}
			got, err := collected(t, engine, options)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.Events) {
				a, _ := json.Marshal(got)
				b, _ := json.Marshal(c.Events)
				t.Errorf("\nwant %s\ngot  %s", b, a)
			}
		})
	}
}

// Every template of llama.cpp's collection is taken for what the file says.
func TestConformanceTemplates(t *testing.T) {
	var want map[string]any
	conformance(t, "templates.json", &want)
	if len(want) < 60 {
		t.Fatal("templates are missing")
	}
	folder := filepath.Join(cache(), "chat-templates-0.3.36")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("NOT CHECKED: chat templates are not in", folder, "(tools/vectors.py)")
	}
	for name, expected := range want {
		var got any
		data := must(qask.Detect([]byte(sources(t, filepath.Join(folder, name+".jinja"))[0])))
		if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, expected) {
			t.Errorf("%s: %s, %v; want %v", name, data, err, expected)
		}
	}
}

// marks are what a template for models that think so has in it.
var marks = map[string]string{
	"apertus": "<|inner_prefix|>", "apriel": "[BEGIN FINAL RESPONSE]", "command-r": "<|START_THINKING|>", "gemma4": "<|channel>thought",
	"granite": "<think><response><|start_of_role|>", "harmony": "<|channel|><|message|>", "kimi-vl": "◁think▷", "minimax-m3": "<mm:think>",
	"mistral": "[THINK]", "reasoning": "<reasoning></reasoning>", "seed": "<seed:think>", "think": "<think>", "thinking": "<thinking></thinking>",
	"thought": "<thought></thought>", "": "",
}

// collected is an answer in the form of the cases: text joined, deltas gone where their call is
// complete.
func collected(t *testing.T, engine *qask.Engine, options []qask.Option) ([]map[string]any, error) {
	events := []map[string]any{}
	put := func(key, text string) {
		if n := len(events); n > 0 {
			if before, ok := events[n-1][key].(string); ok && len(events[n-1]) == 1 {
				events[n-1][key] = before + text
				return
			}
		}
		events = append(events, map[string]any{key: text})
	}
	var all []qask.Event
	complete := map[int]bool{}
	for event, err := range engine.Generate(in(t, time.Minute), options...) {
		if err != nil {
			return events, err
		}
		if event.Kind == qask.EventToolCall {
			complete[event.ToolCall.Index] = true
		}
		all = append(all, event)
	}
	broken := -1
	for _, event := range all {
		switch event.Kind {
		case qask.EventText:
			put("text", event.Text)
		case qask.EventReasoning:
			put("reasoning", event.Reasoning)
		case qask.EventToolCallDelta:
			if i := event.ToolCall.Index; !complete[i] && i != broken {
				broken = i
				events = append(events, map[string]any{"broken": event.ToolCall.Name})
			}
		case qask.EventToolCall:
			var arguments map[string]any
			if err := json.Unmarshal([]byte(event.ToolCall.Arguments), &arguments); err != nil {
				t.Errorf("arguments that are no object: %v", err)
			}
			events = append(events, map[string]any{"call": event.ToolCall.Name, "arguments": arguments})
		}
	}
	return events, nil
}
