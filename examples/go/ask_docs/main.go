// ask_docs CHAT.gguf EMBEDDER.gguf QUESTION FILE...: answers a question from the paragraphs of text files that are nearest
// to it in meaning, and names them.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"

	qask "github.com/qask/qask/bindings/go"
)

type paragraph struct {
	source string
	text   string
	near   float32
}

// How many paragraphs the model reads.
const shown = 3

func main() {
	log.SetFlags(0)
	if len(os.Args) < 5 {
		log.Fatal("usage: ask_docs CHAT.gguf EMBEDDER.gguf QUESTION FILE...")
	}
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, chatModel, embedderModel, question string, files []string) error {
	found, err := paragraphs(files)
	if err != nil {
		return err
	}
	if err := rank(ctx, embedderModel, question, found); err != nil {
		return err
	}
	var context strings.Builder
	for i, p := range found[:min(shown, len(found))] {
		fmt.Printf("[%d] %s (%.2f)\n", i+1, p.source, p.near)
		fmt.Fprintf(&context, "[%d] %s\n\n", i+1, p.text)
	}
	model, err := qask.LoadModel(ctx, chatModel)
	if err != nil {
		return err
	}
	defer model.Close()
	engine, err := model.NewEngine()
	if err != nil {
		return err
	}
	defer engine.Close()
	prompt := "Answer the question with nothing but these notes.\n\n" + context.String() + "Question: " + question
	for event, err := range engine.Generate(ctx, qask.WithUser(prompt), qask.WithMaxTokens(120), qask.WithTemperature(0)) {
		if err != nil {
			return err
		}
		fmt.Print(event.Text)
	}
	fmt.Println()
	return nil
}

func paragraphs(files []string) (all []paragraph, err error) {
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for i, text := range strings.Split(string(data), "\n\n") {
			if text = strings.TrimSpace(text); text != "" {
				all = append(all, paragraph{source: fmt.Sprintf("%s, paragraph %d", file, i+1), text: text})
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no text in the files")
	}
	return all, nil
}

// rank sorts the paragraphs by how near they are to the question.
func rank(ctx context.Context, embedderModel, question string, all []paragraph) error {
	model, err := qask.LoadModel(ctx, embedderModel)
	if err != nil {
		return err
	}
	defer model.Close()
	embedder, err := model.NewEmbedder(qask.WithTruncation(qask.TruncateEnd))
	if err != nil {
		return err
	}
	defer embedder.Close()
	query, err := embedder.Embed(ctx, qask.Query, question)
	if err != nil {
		return err
	}
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = p.text
	}
	vectors, err := embedder.Embed(ctx, qask.Document, texts...)
	if err != nil {
		return err
	}
	for i, vector := range vectors {
		for j := range vector {
			all[i].near += query[0][j] * vector[j]
		}
	}
	slices.SortStableFunc(all, func(a, b paragraph) int { return cmp.Compare(b.near, a.near) })
	return nil
}
