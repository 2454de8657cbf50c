// tools MODEL [QUESTION]: a model calls a function of this program, gets its result and answers.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	qask "github.com/qask/qask/bindings/go"
)

type place struct {
	City string `json:"city" jsonschema:"the name of the city"`
}

// The program's own function.
func weather(_ context.Context, p place) (string, error) {
	if p.City == "Paris" {
		return "21 degrees Celsius, clear sky", nil
	}
	return "5 degrees Celsius, rain", nil
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: tools MODEL [QUESTION]")
	}
	question := "What is the weather in Paris?"
	if len(os.Args) > 2 {
		question = os.Args[2]
	}
	ctx := context.Background()
	model, err := qask.LoadModel(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	engine, err := model.NewEngine()
	if err != nil {
		log.Fatal(err)
	}
	// "auto" leaves it to the model whether it calls; so small a one is better told.
	chat, err := engine.NewChat(qask.WithTools(qask.NewTool("get_weather", "The weather in a city, now", weather)),
		qask.WithToolChoice("required"), qask.WithParallelToolCalls(false), qask.WithMaxTokens(200), qask.WithTemperature(0))
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range chat.Run(ctx, question) {
		if err != nil {
			log.Fatal(err)
		}
		if event.Kind == qask.EventToolCall {
			fmt.Printf("%s(%s)\n", event.ToolCall.Name, event.ToolCall.Arguments)
		}
		fmt.Print(event.Text)
	}
	fmt.Println()
}
