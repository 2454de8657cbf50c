// score MODEL.gguf: how likely a model finds answers to a question, and the question itself.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	qask "github.com/qask/qask/bindings/go"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: score MODEL.gguf")
	}
	ctx := context.Background()
	model, err := qask.LoadModel(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	scorer, err := model.NewScorer()
	if err != nil {
		log.Fatal(err)
	}
	question, answers := "The capital of France is", []string{" Berlin", " Paris", " cheese"}
	scores, err := scorer.Score(ctx, question, answers...)
	if err != nil {
		log.Fatal(err)
	}
	for i, score := range scores.Each {
		fmt.Printf("%8.3f %s\n", score.Logprob(qask.NormalizeTokens), answers[i])
	}
	fmt.Println(question + answers[scores.Likeliest(qask.NormalizeTokens)])
	perplexity, err := scorer.Perplexity(ctx, question, qask.Windows{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("perplexity of the question: %.1f\n", perplexity.Value)
}
