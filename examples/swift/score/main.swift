// score MODEL.gguf [PROMPT CONTINUATION...]: which continuation of a prompt is the likeliest.
import Foundation
import Qask

guard CommandLine.arguments.count > 1 else { fatalError("usage: score MODEL.gguf [PROMPT CONTINUATION...]") }
let prompt = CommandLine.arguments.dropFirst(2).first ?? "The capital of France is"
let given = Array(CommandLine.arguments.dropFirst(3))
let continuations = given.isEmpty ? [" Berlin", " Paris", " Rome"] : given
let scorer = try await Model.load(CommandLine.arguments[1]).scorer()
let scores = try await scorer.score(prompt, continuations)
for (score, text) in zip(scores.all, continuations) {
    FileHandle.standardError.write(Data((String(format: "%8.3f", score.logProbability()) + text + "\n").utf8))
}
print(prompt + continuations[scores.likeliest()!])
try await scorer.shutdown()
