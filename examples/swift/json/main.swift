// json MODEL.gguf [TEXT]: what a text says of a person, as a Swift value.
import Qask

// The schema is made of the properties; the answer cannot be anything else.
struct Person: Codable, SchemaHints {
    enum Mood: String, Codable, CaseIterable {
        case happy, sad, angry
    }

    let name: String
    let age: Int
    let likes: [String]
    let mood: Mood

    static let schemaHints = [
        "name": SchemaHint(maxLength: 40), "age": SchemaHint(minimum: 0, maximum: 150),
        "likes": SchemaHint("what the person likes", maxItems: 3),
    ]
}

guard CommandLine.arguments.count > 1 else { fatalError("usage: json MODEL.gguf [TEXT]") }
let text = CommandLine.arguments.dropFirst(2).first ?? "Ada is 36 years old, laughs a lot, and likes bees and numbers."
let engine = try await Model.load(CommandLine.arguments[1]).engine()
let person = try await engine.ask(
    Person.self,
    Request {
        $0.user("Describe the person as JSON: \(text)")
        $0.temperature = 0
        $0.maxTokens = 200
    })
print("name: \(person.name)\nage: \(person.age)\nlikes: \(person.likes)\nmood: \(person.mood)")
try await engine.shutdown()
