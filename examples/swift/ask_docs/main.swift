// ask_docs CHAT.gguf EMBEDDER.gguf QUESTION FILE...: answers a question from the paragraphs of text files that are nearest to it
// in meaning, and names them.
import Foundation
import Qask

struct Paragraph {
    let source: String
    let text: String
}

/// How many paragraphs the model reads.
let shown = 3

func paragraphs(_ files: [String]) throws -> [Paragraph] {
    try files.flatMap { file in
        try String(contentsOfFile: file, encoding: .utf8).components(separatedBy: "\n\n").enumerated().map { place, text in
            Paragraph(source: "\(file), paragraph \(place + 1)", text: text.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }.filter { !$0.text.isEmpty }
}

/// The paragraphs that are nearest to the question, and how near.
func nearest(_ path: String, _ question: String, _ all: [Paragraph]) async throws -> [(paragraph: Paragraph, near: Float)] {
    let embedder = try await Model.load(path).embedder { $0.truncation = .end }
    let query = try await embedder.embed(question, for: .query)
    let vectors = try await embedder.embed(all.map(\.text), for: .document)
    let near = vectors.map { zip(query, $0).reduce(Float(0)) { $0 + $1.0 * $1.1 } }
    return zip(all, near).sorted { $0.1 > $1.1 }.prefix(shown).map { ($0, $1) }
}

let arguments = CommandLine.arguments
guard arguments.count > 4 else { fatalError("usage: ask_docs CHAT.gguf EMBEDDER.gguf QUESTION FILE...") }
let question = arguments[3]
let all = try paragraphs(Array(arguments[4...]))
guard !all.isEmpty else { fatalError("there is no text in the files") }
let found = try await nearest(arguments[2], question, all)
for (place, it) in found.enumerated() { print("[\(place + 1)] \(it.paragraph.source) (\(String(format: "%.2f", it.near)))") }
let notes = found.enumerated().map { "[\($0 + 1)] \($1.paragraph.text)\n\n" }.joined()
let engine = try await Model.load(arguments[1]).engine()
let answer = engine.generate {
    $0.user("Answer the question with nothing but these notes.\n\n\(notes)Question: \(question)")
    $0.maxTokens = 120
    $0.temperature = 0
}
for try await piece in answer.text { print(piece, terminator: "") }
print()
try await engine.shutdown()
