// Package qask runs quantized GGUF language models inside a Go program: no server, no network, no cgo.
//
//	model, err := qask.LoadModel(ctx, "model.gguf")
//	if err != nil { … }
//	defer model.Close()
//	engine, err := model.NewEngine()
//	if err != nil { … }
//	defer engine.Close()
//	chat, err := engine.NewChat(qask.WithMaxTokens(256))
//	if err != nil { … }
//	defer chat.Close()
//	for event, err := range chat.Send(ctx, "Hello!") {
//		if err != nil { … }
//		fmt.Print(event.Text)
//	}
//
// # The library
//
// The work is done by libqask, a shared library that is loaded at the first use: see [UseLibrary] for where it is looked
// for. One that is missing, or of another version, is a [*LibraryError] from the first call, never a crash.
//
// # Contexts
//
// A context that is cancelled ends a load, an answer, an embedding at the next step of the computation, and the object
// stays usable. The error then is both [ErrCancelled] and the context's own error.
//
// # Errors
//
// Errors of the library are [*Error], with a [Code] that works with [errors.Is]:
//
//	if errors.Is(err, qask.ErrContextFull) { … }
//
// Messages say what was wrong and what to do; they never hold prompts or generated text.
//
// # Goroutines and closing
//
// Everything may be used from many goroutines. A [Model], [Engine], [Embedder] or [Scorer] serves them at once; a [Chat] or
// [Request] one after the other, and a chat makes one answer at a time. Close frees an object; what is forgotten is freed
// when it is garbage. An object that was closed gives [ErrClosed].
package qask
