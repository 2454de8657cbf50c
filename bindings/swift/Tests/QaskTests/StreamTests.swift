// Streams: cancellation ends the native work, nobody's thread is blocked, many share one engine.
import Foundation
import Testing

@testable import Qask

/// A reader on an actor of its own, as an app would have it.
private actor Reader {
    private(set) var text = ""

    func read(_ stream: EventStream) async throws {
        for try await event in stream { text += event.text ?? "" }
    }
}

/// Ticks on the main actor, as an app's screen would.
@MainActor private final class Ticker {
    private(set) var ticks = 0
    private(set) var longest = Duration.zero

    func run() async {
        var last = ContinuousClock.now
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(5))
            ticks += 1
            longest = max(longest, ContinuousClock.now - last)
            last = .now
        }
    }
}

extension All {
    @Suite struct Streams {
        @Test func aStreamIsTheAnswer() async throws {
            let engine = try await Smol.engine
            let request = Request {
                $0.user("Complete the sentence: the capital of France is")
                $0.maxTokens = 8
                $0.temperature = 0
            }
            let events = try await all(engine.generate(request))
            let text = events.compactMap(\.text).joined()
            #expect(events.count > 4 && text.contains("Paris"))
            guard case .done(let done)? = events.last else { return miss("no end") }
            #expect(done.error == nil && (2...8).contains(done.usage.outputTokens) && done.usage.firstTokenTime > .zero)
            #expect(try await engine.ask(request).text == text)
            #expect(try await all(engine.generate(request).text).joined() == text)
            let reader = Reader()
            try await reader.read(engine.generate(request))
            #expect(await reader.text == text)
            let chunks = try await all(engine.chunks(request, id: "mine")).map { Json($0) }
            #expect(chunks.allSatisfy { $0["object"]?.text == "chat.completion.chunk" && $0["id"]?.text == "mine" })
            #expect(chunks.compactMap { $0["choices"]?.list.first?["delta"]?["content"]?.text }.joined() == text)
        }

        private func all<S: AsyncSequence>(_ stream: S) async throws -> [S.Element] {
            var found: [S.Element] = []
            for try await one in stream { found.append(one) }
            return found
        }

        @Test func nothingIsAskedForBeforeTheFirstEvent() async throws {
            let engine = try await Smol.engine
            let before = try engine.stats().submitted
            _ = engine.generate(endless())
            let stream = engine.generate(endless(maxTokens: 1))
            #expect(try engine.stats().submitted == before)
            _ = try await stream.reply()
            #expect(try engine.stats().submitted == before + 1)
            // What was read to its end is over.
            guard case .closed? = await failure("read again", { _ = try await stream.reply() }) else { return miss("read again") }
        }

        @Test(.timeLimit(.minutes(3))) func cancellingATaskEndsTheNativeWork() async throws {
            let engine = try await Smol.model.engine { $0.contextTokens = 8192 }
            // Steps that were begun behind a cancel. A busy machine may be slow to tell the engine, but not each time.
            var late: [Int] = []
            for _ in 0..<5 {
                let task = Task { for try await _ in engine.generate(endless()) {} }
                try await active(engine, 1)
                try await eventually { try engine.stats().outputTokens > 2 }
                let steps = try engine.stats().steps
                task.cancel()
                _ = await task.result
                try await active(engine, 0)
                late.append(try engine.stats().steps - steps)
            }
            // The one that was being computed, and one for the moment between the look and the cancel.
            #expect(late.min()! <= 2, "steps behind a cancel: \(late)")
            // A whole answer that is cancelled is no answer, also while a long prompt is evaluated: then within the step's budget.
            var took: [Duration] = []
            for _ in 0..<3 {
                let task = Task { try await engine.ask(endless(String(repeating: "word ", count: 6000))) }
                try await active(engine, 1)
                try await Task.sleep(for: .milliseconds(100))
                let cancelled = ContinuousClock.now
                task.cancel()
                await #expect(throws: CancellationError.self) { _ = try await task.value }
                try await active(engine, 0)
                took.append(ContinuousClock.now - cancelled)
            }
            #expect(took.min()! < .milliseconds(150 + 50), "a prompt went on for \(took)")
            // One that is cancelled before it begins asks for nothing.
            let before = try engine.stats().submitted
            let early = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await engine.ask(endless())
            }
            early.cancel()
            await #expect(throws: CancellationError.self) { _ = try await early.value }
            #expect(try engine.stats().submitted == before)
            try await engine.shutdown()
        }

        @Test func leavingALoopEndsTheAnswer() async throws {
            let engine = try await Smol.engine
            for try await event in engine.generate(endless()) where event.text != nil { break }
            try await active(engine, 0)
            // Letting go of an iterator and its stream, too.
            var stream: EventStream? = engine.generate(endless())
            var iterator = stream?.makeAsyncIterator()
            _ = try await iterator?.next()
            stream = nil
            iterator = nil
            try await active(engine, 0)
        }

        @Test @MainActor func theMainActorIsNotBlocked() async throws {
            let ticker = Ticker()
            let ticking = Task { await ticker.run() }
            let began = ContinuousClock.now
            let model = try await Model.load(try file(smollm))
            let engine = try await model.engine { $0.contextTokens = 1024 }
            var pieces = 0
            for try await event in engine.generate({ $0 = endless(maxTokens: 100) }) where event.text != nil { pieces += 1 }
            #expect(try await engine.ask { $0 = endless(maxTokens: 60) }.done.usage.outputTokens == 60)
            try await engine.shutdown()
            ticking.cancel()
            await ticking.value
            let all = ContinuousClock.now - began
            #expect(pieces > 50 && ticker.ticks > 20)
            #expect(ticker.longest < all / 3, "the main actor stood still for \(ticker.longest) of \(all)")
        }

        /// As many tasks as Swift has threads, and more, wait for the library: others go on meanwhile.
        @Test func swiftsThreadsAreNotBlocked() async throws {
            let engine = try await Smol.model.engine { $0.contextTokens = 256; $0.maxSequences = 2 }
            try await engine.pause()
            let many = ProcessInfo.processInfo.activeProcessorCount * 4 + 8
            try await withThrowingTaskGroup(of: Void.self) { group in
                for i in 0..<many {
                    group.addTask { _ = try await engine.ask(endless("\(i)", maxTokens: 2)) }
                    group.addTask { _ = try await engine.askJSON(Request { $0.user("x") }, schema: #"{"const": 1}"#) }
                }
                // They all wait; this one has to run.
                try await eventually { try engine.stats().queued >= many * 2 }
                try engine.resume()
                try await group.waitForAll()
            }
            try await engine.shutdown()
        }

        @Test(.timeLimit(.minutes(3))) func sixteenTasksOverOneEngine() async throws {
            let engine = try await Smol.model.engine { $0.contextTokens = 512; $0.kvTokens = 8192; $0.maxSequences = 16 }
            let before = threads()
            let replies = try await withThrowingTaskGroup(of: (Reply, Int).self) { group in
                for i in 0..<16 { group.addTask { (try await engine.ask(endless("\(i + 3) stories:", maxTokens: 24)), threads()) } }
                return try await group.reduce(into: [(Reply, Int)]()) { $0.append($1) }
            }
            #expect(replies.allSatisfy { $0.0.done.usage.outputTokens == 24 && $0.0.done.reason == .length && !$0.0.text.isEmpty })
            // Not one blocked thread for each stream.
            #expect(replies.allSatisfy { $0.1 <= before + ProcessInfo.processInfo.activeProcessorCount + 4 })
            try await engine.shutdown()
        }

        @Test(.timeLimit(.minutes(3))) func longCallsEndWithTheirTask() async throws {
            let embedder = try await Model.load(try file(minilm)).embedder()
            let texts = Array(repeating: String(repeating: "word ", count: 200), count: 3000)
            let embedding = Task { try await embedder.embed(texts) }
            try await Task.sleep(for: .milliseconds(300))
            let began = ContinuousClock.now
            embedding.cancel()
            await #expect(throws: CancellationError.self) { _ = try await embedding.value }
            #expect(ContinuousClock.now - began < .seconds(10))
            #expect(try await embedder.embed("usable").count == 384)
            try await embedder.shutdown()
            let engine = try await Smol.engine
            let schema = #"{"type":"array","minItems":200,"items":{"type":"integer"}}"#
            let json = Task { try await engine.askJSON(Request { $0.user("List numbers."); $0.temperature = 2 }, schema: schema) }
            try await active(engine, 1)
            json.cancel()
            await #expect(throws: CancellationError.self) { _ = try await json.value }
            try await active(engine, 0)
            // A load is cancelled in its midst.
            let path = try file(smollm)
            let started = Locked(false)
            let load = Task {
                try await Model.load(path, ModelOptions { $0.mmap = false }) { _ in
                    started.with { $0 = true }
                    Thread.sleep(forTimeInterval: 0.01)
                }
            }
            try await eventually { started.with { $0 } }
            load.cancel()
            await #expect(throws: CancellationError.self) { _ = try await load.value }
        }

        @Test func aClosedEngineEndsItsStreams() async throws {
            let engine = try await Smol.model.engine { $0.contextTokens = 512 }
            let task = Task { for try await _ in engine.generate(endless()) {} }
            try await active(engine, 1)
            try await engine.shutdown()
            guard case .closed? = await failure("closed", { try await task.value }) else { return miss("not closed") }
        }

        @Test func twoReadersAreToldSo() async throws {
            let engine = try await Smol.model.engine { $0.contextTokens = 256 }
            try await engine.pause()
            let stream = engine.generate(endless(maxTokens: 2))
            let first = Task { try await self.all(stream).count }
            try await eventually { try engine.stats().queued == 1 }
            try await Task.sleep(for: .milliseconds(50))
            guard case .busy? = await failure("two", { _ = try await self.all(stream) }) else { return miss("two readers") }
            // The first one is not disturbed.
            try engine.resume()
            #expect(try await first.value >= 2)
            try await engine.shutdown()
        }

        @Test func severalAnswers() async throws {
            let events = try await all(
                Smol.engine.generate {
                    $0.user("Hi")
                    $0.answers = 3
                    $0.maxTokens = 5
                    $0.temperature = 1
                    $0.returnTokens = true
                    $0.topLogprobs = 2
                })
            #expect(Set(events.compactMap(\.done?.choice)) == [0, 1, 2])
            let texts = events.compactMap(\.piece).filter { !$0.tokens.isEmpty }
            #expect(texts.first.map { $0.logprobs.count == $0.tokens.count && $0.logprobs[0].top.count == 2 } == true)
            #expect(texts.allSatisfy { $0.logprobs.allSatisfy { $0.logprob <= 0 } })
        }
    }
}

/// Threads of this process, the library's too.
func threads() -> Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0 }
