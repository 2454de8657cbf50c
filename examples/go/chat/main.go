// chat [-once] MODEL.gguf [PROMPT]: one answer, streamed as it is made, or at once when it is whole. Without a prompt a
// conversation, a line a message; /save FILE, /load FILE, /regenerate and /quit are commands.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"iter"
	"log"
	"os"
	"os/signal"
	"strings"

	qask "github.com/qask/qask/bindings/go"
)

func main() {
	log.SetFlags(0)
	once := flag.Bool("once", false, "print the answer when it is whole")
	flag.Parse()
	if flag.NArg() < 1 {
		log.Fatal("usage: chat [-once] MODEL.gguf [PROMPT]")
	}
	// The prompt may come by environment, where no shell can misread it.
	prompt := os.Getenv("PROMPT")
	if flag.NArg() > 1 {
		prompt = flag.Arg(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	model, err := qask.LoadModel(ctx, flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	engine, err := model.NewEngine()
	if err != nil {
		log.Fatal(err)
	}
	chat, err := engine.NewChat(qask.WithMaxTokens(256), qask.WithContextPolicy(qask.ContextDropOldest))
	if err != nil {
		log.Fatal(err)
	}
	switch {
	case prompt == "":
		converse(ctx, chat)
	case *once:
		answer, err := chat.Ask(ctx, prompt)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(answer)
	default:
		if err := print(chat.Send(ctx, prompt)); err != nil {
			log.Fatal(err)
		}
	}
}

func print(events iter.Seq2[qask.Event, error]) error {
	for event, err := range events {
		fmt.Print(event.Text)
		if err != nil {
			return err
		}
		if done := event.Done; done != nil {
			u := done.Usage
			fmt.Println()
			fmt.Fprintf(os.Stderr, "[%v: %d prompt tokens, %d of them cached, %d new ones, first after %d ms, then %.1f a second]\n",
				done.Reason, u.PromptTokens, u.CachedTokens, u.OutputTokens, u.FirstToken.Milliseconds(), float64(u.OutputTokens)/u.Decode.Seconds())
		}
	}
	return nil
}

// In a conversation an error is told, and the conversation goes on.
func converse(ctx context.Context, chat *qask.Chat) {
	lines := bufio.NewScanner(os.Stdin)
	for fmt.Fprint(os.Stderr, "> "); lines.Scan(); fmt.Fprint(os.Stderr, "> ") {
		line := lines.Text()
		command, file, _ := strings.Cut(line, " ")
		var err error
		switch {
		case line == "":
		case line == "/quit":
			return
		case command == "/save":
			_, err = chat.Save(ctx, file)
		case command == "/load":
			if _, err = chat.Restore(ctx, file); err == nil {
				fmt.Fprintf(os.Stderr, "[%d messages]\n", chat.Len())
			}
		case line == "/regenerate":
			err = print(chat.Regenerate(ctx))
		case strings.HasPrefix(line, "/"):
			fmt.Fprintln(os.Stderr, "commands: /save FILE, /load FILE, /regenerate, /quit")
		default:
			err = print(chat.Send(ctx, line))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}
