// cancel MODEL.gguf: stops a generation by its context, after a deadline, and by leaving its loop.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	qask "github.com/qask/qask/bindings/go"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: cancel MODEL.gguf")
	}
	model, err := qask.LoadModel(context.Background(), os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	engine, err := model.NewEngine()
	if err != nil {
		log.Fatal(err)
	}
	endless := []qask.Option{qask.WithPrompt("Once upon a time"), qask.WithIgnoreEOS(true)}

	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(300*time.Millisecond, cancel)
	_, done, err := engine.Ask(ctx, endless...)
	if !errors.Is(err, context.Canceled) || done == nil {
		log.Fatal("not cancelled: ", err)
	}
	fmt.Printf("%v: %d tokens\n", done.Reason, done.Usage.OutputTokens)

	_, done, err = engine.Ask(context.Background(), append(endless, qask.WithDeadline(300*time.Millisecond))...)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v: %d tokens\n", done.Reason, done.Usage.OutputTokens)

	// A loop that is left is cancelled; the engine is free for the next request.
	for _, err := range engine.Generate(context.Background(), endless...) {
		if err != nil {
			log.Fatal(err)
		}
		break
	}
	_, done, err = engine.Ask(context.Background(), append(endless, qask.WithMaxTokens(4))...)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v: %d tokens\n", done.Reason, done.Usage.OutputTokens)
}
