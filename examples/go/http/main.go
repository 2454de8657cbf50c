// http MODEL.gguf [ADDRESS]: OpenAI's chat completions over HTTP, streamed as server-sent events. A client that goes
// away cancels its answer. For example:
//
//	curl -N localhost:8080/v1/chat/completions -d '{"messages":[{"role":"user","content":"Hello!"}]}'
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"

	qask "github.com/qask/qask/bindings/go"
)

type server struct {
	engine *qask.Engine
	last   atomic.Int64
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	request, err := qask.RequestFromJSON(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer request.Close()
	stream, err := s.engine.Submit(request)
	if err != nil {
		http.Error(w, err.Error(), status(err))
		return
	}
	defer stream.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	id := fmt.Sprintf("chatcmpl-%d", s.last.Add(1))
	for event, err := range stream.Events(r.Context()) {
		if err != nil && (r.Context().Err() != nil || event.Done == nil) {
			log.Printf("%s: %v", id, err)
			return
		}
		// The event of a failed answer is a chunk too, with its error.
		chunk, err := stream.ChunkJSON(id)
		if err != nil {
			return
		}
		fmt.Fprintf(w, "data: %s\n\n", chunk)
		_ = http.NewResponseController(w).Flush()
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// status is what a refusal is over HTTP.
func status(err error) int {
	if errors.Is(err, qask.ErrQueueFull) {
		return http.StatusServiceUnavailable
	}
	var e *qask.Error
	if errors.As(err, &e) && e.Code.Group() == qask.GroupArgument {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: http MODEL.gguf [ADDRESS]")
	}
	address := "localhost:8080"
	if len(os.Args) > 2 {
		address = os.Args[2]
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	model, err := qask.LoadModel(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	engine, err := model.NewEngine()
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/chat/completions", &server{engine: engine})
	http := &http.Server{Handler: mux, BaseContext: func(net.Listener) context.Context { return ctx }}
	context.AfterFunc(ctx, func() { http.Close() })
	fmt.Printf("listening on %s\n", listener.Addr())
	_ = http.Serve(listener)
}
