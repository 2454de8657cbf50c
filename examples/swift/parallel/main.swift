// parallel MODEL.gguf: eight requests at once over one engine, with one system prompt that is evaluated once.
import Qask

guard CommandLine.arguments.count > 1 else { fatalError("usage: parallel MODEL.gguf") }
let system =
    "You are a helpful assistant who answers in one short sentence. Be precise, be friendly, never lie, say so when you do not "
    + "know, and use plain words that a child understands."
let topics = ["the sun", "rain", "bread", "a bicycle", "music", "a river", "glass", "the moon"]

let engine = try await Model.load(CommandLine.arguments[1]).engine()
try await withThrowingTaskGroup(of: String.self) { group in
    for topic in topics {
        group.addTask { [system] in
            let reply = try await engine.ask {
                $0.system(system)
                $0.user("What is \(topic)?")
                $0.maxTokens = 40
            }
            let usage = reply.done.usage
            return "\(topic): \(reply) [\(usage.cachedTokens) of \(usage.promptTokens) prompt tokens cached]"
        }
    }
    // As they come.
    for try await line in group { print(line) }
}
try await engine.shutdown()
