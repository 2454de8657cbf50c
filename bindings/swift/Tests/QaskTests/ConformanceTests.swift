// The cases of tests/conformance, which every binding runs.
import Foundation
import Testing

@testable import Qask

extension All {
    @Suite struct Conformance {
        private func cases(_ file: String, atLeast least: Int) throws -> [Json] {
            let json = Json(try read("tests/conformance/\(file).json"))
            let cases = json["cases"]?.list ?? json.list
            #expect(cases.count >= least, "\(file)")
            return cases
        }

        /// Fails unless the call ends with the case's error.
        private func expect(_ one: Json, _ call: () async throws -> Void) async throws {
            let name = try #require(one["name"]?.text)
            let error = await failure(name, call)
            #expect(error?.codeName == "QASK_ERR_" + (one["code"]?.text ?? ""), "\(name): \(String(describing: error))")
            if let words = one["message"]?.text { #expect(error?.message.contains(words) == true, "\(name): \(String(describing: error))") }
        }

        @Test func everyFileIsRun() throws {
            let run: Set = ["chats", "constraints", "tools", "reasoning", "sessions", "scores", "embeddings", "templates"]
            let folder = repository.appendingPathComponent("tests/conformance").path
            let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".json") }
            #expect(Set(files.map { String($0.dropLast(5)) }) == run)
        }

        @Test func chats() async throws {
            let chat = try await Smol.engine.chat()
            for one in try cases("chats", atLeast: 20) {
                let before = try chat.exportJSON()
                if let messages = one["messages"] {
                    try chat.importJSON(try #require(one["chat"]?.text))
                    #expect(chat.count == messages.int, "\(one["name"]!.text)")
                    #expect(try chat.messages.count == chat.count)
                    let fork = try chat.fork()
                    try fork.importJSON(try chat.exportJSON())
                    #expect(try fork.exportJSON() == chat.exportJSON())
                } else {
                    try await expect(one) { try chat.importJSON(one["chat"]!.text) }
                    #expect(try chat.exportJSON() == before)
                }
            }
        }

        @Test func sessions() async throws {
            let chat = try await Smol.engine.chat { $0.system("Here.") }
            let before = try chat.exportJSON()
            try await withFolder { folder in
                for one in try cases("sessions", atLeast: 10) {
                    let digits = Array(one["file"]!.text)
                    let bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! }
                    try Data(bytes).write(to: URL(fileURLWithPath: folder + "/s"))
                    try await expect(one) { try await chat.restore(folder + "/s") }
                    #expect(try chat.exportJSON() == before, "\(one["name"]!.text)")
                }
            }
        }

        @Test func constraints() throws {
            for one in try cases("constraints", atLeast: 40) {
                let name = one["name"]!.text
                var request = Request()
                request.jsonWhitespace = one["json_whitespace"]?.isTrue
                if let schema = one["json_schema"] { request.constraint = .jsonSchema(schema.source) }
                if one["json"] != nil { request.constraint = .json }
                if one["json_object"] != nil { request.constraint = .jsonObject }
                if let source = one["regex"] { request.constraint = .regex(source.text) }
                if let source = one["lark"] { request.constraint = .lark(source.text) }
                if let source = one["gbnf"] { request.constraint = .grammar(source.text) }
                if let texts = one["choice"] { request.constraint = .choice(texts.list.map(\.text)) }
                #expect(request.constraint != nil, "\(name)")
                if let words = one["error"]?.text {
                    do {
                        _ = try request.accepts("x")
                        Issue.record("no error: \(name)")
                    } catch QaskError.grammar(let message) {
                        #expect(message.contains(words), "\(name)")
                    }
                }
                for (key, want) in [("accepts", true), ("rejects", false)] {
                    for text in one[key]?.list ?? [] {
                        do {
                            #expect(try request.accepts(text.text) == want, "\(name): \(text.text)")
                        } catch QaskError.grammar(let message) {
                            #expect(one["or_error"]?.isTrue == true, "\(name): \(message)")
                        }
                    }
                }
            }
        }

        /// What a model writes is dictated to a real one by a constraint, so that the recorded outputs go the whole way: sampled,
        /// taken apart, through the header, into events.
        @Test func outputs() async throws {
            let (tools, reasoning) = (Json(try read("tests/conformance/tools.json")), Json(try read("tests/conformance/reasoning.json")))
            let engine = try await Smol.model.engine { $0.contextTokens = 8192 }
            let all = tools["cases"]!.list + reasoning["cases"]!.list
            #expect(all.count > 100)
            for one in all {
                let output = one["output"]!.text
                var request = Request()
                request.user("x")
                request.temperature = 0
                if output.isEmpty { request.maxTokens = 0 } else { request.constraint = .choice([output]) }
                var template = one["tags"].map { reasoning["templates"]![$0.text]!.text } ?? "{{ messages[0].content }}"
                if one["thinking"]?.isTrue == true { template += "<think>" }
                request.template = template
                if let format = one["format"], !format.isNull {
                    request.toolFormat = format.text
                    request.tools = tools["tools"]!.list.map(tool)
                }
                try await compare(one, engine.generate(request))
            }
            try await engine.shutdown()
        }

        private func tool(_ json: Json) -> Tool {
            let function = json["function"]!
            return Tool(function["name"]!.text, function["description"]?.text ?? "", schema: function["parameters"]!.source)
        }

        /// The same outputs, replayed by the library's own switch, cut into events as it likes.
        @Test func replayedOutputs() async throws {
            let tools = Json(try read("tests/conformance/tools.json"))
            for one in try cases("tools", atLeast: 50) + cases("reasoning", atLeast: 20) {
                let json = String(one.source.dropLast()) + ",\"tools\":" + tools["tools"]!.source + "}"
                try await compare(one, Hooks.replay(Smol.engine, json))
            }
        }

        private func compare(_ one: Json, _ stream: EventStream) async throws {
            let events = try await all(stream)
            let (got, calls) = shape(events)
            #expect(got == one["events"]!.list, "\(one["name"]!.text): \(got.map(\.source))")
            guard case .done(let done)? = events.last else {
                Issue.record("no end: \(one["name"]!.text)")
                return
            }
            #expect(done.reason == (calls ? .toolCalls : .stop) || done.reason == .length, "\(one["name"]!.text)")
        }

        /// Events in the form of the files: text joined, deltas gone where their call is complete; and whether there were calls.
        private func shape(_ events: [Event]) -> ([Json], Bool) {
            let complete = events.compactMap(\.call?.index)
            var broken: Set<Int> = []
            var found: [(key: String, value: String)] = []
            for event in events {
                switch event {
                case .text(let it): join("text", it.text)
                case .reasoning(let it): join("reasoning", it.text)
                case .toolCallDelta(let call):
                    if !complete.contains(call.index), broken.insert(call.index).inserted { found.append(("broken", call.name)) }
                case .toolCall(let call):
                    found.append(("", #"{"call":\#(encoded(call.name)),"arguments":\#(call.arguments)}"#))
                case .toolResult, .done: break
                }
            }
            func join(_ key: String, _ text: String) {
                if text.isEmpty { return }
                if found.last?.key == key { found[found.count - 1].value += text } else { found.append((key, text)) }
            }
            return (found.map { Json($0.key.isEmpty ? $0.value : "{\(encoded($0.key)):\(encoded($0.value))}") }, !complete.isEmpty)
        }

        @Test func templates() throws {
            let folder = cache.appendingPathComponent("chat-templates-0.3.36")
            guard FileManager.default.fileExists(atPath: folder.path) else {
                Issue.record("NOT CHECKED: chat templates are not in \(folder.path): tools/vectors.py")
                return
            }
            guard case .object(let want) = Json(try read("tests/conformance/templates.json")).kind else { return }
            #expect(want.count >= 60)
            for (name, expected) in want {
                let template = try Data(contentsOf: folder.appendingPathComponent(name + ".jinja"))
                #expect(Json(try Hooks.detect(String(decoding: template, as: UTF8.self))) == expected, "\(name)")
            }
        }

        private func text(_ json: Json?) -> String {
            guard let json else { return "" }
            guard let words = json["repeat"] else { return json.text }
            return String(repeating: words.text, count: json["times"]!.int)
        }

        @Test func scores() async throws {
            let file = Json(try read("tests/conformance/scores.json"))
            let each = file["per_token"]!.number
            #expect(file["model"]!.text == smollm)
            for one in try cases("scores", atLeast: 10) {
                let name = one["name"]!.text
                if one["code"] != nil {
                    try await expect(one) {
                        let scorer = try await self.scorer(for: one)
                        if one["choices"] != nil { _ = try await scored(scorer, one) } else { _ = try await perplexity(scorer, one) }
                    }
                    continue
                }
                let scorer = try await self.scorer(for: one)
                if one["choices"] != nil {
                    let found = try await scored(scorer, one)
                    if let tokens = one["tokens"] { #expect(found.all.map { $0.tokens.count } == tokens.list.map(\.int), "\(name)") }
                    for (score, sum) in zip(found.all, one["sums"]?.list ?? []) {
                        #expect(abs(score.logProbability() - sum.number) <= each * Double(score.tokens.count), "\(name)")
                        #expect(score.tokens.count == score.logProbabilities.count, "\(name)")
                    }
                    let want = one["likeliest"]!.list.map { $0.isNull ? nil : $0.int }
                    #expect(Normalization.allCases.map { found.likeliest(by: $0) } == want, "\(name)")
                } else {
                    let found = try await perplexity(scorer, one)
                    #expect(found.tokens == UInt64(one["scored"]!.int), "\(name)")
                    if let want = one["perplexity"] { #expect(abs(log(found.perplexity / want.number)) <= each, "\(name)") }
                }
            }
        }

        private func scorer(for one: Json) async throws -> Scorer {
            try await Smol.model.scorer(
                ScorerOptions {
                    $0.maxTokens = one["options"]?["max_tokens"]?.int
                    $0.batchTokens = one["options"]?["batch_tokens"]?.int
                    $0.specialTokens = one["options"]?["special_tokens"].map(\.isTrue)
                })
        }

        private func scored(_ scorer: Scorer, _ one: Json) async throws -> Scores {
            try await scorer.score(text(one["prompt"]), one["choices"]!.list.map(text))
        }

        private func perplexity(_ scorer: Scorer, _ one: Json) async throws -> Perplexity {
            func number(_ key: String) -> Int { one[key]?.int ?? 0 }
            return try await scorer.perplexity(
                text(one["text"]), window: number("window"), stride: number("stride"), context: number("context"),
                windows: number("windows"))
        }

        @Test func embeddings() async throws {
            let tolerance = Json(try read("tests/conformance/embeddings.json"))["tolerance"]!.number
            let cases = try cases("embeddings", atLeast: 20)
            // One model at a time is in memory.
            for (name, its) in Dictionary(grouping: cases, by: { $0["model"]!.text }) {
                let model = try await Model.load(try file(name))
                for one in its {
                    if one["code"] != nil {
                        try await expect(one) { _ = try await embedded(model, one) }
                    } else {
                        compare(one, try await embedded(model, one), tolerance)
                    }
                }
            }
        }

        private func embedded(_ model: Model, _ one: Json) async throws -> [[Float]] {
            let given = one["options"]
            let options = EmbedderOptions {
                $0.pooling = given?["pooling"].map { word in Pooling.allCases.first { "\($0)" == word.text }! }
                $0.normalize = given?["normalize"].map(\.isTrue)
                $0.dimensions = given?["dimensions"]?.int
                $0.maxTokens = given?["max_tokens"]?.int
                $0.truncation = given?["truncation"].map { word in Truncation.allCases.first { "\($0)" == word.text }! }
                $0.batchTokens = given?["batch_tokens"]?.int
                $0.maxSequences = given?["max_sequences"]?.int
                $0.queryPrefix = given?["query_prefix"]?.text
                $0.documentPrefix = given?["document_prefix"]?.text
                $0.instruction = given?["instruction"]?.text
            }
            let embedder = try await model.embedder(options)
            if let query = one["query"] {
                return try await embedder.rerank(text(query), one["documents"]!.list.map(text)).map { [$0] }
            }
            let purpose = one["purpose"].map { word in Purpose.allCases.first { "\($0)" == word.text }! } ?? .plain
            return try await embedder.embed(one["texts"]!.list.map(text), for: purpose)
        }

        private func compare(_ one: Json, _ found: [[Float]], _ tolerance: Double) {
            let name = one["name"]!.text
            let same = one["same"]?.list.map(\.int) ?? []
            let pairs = stride(from: 0, to: same.count, by: 2).map { (same[$0], same[$0 + 1]) }
            if one["query"] != nil {
                #expect(found.count == one["documents"]!.list.count, "\(name)")
                for (a, b) in pairs { #expect(abs(Double(found[a][0] - found[b][0])) <= tolerance, "\(name)") }
                for (score, want) in zip(found, one["scores"]?.list ?? []) {
                    #expect(abs(Double(score[0]) - want.number) <= tolerance, "\(name)")
                }
                return
            }
            #expect(found.count == one["texts"]!.list.count, "\(name)")
            if let dimensions = one["dimensions"] { #expect(found.allSatisfy { $0.count == dimensions.int }, "\(name)") }
            for (a, b) in pairs { #expect(cosine(found[a], found[b]) >= 0.9999, "\(name)") }
            if let places = one["nearer"]?.list.map(\.int) {
                #expect(cosine(found[places[0]], found[places[1]]) > cosine(found[places[2]], found[places[3]]), "\(name)")
            }
            for (number, want) in zip(found.joined(), one["begins"]?.list ?? []) {
                #expect(abs(Double(number) - want.number) <= tolerance, "\(name)")
            }
        }
    }
}

func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }

func cosine(_ a: [Float], _ b: [Float]) -> Double { dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot() }
