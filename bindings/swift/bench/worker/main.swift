// The counterpart of benches/bench.c in Swift: MODEL THREADS SEQUENCES obeys lines on stdin, each "COMMAND STREAMS TOKENS", and
// prints seconds:
//
//     main     one stream after the other, read by the main actor
//     tasks    STREAMS prompts, each read by a task of its own
import Foundation
import Qask

let some = ["river", "market", "window", "engine", "garden", "letter", "winter", "bridge"]

/// Those of bench.c, word for word.
func prompt(_ i: Int, words: Int = 40) -> String {
    var rest = ""
    for k in 0..<words - 5 { rest += " " + some[(k * 5 + k / 7 + i) % 8] }
    return "\(i + 3) stories about the \(some[i % 8]):\(rest). Once upon a time there"
}

func request(_ i: Int, _ tokens: Int) -> Request {
    Request {
        $0.prompt = .text(prompt(i))
        $0.maxTokens = tokens
        $0.ignoreEOS = true
        $0.temperature = 0
    }
}

func run(_ engine: Engine, _ command: String, _ streams: Int, _ tokens: Int) async throws {
    let requests = (0..<streams).map { request($0, tokens) }
    if command == "main" {
        for request in requests { for try await _ in engine.generate(request) {} }
        return
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
        for request in requests { group.addTask { for try await _ in engine.generate(request) {} } }
        try await group.waitForAll()
    }
}

func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

let arguments = CommandLine.arguments
let sequences = Int(arguments[3])!
let engine = try await Model.load(arguments[1]).engine {
    $0.contextTokens = 512
    $0.kvTokens = 512 * sequences
    $0.maxSequences = sequences
    $0.prefixCache = false
    $0.unifiedKV = true
    $0.threads = Int(arguments[2])!
}
say("ready")
while let line = readLine() {
    let words = line.split(separator: " ").map(String.init)
    let began = Date()
    try await run(engine, words[0], Int(words[1])!, Int(words[2])!)
    say("\(Date().timeIntervalSince(began))")
}
