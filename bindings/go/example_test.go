package qask_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	qask "github.com/qask/qask/bindings/go"
)

// modelPath is "model.gguf" in a program of yours.
var modelPath = path(smollm)

func Example() {
	ctx := context.Background()
	model, err := qask.LoadModel(ctx, modelPath)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	engine, err := model.NewEngine()
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	chat, err := engine.NewChat(qask.WithMaxTokens(100))
	if err != nil {
		log.Fatal(err)
	}
	defer chat.Close()
	for event, err := range chat.Send(ctx, "Hello!") {
		if err != nil {
			log.Fatal(err)
		}
		_ = event.Text // fmt.Print(event.Text)
		if event.Done != nil {
			fmt.Println("there was an answer:", event.Done.Usage.OutputTokens > 0)
		}
	}
	// Output: there was an answer: true
}

func ExampleCode() {
	_, err := qask.LoadModel(context.Background(), "no-such-model.gguf")
	var e *qask.Error
	switch {
	case errors.Is(err, qask.ErrNotFound):
		fmt.Println("no such file")
	case errors.As(err, &e) && e.Code.Group() == qask.GroupModel:
		fmt.Println("not a model:", e.Message)
	}
	// Output: no such file
}

func ExampleEngine_AskInto() {
	ctx := context.Background()
	model, err := qask.LoadModel(ctx, modelPath)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	engine, err := model.NewEngine()
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	var verdict struct {
		Mood string `json:"mood" enum:"good"`
	}
	if err := engine.AskInto(ctx, &verdict, qask.WithUser("How was the film?")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(verdict.Mood)
	// Output: good
}

func ExampleSchemaOf() {
	type place struct {
		City string `json:"city" jsonschema:"the city's name"`
		Unit string `json:"unit" enum:"celsius,fahrenheit"`
	}
	schema, err := qask.SchemaOf(place{})
	fmt.Println(string(schema), err)
	// Output: {"type":"object","properties":{"city":{"type":"string","description":"the city's name"},"unit":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["city","unit"],"additionalProperties":false} <nil>
}

func ExampleModel_Tokenize() {
	model, err := qask.LoadModel(context.Background(), modelPath)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	tokens, err := model.Tokenize("Hello, world")
	if err != nil {
		log.Fatal(err)
	}
	text, err := model.Detokenize(tokens...)
	fmt.Println(len(tokens), text, err)
	// Output: 3 Hello, world <nil>
}

func ExampleRequest_Accepts() {
	request, err := qask.NewRequest(qask.WithRegex("[a-z]+@[a-z]+"))
	if err != nil {
		log.Fatal(err)
	}
	defer request.Close()
	yes, _ := request.Accepts("me@here")
	no, _ := request.Accepts("me at here")
	fmt.Println(yes, no)
	// Output: true false
}
