// cancel MODEL.gguf: stops an answer by cancelling its task, by leaving its loop, and after a deadline.
import Qask

guard CommandLine.arguments.count > 1 else { fatalError("usage: cancel MODEL.gguf") }
let engine = try await Model.load(CommandLine.arguments[1]).engine()
let endless = Request {
    $0.prompt = .text("Once upon a time")
    $0.ignoreEOS = true
}

func tell(_ reply: Reply) { print("\(reply.done.reason): \(reply.done.usage.outputTokens) tokens") }

let task = Task { try await engine.ask(endless) }
try await Task.sleep(for: .milliseconds(300))
task.cancel()
do {
    _ = try await task.value
} catch is CancellationError {
    print("cancelled: the task has no answer")
}

// A chat keeps what was said before.
let chat = try engine.chat { $0.ignoreEOS = true }
var pieces = 0
for try await event in chat.send("Tell me a story.") where event.text != nil {
    pieces += 1
    if pieces == 5 { break }
}
try await chat.idle()
print("left: \(try chat.message(1).content.count) characters, \(chat.cutShort(1)?.description ?? "whole")")

var soon = endless
soon.deadline = .milliseconds(300)
tell(try await engine.ask(soon))

// The engine is free for the next request.
var short = endless
short.maxTokens = 4
tell(try await engine.ask(short))
try await engine.shutdown()
