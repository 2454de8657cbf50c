// parallel MODEL.gguf: eight requests at once over one engine, with one system prompt that is evaluated once.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync"

	qask "github.com/qask/qask/bindings/go"
)

const system = "You are a helpful assistant who answers in one short sentence. Be precise, be friendly, never lie, say so when " +
	"you do not know, and use plain words that a child understands."

var topics = []string{"the sun", "rain", "bread", "a bicycle", "music", "a river", "glass", "the moon"}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: parallel MODEL.gguf")
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
	lines := make([]string, len(topics))
	var all sync.WaitGroup
	for i, topic := range topics {
		all.Go(func() {
			text, done, err := engine.Ask(ctx, qask.WithSystem(system), qask.WithUser("What is "+topic+"?"), qask.WithMaxTokens(40))
			if err != nil {
				log.Fatal(err)
			}
			lines[i] = fmt.Sprintf("%s: %s [%d of %d prompt tokens cached]", topic, text, done.Usage.CachedTokens, done.Usage.PromptTokens)
		})
	}
	all.Wait()
	for _, line := range lines {
		fmt.Println(line)
	}
}
