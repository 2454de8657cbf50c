// What else there is: vectors, plans, facts, options, rest.
import Foundation
import Testing

@testable import Qask

extension All {
    @Suite struct Features {
        @Test func facts() async throws {
            let model = try await Smol.model
            let file = try await Inspection.of(try file(smollm))
            for fact: @Sendable (any ModelFacts) -> AnyHashable in [
                { $0.architecture }, { $0.name }, { $0.quantization }, { $0.parameters }, { $0.contextLength }, { $0.vocabularySize },
                { $0.fileSize }, { $0.chatTemplate }, { $0.metadata },
            ] {
                #expect(fact(file) == fact(model))
            }
            #expect(model.architecture == "llama" && model.vocabularySize == 49152 && model.contextLength == 8192)
            #expect(model.metadata["general.architecture"] == "llama" && !model.chatTemplate.isEmpty)
            #expect(!model.devices.isEmpty && model.devices.values.allSatisfy { $0 > 0 } && model.gpuLayers == 0)
            #expect(!model.supportsInfill && !Library.supports("cuda") && Library.version.hasPrefix("0."))
            for text in ["Hello, wörld! 你好 🎉", "", String(repeating: "a\n", count: 100), String(repeating: "e\u{301}", count: 300)] {
                #expect(try model.detokenize(model.tokenize(text)) == text, "\(text)")
            }
            let special = try model.tokenize("<|im_end|>", addSpecial: true, parseSpecial: true)
            #expect(try model.endsGeneration(special.last!) && model.tokenize("<|im_end|>").count > 2)
            let eos = try #require(model.eos)
            #expect(model.bos != nil && model.eot != nil)
            #expect(try model.detokenize([eos]) == "")
            #expect(try !model.detokenize([eos], renderSpecial: true).isEmpty)
            let request = Request {
                $0.system("s")
                $0.user("Hi")
                $0.template = "{{ messages[1].content }}-{{ mood }}"
                $0.templateVariables["mood"] = "\"sunny\""
            }
            #expect(try model.render(request) == "Hi-sunny")
        }

        @Test func otherWaysToLoad() async throws {
            let path = try file(smollm)
            #expect(try await Model.load(parts: [path]).architecture == "llama")
            #expect(try await Model.load(URL(fileURLWithPath: path)).architecture == "llama")
            _ = await failure("no parts") { _ = try await Model.load(parts: []) }
            // Inside another file, at an offset that can be mapped.
            try await withFolder { folder in
                let packed = folder + "/package"
                var bytes = Data(count: 4096)
                bytes += try Data(contentsOf: URL(fileURLWithPath: path))
                bytes += Data(count: 100)
                let length = UInt64(bytes.count - 4196)
                try bytes.write(to: URL(fileURLWithPath: packed))
                let open = try #require(FileHandle(forReadingAtPath: packed))
                let shares = Locked<[Float]>([])
                let model = try await Model.load(
                    descriptor: open.fileDescriptor, offset: 4096, length: length, ModelOptions { $0.mmap = false }
                ) { share in shares.with { $0.append(share) } }
                #expect(model.vocabularySize == 49152)
                let told = shares.with { $0 }
                #expect(told.last ?? 0 > 0.9 && told == told.sorted(), "\(told)")
                let wrong = await failure { _ = try await Model.load(descriptor: open.fileDescriptor) }
                #expect(wrong?.codeName == "QASK_ERR_INVALID")
            }
        }

        @Test func vectors() async throws {
            let model = try await Model.load(try file(minilm))
            let embedder = try await model.embedder { $0.truncation = .end }
            let texts = ["A cat sits on the mat.", "The kitten rests on a rug.", "Rates went up.", ""]
            let found = try await embedder.embed(texts)
            #expect(found.count == 4 && embedder.dimensions == 384 && embedder.pooling == .mean && embedder.maxTokens >= 128)
            #expect(dot(found[0], found[1]) > 0.5 && dot(found[0], found[2]) < 0.3 && abs(dot(found[2], found[2]) - 1) < 1e-3)
            #expect(try embedder.countTokens("A cat", for: .query) == 4)
            #expect(try await embedder.embed([]).isEmpty)
            try await embedder.shutdown()
            guard case .closed? = await failure("closed", { _ = try await embedder.embed("x") }) else { return miss("not closed") }
            let bare = try await model.embedder { $0.pooling = .unpooled; $0.normalize = false }
            #expect(try await bare.embedTokens("A cat").map(\.count) == [384, 384, 384, 384])
            let judge = try await Model.load(try file(ranker)).embedder { $0.pooling = .rank }
            let scores = try await judge.rerank("a cat", ["The cat naps.", "Rates went up.", "The cat naps."])
            #expect(scores.count == 3 && scores[0] != scores[1] && abs(scores[0] - scores[2]) < 1e-3)
        }

        @Test func plans() async throws {
            let plan = try await Plan.engine(try file(smollm), engine: EngineOptions { $0.contextTokens = 1024 })
            #expect(plan.contextTokens == 1024 && plan.total > 90_000_000 && plan.sequenceBytes > 0)
            #expect(MemoryPart.allCases.reduce(0) { $0 + plan.bytes($1) } == plan.total)
            #expect(plan.devices[0].name == "CPU" && !plan.devices[0].isGPU)
            #expect(plan.devices.flatMap(\.bytes.values).reduce(0, +) == plan.total)
            #expect(try plan.largestContext(budget: plan.total + 100_000_000) >= 1024)
            #expect(try await Plan.embedder(try file(minilm)).total > 50_000_000)
            #expect(try await Smol.model.plan().bytes(.kv) > 0)
            let vectors = try await Model.load(try file(minilm)).plan(EmbedderOptions())
            #expect(await failure { _ = try vectors.largestContext(budget: 1) }?.codeName == "QASK_ERR_UNSUPPORTED")
            let small = await failure { _ = try await Smol.model.engine { $0.memoryBudget = 1_000_000 } }
            #expect(small?.codeName == "QASK_ERR_TOO_LARGE")
        }

        @Test func likelihoods() async throws {
            let scorer = try await Smol.model.scorer(ScorerOptions { $0.specialTokens = false; $0.threads = 1; $0.adaptThreads = true })
            let scores = try await scorer.score("The capital of France is", [" Paris", " Berlin"])
            #expect(scores.likeliest() == 0 && scores.all[0].logProbability() > scores.all[1].logProbability())
            let found = try await scorer.perplexity("The cat sat on the mat.")
            #expect(found.perplexity > 1 && found.standardError > 0 && scorer.maxTokens > 0)
            try await scorer.shutdown()
        }

        @Test(.timeLimit(.minutes(3))) func rest() async throws {
            let engine = try await Smol.model.engine { $0.threads = 1 }
            let request = Request {
                $0.user("Complete the sentence: the capital of France is")
                $0.temperature = 0
                $0.maxTokens = 8
            }
            let want = try await engine.ask(request).text
            try await engine.pause()
            let steps = try engine.stats().steps
            let answer = Task { try await engine.ask(request).text }
            try await Task.sleep(for: .milliseconds(100))
            #expect(try engine.stats().steps == steps)
            try await engine.trim(.context)
            try engine.resume()
            #expect(try await answer.value == want)
            for level in Trim.allCases {
                try engine.pauseSoon()
                try engine.trimSoon(level)
                try engine.resume()
                try await engine.trim(level)
                #expect(try await engine.ask(request).text == want)
            }
            // A task that is cancelled does not wait for the rest.
            try await engine.shutdown()
        }

        @Test func prewarmed() async throws {
            let engine = try await Smol.model.engine {
                $0.contextTokens = 256
                $0.kvTokens = 512
                $0.batch = 128
                $0.microBatch = 64
                $0.threads = 2
                $0.batchThreads = 2
                $0.adaptThreads = false
                $0.keyCache = .f16
                $0.valueCache = .f16
                $0.flashAttention = .auto
                $0.unifiedKV = true
                $0.maxStep = .milliseconds(100)
                $0.maxQueue = 100
                $0.prefixCache = true
                $0.deterministic = false
                $0.offloadKV = true
            }
            let system = String(repeating: "You are a careful assistant. ", count: 8)
            try await engine.prewarm(Request { $0.system(system) }, pin: true)
            try engine.setThreads(1, batch: 2)
            try engine.unpin()
            let reply = try await engine.ask { $0.system(system); $0.user("x"); $0.maxTokens = 1 }
            #expect(reply.done.usage.cachedTokens > 20)
            #expect(engine.contextTokens == 256 && engine.kvTokens == 512)
            // The figures follow an answer.
            try await eventually { try engine.stats().outputTokens == 1 }
            let stats = try engine.stats()
            #expect(stats.submitted >= 1 && stats.threads == 1 && stats.batchThreads == 2 && stats.kvTokensTotal == 512)
            #expect(stats.threadsUsed == 1 && stats.batchThreadsUsed == 2 && stats.reusedTokens > 20)
            try await engine.shutdown()
        }

        @Test func theFolderOfPrefixes() async throws {
            let system = String(repeating: "You are a careful assistant, and you say nothing that you are not sure of. ", count: 20)
            try await withFolder { folder in
                for round in 0...1 {
                    let engine = try await Smol.model.engine {
                        $0.prefixCacheDirectory = PrefixCacheDirectory(path: folder + "/prefixes", bytes: 100_000_000)
                    }
                    for question in ["One?", "Two?"] {
                        _ = try await engine.ask { $0.system(system); $0.user(question); $0.maxTokens = 1 }
                    }
                    if round == 1 { try await eventually { try engine.stats().diskTokens > 100 } }
                    try await engine.shutdown()
                }
            }
        }

        /// The files are made by the script of Go's tests, which check.sh runs.
        @Test func adapters() async throws {
            let folder = try #require(ProcessInfo.processInfo.environment["QASK_TEST_ADAPTERS"], "check.sh makes them")
            let engine = try await Smol.model.engine { $0.prefixCache = false; $0.contextTokens = 512 }
            func ask(_ adapters: [(adapter: Adapter, scale: Float)]) async throws -> String {
                try await engine.ask {
                    $0.user("What is rain?")
                    $0.temperature = 0
                    $0.maxTokens = 16
                    $0.adapters = adapters
                }.text
            }
            let plain = try await ask([])
            for (name, same) in [("zero.gguf", true), ("noise.gguf", false)] {
                let adapter = try await Smol.model.adapter(folder + "/" + name)
                #expect(adapter.kind == .lora)
                #expect(try await (ask([(adapter, 1)]) == plain) == same, "\(name)")
            }
            try await engine.shutdown()
        }

        /// Every option reaches the library: a value inside its range is taken, one outside is refused with the field's name.
        @Test func requestOptions() async throws {
            let fine = Request {
                $0.messages = [.user("x")]
                $0.minTokens = 1; $0.answers = 2; $0.priority = 3; $0.shiftKeep = 4; $0.continueFinalMessage = true
                $0.heal = true; $0.thinking = false; $0.reasoningBudget = 9; $0.splitReasoning = true; $0.topK = 1
                $0.topP = 0.5; $0.minP = 0.1; $0.typicalP = 0.9; $0.topNSigma = 1; $0.seed = 4_294_967_295; $0.minKeep = 1
                $0.repeatPenalty = 1.1; $0.frequencyPenalty = 0.1; $0.presencePenalty = 0.1; $0.penaltyLastN = -1
                $0.dynatempRange = 0.1; $0.dynatempExponent = 1; $0.xtcProbability = 0.1; $0.xtcThreshold = 0.1
                $0.dryMultiplier = 0.1; $0.dryBase = 1.5; $0.dryAllowedLength = 2; $0.dryPenaltyLastN = -1; $0.mirostat = 2
                $0.mirostatTau = 5; $0.mirostatEta = 0.1; $0.cacheKey = "k"; $0.toolFormat = "hermes"; $0.topLogprobs = 1
                $0.deadline = .seconds(1); $0.ignoreEOS = true; $0.returnTokens = true; $0.jsonWhitespace = true
                $0.maxTokens = 3
                $0.drySequenceBreakers = ["\n", ":"]
                $0.logitBias = [5: -.infinity]
                $0.stop = ["a", "b"]
                $0.constraintTriggers = ["x"]
                $0.contextPolicy = .shift
                $0.toolChoice = .off
                $0.parallelToolCalls = false
            }
            #expect(try fine.accepts("x"))
            for prompt in [Prompt.text("x"), .special("x"), .tokens([1, 2]), .infill(prefix: "a", suffix: "b")] {
                #expect(try Request { $0.prompt = prompt }.accepts("x"))
            }
            let bad: [(String, @Sendable (inout Request) -> Void)] = [
                ("top_p", { $0.topP = 2 }), ("min_p", { $0.minP = -1 }), ("top_k", { $0.topK = 2_000_000 }),
                ("typical_p", { $0.typicalP = 2 }), ("repeat_penalty", { $0.repeatPenalty = 0 }), ("mirostat", { $0.mirostat = 3 }),
                ("xtc_threshold", { $0.xtcThreshold = 2 }), ("dry_base", { $0.dryBase = 0 }), ("priority", { $0.priority = 5000 }),
                ("penalty_last_n", { $0.penaltyLastN = -2 }), ("stop", { $0.stop = [""] }),
                ("dry_sequence_breakers", { $0.drySequenceBreakers = [""] }), ("NUL", { $0.drySequenceBreakers = ["a\0b"] }),
                ("NUL", { $0.cacheKey = "a\0b" }), ("NUL", { $0.templateVariables["a\0b"] = "1" }), ("negative", { $0.maxTokens = -1 }),
                ("deadline", { $0.deadline = .zero }), ("too large", { $0.maxTokens = 1 << 40 }),
            ]
            for (word, set) in bad {
                let error = await failure(word) { _ = try Request { set(&$0) }.accepts("x") }
                #expect(error?.codeName == "QASK_ERR_RANGE" && error?.message.contains(word) == true, "\(word): \(String(describing: error))")
            }
            var json = try Request(json: #"{"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}"#)
            json.temperature = 0
            #expect(try await Smol.engine.ask(json).done.usage.outputTokens <= 3)
        }
    }
}
