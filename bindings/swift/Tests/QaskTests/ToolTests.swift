// Tools from closures, and answers of a type.
import Foundation
import Testing

@testable import Qask

private struct Forecast: Codable, SchemaHints, Equatable {
    enum Degrees: String, Codable, CaseIterable {
        case celsius, fahrenheit
    }

    let city: String
    let unit: Degrees
    let days: Int
    let tags: [String]
    let note: String?

    static let schemaHints = [
        "city": SchemaHint("the city", maxLength: 20), "days": SchemaHint(minimum: 1, maximum: 14),
        "tags": SchemaHint(maxItems: 2), "note": SchemaHint(pattern: "^[a-z]{3}$"),
    ]
}

private struct Place: Codable {
    let city: String
}

private struct Endless: Codable {
    let next: [Endless]
}

private struct OutOfOrder: LocalizedError {
    var errorDescription: String? { "out of order" }
}

private enum Shapes: Codable {
    case circle(radius: Double)
    case point
}

private struct Many: Codable {
    let flag: Bool
    let small: UInt8
    let number: Double
    let float: Float?
    let map: [String: Int]
    let nested: [Place]?
    let place: Place
    let link: URL
    let id: UUID
    let maybe: Bool?
}

extension All {
    @Suite struct Tools {
        @Test func schemas() throws {
            let want = #"""
                {"type":"object","properties":{"city":{"type":"string","description":"the city","maxLength":20},
                "unit":{"enum":["celsius","fahrenheit"]},"days":{"type":"integer","minimum":1,"maximum":14},
                "tags":{"type":"array","items":{"type":"string"},"maxItems":2},
                "note":{"anyOf":[{"type":"string","pattern":"^[a-z]{3}$"},{"type":"null"}]}},
                "required":["city","unit","days","tags"],"additionalProperties":false}
                """#
            let got = try schema(of: Forecast.self)
            #expect(Json(got) == Json(want), "\(got)")
            let order = ["\"city\"", "\"unit\"", "\"days\"", "\"tags\"", "\"note\""].map { got.range(of: $0)!.lowerBound }
            #expect(order == order.sorted())
            #expect(try schema(of: [String: Double].self) == #"{"type":"object","additionalProperties":{"type":"number"}}"#)
            #expect(try schema(of: [Bool?].self) == #"{"type":"array","items":{"anyOf":[{"type":"boolean"},{"type":"null"}]}}"#)
            let many = try schema(of: Many.self)
            #expect(Json(many)["required"]!.list.map(\.text) == ["flag", "small", "number", "map", "place", "link", "id"])
            let good = #"{"flag": true, "small": 3, "number": 1.5, "float": 2.0, "map": {"a": 1}, "nested": [{"city": "x"}], "place": {"city": "y"}, "link": "https://example.com/a", "id": "123e4567-e89b-12d3-a456-426614174000", "maybe": null}"#
            #expect(try Request { $0.constraint = .jsonSchema(many) }.accepts(good))
            #expect(try value(Many.self, of: good).small == 3)
            for type in [Endless.self, Shapes.self, Date.self] as [any Decodable.Type] {
                do {
                    let got = try schema(of: type)
                    Issue.record("\(type) has a schema: \(got)")
                } catch QaskError.json(let message) {
                    #expect(message.contains("no JSON schema"), "\(message)")
                }
            }
        }

        private func check(_ answer: Forecast) {
            #expect((1...20).contains(answer.city.count) && (1...14).contains(answer.days) && answer.tags.count <= 2, "\(answer)")
        }

        @Test(.timeLimit(.minutes(3))) func answersOfAType() async throws {
            let engine = try await Smol.engine
            check(
                try await engine.ask(Forecast.self) {
                    $0.user("The weather in Paris, in celsius, for 3 days.")
                    $0.temperature = 0
                    $0.maxTokens = 200
                })
            let chat = try engine.chat { $0.temperature = 0; $0.maxTokens = 200 }
            check(try await chat.ask(Forecast.self, "The weather in Rome."))
            #expect(chat.count == 2)
            let short = Request { $0.user("x"); $0.maxTokens = 2 }
            guard case .tooLong? = await failure("short", { _ = try await engine.ask(Forecast.self, short) }) else {
                return miss("not too long")
            }
            let wrong = await failure { _ = try value(Place.self, of: #"{"secret": 1}"#) }
            #expect(wrong?.codeName == "QASK_ERR_JSON" && wrong?.message.contains("secret") == false)
        }

        @Test(.timeLimit(.minutes(5))) func closuresAreCalled() async throws {
            let asked = Locked<[String]>([])
            let weather = Tool("get_weather", "The weather in a city, now") { (place: Place) in
                asked.with { $0.append(place.city) }
                try await Task.sleep(for: .milliseconds(1))
                return "21 degrees Celsius, clear sky"
            }
            let engine = try await Model.load(try file(qwen)).engine { $0.contextTokens = 2048 }
            let settings = Request {
                $0.tools = [weather]
                $0.toolChoice = .required
                $0.parallelToolCalls = false
                $0.temperature = 0
                $0.maxTokens = 100
            }
            let chat = try engine.chat(settings)
            let events = try await all(chat.run("What is the weather in Paris?"))
            // So small a model may ask the same again; then it has to answer.
            let cities = asked.with { $0 }
            #expect((1...2).contains(cities.count) && cities[0] == "Paris", "\(cities)")
            let result = try #require(events.compactMap(\.result).first)
            #expect(result.content == "21 degrees Celsius, clear sky" && result.error == nil)
            let calls = try chat.message(1).toolCalls
            #expect(calls.map(\.name) == ["get_weather"])
            #expect(try chat.message(2) == .tool(calls[0].id, result.content))
            #expect(events.contains { $0.text != nil })
            let preview = events.compactMap(\.delta?.arguments).joined()
            #expect(preview.hasPrefix(calls[0].arguments))
            #expect(chat.count == 2 + 2 * cities.count)
            // The forced choice is in force again, and a tool without a closure is handed back.
            try chat.change {
                $0.tools.append(Tool("later", "", schema: #"{"type":"object","properties":{}}"#))
                $0.toolChoice = .function("later")
            }
            guard case .done(let done)? = try await all(chat.run("Later.")).last else { return miss("no end") }
            #expect(done.reason == .toolCalls)

            // What a closure throws is told to the model.
            let fails = Tool("fails", "Always called") { (_: Place) -> Int in throw OutOfOrder() }
            let failing = try engine.chat { $0.tools = [fails]; $0.toolChoice = .required; $0.temperature = 0; $0.maxTokens = 60 }
            let told = try await all(failing.run("Paris")).compactMap(\.result).first
            #expect(told?.content == "error: out of order" && told?.error is OutOfOrder)

            // Cancelled in the midst of a tool: its closure is, too.
            let ended = Locked(false)
            let slow = Tool("slow", "Always called") { (_: Place) -> String in
                defer { ended.with { $0 = true } }
                try await Task.sleep(for: .seconds(60))
                return "never"
            }
            let waiting = try engine.chat { $0.tools = [slow]; $0.toolChoice = .required; $0.temperature = 0; $0.maxTokens = 60 }
            let task = Task { for try await _ in waiting.run("Paris") {} }
            try await eventually(60) { waiting.count == 2 && !waiting.isBusy }
            task.cancel()
            _ = await task.result
            #expect(ended.with { $0 })
            #expect(try await waiting.ask("Again.").done.reason == .toolCalls)
            try await engine.shutdown()
        }

        @Test func messagesAreOpenAIs() throws {
            let call = ToolCall(id: "a", name: "f", arguments: "{}")
            let message = Message(role: .assistant, "你好 🎉", reasoning: "hm", toolCalls: [call], name: "x")
            #expect(try Message(json: message.json) == message)
            let parts = #"{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#
            #expect(try Message(json: parts).content == "ab")
            #expect(try Message(json: #"{"role":"assistant","content":null}"#).content == "")
            let answer = Message.tool("a", "42")
            #expect(try Message(json: answer.json) == answer)
        }
    }
}
