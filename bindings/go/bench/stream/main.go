// stream MODEL.gguf STREAMS TOKENS: as c/stream.c, through the binding.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	qask "github.com/qask/qask/bindings/go"
)

func main() {
	streams, _ := strconv.Atoi(os.Args[2])
	tokens, _ := strconv.Atoi(os.Args[3])
	ctx := context.Background()
	model, err := qask.LoadModel(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	engine, err := model.NewEngine(qask.WithMaxSequences(16))
	if err != nil {
		log.Fatal(err)
	}
	var total atomic.Int64
	pass := func(tokens int) {
		var all sync.WaitGroup
		for range streams {
			all.Go(func() {
				length := 0
				for event, err := range engine.Generate(ctx, qask.WithUser("Tell me a story about a river."), qask.WithMaxTokens(uint32(tokens)), qask.WithIgnoreEOS(true), qask.WithTemperature(0)) {
					if err != nil {
						log.Fatal(err)
					}
					length += len(event.Text)
					if event.Done != nil {
						total.Add(int64(event.Done.Usage.OutputTokens))
					}
				}
				if length == 0 {
					log.Fatal("no text")
				}
			})
		}
		all.Wait()
	}
	pass(8)
	total.Store(0)
	began := time.Now()
	pass(tokens)
	fmt.Printf("%.2f\n", float64(total.Load())/time.Since(began).Seconds())
}
