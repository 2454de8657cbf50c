// embed MODEL.gguf QUERY TEXT...: how near each text is to the query in meaning.
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
	if len(os.Args) < 3 {
		log.Fatal("usage: embed MODEL.gguf QUERY TEXT...")
	}
	ctx := context.Background()
	model, err := qask.LoadModel(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	embedder, err := model.NewEmbedder()
	if err != nil {
		log.Fatal(err)
	}
	query, err := embedder.Embed(ctx, qask.Query, os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	vectors, err := embedder.Embed(ctx, qask.Document, os.Args[3:]...)
	if err != nil {
		log.Fatal(err)
	}
	for i, vector := range vectors {
		// The vectors have length 1, so this is the cosine of the angle between them.
		var near float32
		for j := range vector {
			near += query[0][j] * vector[j]
		}
		fmt.Printf("%.3f %s\n", near, os.Args[3+i])
	}
}
