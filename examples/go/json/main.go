// json MODEL.gguf [TEXT]: what a text says of a person, as a Go struct.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	qask "github.com/qask/qask/bindings/go"
)

// The schema is made of the fields and their tags; the answer cannot be anything else.
type person struct {
	Name  string   `json:"name" maxLength:"40"`
	Age   int      `json:"age" minimum:"0" maximum:"150"`
	Likes []string `json:"likes" jsonschema:"what the person likes" maxItems:"3"`
	Mood  string   `json:"mood" enum:"happy,sad,angry"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: json MODEL.gguf [TEXT]")
	}
	text := "Ada is 36 years old, laughs a lot, and likes bees and numbers."
	if len(os.Args) > 2 {
		text = os.Args[2]
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
	var found person
	err = engine.AskInto(ctx, &found, qask.WithUser("Describe the person as JSON: "+text), qask.WithTemperature(0), qask.WithMaxTokens(200))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("name: %s\nage: %d\nlikes: %v\nmood: %s\n", found.Name, found.Age, found.Likes, found.Mood)
}
