// tools MODEL [QUESTION]: a model calls a closure of this program, gets its result and answers.
import Qask

struct Place: Codable, SchemaHints {
    let city: String

    static let schemaHints = ["city": SchemaHint("the name of the city")]
}

// The program's own function.
func weather(_ city: String) -> String { city == "Paris" ? "21 degrees Celsius, clear sky" : "5 degrees Celsius, rain" }

guard CommandLine.arguments.count > 1 else { fatalError("usage: tools MODEL [QUESTION]") }
let question = CommandLine.arguments.dropFirst(2).first ?? "What is the weather in Paris?"
let engine = try await Model.load(CommandLine.arguments[1]).engine()
let chat = try engine.chat {
    $0.tools = [Tool("get_weather", "The weather in a city, now") { (place: Place) in weather(place.city) }]
    // "auto" leaves it to the model whether it calls; so small a one is better told.
    $0.toolChoice = .required
    $0.parallelToolCalls = false
    $0.maxTokens = 200
    $0.temperature = 0
}
for try await event in chat.run(question) {
    switch event {
    case .toolCall(let call): print("\(call.name)(\(call.arguments))")
    case .text(let piece): print(piece, terminator: "")
    default: break
    }
}
print()
try await engine.shutdown()
