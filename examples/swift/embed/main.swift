// embed MODEL.gguf QUERY TEXT...: how near each text is to the query in meaning.
import Foundation
import Qask

guard CommandLine.arguments.count > 3 else { fatalError("usage: embed MODEL.gguf QUERY TEXT...") }
let texts = Array(CommandLine.arguments[3...])
let embedder = try await Model.load(CommandLine.arguments[1]).embedder()
let query = try await embedder.embed(CommandLine.arguments[2], for: .query)
for (vector, text) in zip(try await embedder.embed(texts, for: .document), texts) {
    // The vectors have length 1, so this is the cosine of the angle between them.
    let near = zip(query, vector).reduce(0) { $0 + $1.0 * $1.1 }
    print(String(format: "%.3f", near), text)
}
try await embedder.shutdown()
