// chat [-once] MODEL.gguf [PROMPT]: one answer, streamed as it is made, or at once when it is whole. Without a prompt a
// conversation, a line a message; /save FILE, /load FILE, /regenerate and /quit are commands.
import Foundation
import Qask

func say(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

func seconds(_ time: Duration) -> Double { Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18 }

func show(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }

func show(_ events: EventStream) async throws {
    for try await event in events {
        show(event.text ?? "")
        guard case .done(let done) = event else { continue }
        let usage = done.usage
        let rate = Double(usage.outputTokens) / seconds(usage.decodeTime)
        show("\n")
        say(
            "[\(done.reason): \(usage.promptTokens) prompt tokens, \(usage.cachedTokens) of them cached, \(usage.outputTokens) new "
                + "ones, first after \(Int(seconds(usage.firstTokenTime) * 1000)) ms, then \(Int(rate)) a second]\n")
    }
}

/// In a conversation an error is told, and the conversation goes on.
func converse(_ chat: Chat) async throws {
    say("> ")
    while let line = readLine(), line != "/quit" {
        let words = line.split(separator: " ", maxSplits: 1)
        do {
            switch words.first {
            case nil: break
            case "/save" where words.count == 2: _ = try await chat.save(String(words[1]))
            case "/load" where words.count == 2:
                try await chat.restore(String(words[1]))
                say("[\(chat.count) messages]\n")
            case "/regenerate": try await show(chat.regenerate())
            case let word? where word.hasPrefix("/"): say("commands: /save FILE, /load FILE, /regenerate, /quit\n")
            default: try await show(chat.send(line))
            }
        } catch let error as QaskError {
            say(error.message + "\n")
        }
        say("> ")
    }
}

var arguments = CommandLine.arguments.dropFirst()
let once = arguments.first == "-once"
if once { arguments.removeFirst() }
guard let path = arguments.first else {
    say("usage: chat [-once] MODEL.gguf [PROMPT]\n")
    exit(2)
}
// The prompt may come by environment, where no shell can misread it.
let prompt = arguments.dropFirst().first ?? ProcessInfo.processInfo.environment["PROMPT"] ?? ""
do {
    let engine = try await Model.load(path).engine()
    let chat = try engine.chat {
        $0.maxTokens = 256
        $0.contextPolicy = .dropOldest
    }
    if prompt.isEmpty {
        try await converse(chat)
    } else if once {
        print(try await chat.ask(prompt))
    } else {
        try await show(chat.send(prompt))
    }
    try await engine.shutdown()
} catch let error as QaskError {
    say(error.message + "\n")
    exit(1)
}
