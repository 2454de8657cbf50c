// What lives how long: any order, again and again, and the end of the process.
import Foundation
import Testing

@testable import Qask

extension All {
    @Suite struct Lifecycle {
        @Test func whatIsLetGoOfIsFreed() async throws {
            _ = try await Smol.engine.ask(endless(maxTokens: 1))
            let before = Library.liveHandles
            try await letGo()
            try await eventually { Library.liveHandles <= before }
        }

        private func letGo() async throws {
            let model = try await Model.load(try file(smollm))
            let engine = try await model.engine { $0.contextTokens = 256 }
            for try await _ in try engine.chat().send("Hi") { break }
            for try await _ in engine.generate(endless()) { break }
            _ = try await model.plan()
            _ = try await Inspection.of(try file(smollm))
            _ = try Request { $0.user("x") }.accepts("x")
            _ = await failure { _ = try Request { $0.topP = 2 }.accepts("x") }
        }

        /// Model, engine, chat, and a stream of each, both in their midst: let go of in every order.
        @Test(.timeLimit(.minutes(10))) func anyOrder() async throws {
            _ = try await Smol.engine.ask(endless(maxTokens: 1))
            let before = Library.liveHandles
            for order in 0..<120 {
                var objects = try await running()
                #expect(Library.liveHandles >= before + objects.count)
                // As digits that count down, an order is a number.
                var (place, left) = (order, objects.count)
                while left > 0 {
                    objects.remove(at: place % left)
                    (place, left) = (place / left, left - 1)
                }
                try await eventually { Library.liveHandles <= before }
            }
        }

        /// In a function of its own: what a test has in variables would live to its end.
        private func running() async throws -> [Any] {
            let model = try await Model.load(try file(smollm))
            let engine = try await model.engine { $0.contextTokens = 256 }
            let chat = try engine.chat { $0.ignoreEOS = true }
            var (said, other) = (chat.send("Hi").makeAsyncIterator(), engine.generate(endless()).makeAsyncIterator())
            _ = try await (said.next(), other.next())
            return [model, engine, chat, said, other]
        }

        @Test func whatIsMadeKeepsWhatItNeeds() async throws {
            let chat = try await alone().chat { $0.maxTokens = 3; $0.ignoreEOS = true }
            try await Task.sleep(for: .milliseconds(50))
            #expect(try await chat.ask("Hi").done.reason == .length)
            // Streams, also when they have begun.
            for stream in [try await alone().generate(endless(maxTokens: 30)), try await saying()] {
                var (tokens, done) = (0, Event.Done?.none)
                for try await event in stream {
                    tokens += event.text == nil ? 0 : 1
                    done = event.done ?? done
                    try await Task.sleep(for: .milliseconds(2))
                }
                #expect(done?.reason == .length && done?.usage.outputTokens == 30 && tokens > 1)
            }
            let chunks = try await all(alone().chunks(endless(maxTokens: 30), id: "x"))
            #expect(chunks.count > 2)
            #expect(try await Model.load(try file(smollm)).scorer().perplexity("A cat sits on the mat.").perplexity > 1)
            #expect(try await Model.load(try file(minilm)).embedder().embed("A cat").count == 384)
        }

        private func alone() async throws -> Engine {
            try await Model.load(try file(smollm)).engine { $0.contextTokens = 256 }
        }

        private func saying() async throws -> EventStream {
            try await alone().chat { $0.maxTokens = 30; $0.ignoreEOS = true }.send("Hi")
        }

        /// Create, generate, cancel, free, again and again: memory, threads, descriptors and handles stay where they are.
        @Test(.timeLimit(.minutes(60))) func cycles() async throws {
            let cycles = ProcessInfo.processInfo.environment["QASK_CYCLES"].flatMap { Int($0) } ?? 200
            var engine = try await Smol.model.engine { $0.contextTokens = 512 }
            for i in 0..<max(cycles / 4, 50) { try await cycle(engine, i) }
            let (handles, before) = (Library.liveHandles, try Figures())
            let began = ContinuousClock.now
            // Of what an engine has freed, glibc may keep what lies at the end of a heap until that heap is used again, 24 MB of cells
            // here: `malloc_trim` gives back the end of the main heap alone. So what counts is the least that is seen.
            var least = Int.max
            for i in 0..<cycles {
                try await cycle(engine, i)
                // A new engine now and then.
                if i % 100 == 99 {
                    try await engine.shutdown()
                    engine = try await Smol.model.engine { $0.contextTokens = 512 }
                }
                // Whether what grows comes to an end.
                if cycles >= 1000 && i % (cycles / 20) == 0 {
                    let now = try Figures()
                    print("\(i) cycles: \(now)")
                    if i >= cycles / 2 { least = min(least, now.resident) }
                }
            }
            try await eventually { Library.liveHandles <= handles }
            let after = try Figures()
            print("\(cycles) cycles in \(ContinuousClock.now - began): \(before), then \(after)")
            #expect(min(least, after.resident) <= before.resident + 24_000, "\(before), then \(least) KiB at least")
            #expect(after.threads <= before.threads + 4 && after.descriptors <= before.descriptors, "\(before), then \(after)")
            try await engine.shutdown()
        }

        private func cycle(_ engine: Engine, _ i: Int) async throws {
            let chat = try engine.chat { $0.ignoreEOS = true; $0.maxTokens = 200 }
            switch i % 4 {
            case 0: for try await event in chat.send("Hello") where event.text != nil { break }
            case 1:
                let task = Task { for try await _ in chat.send("Hello") {} }
                try await Task.sleep(for: .milliseconds(2))
                task.cancel()
                _ = await task.result
            case 2: _ = try await engine.ask(endless("Hello", maxTokens: 1))
            default:
                for try await _ in engine.generate(endless("Hello")) { break }
                _ = await failure { _ = try await engine.ask { $0.topP = 2 } }
            }
        }

        private struct Figures: CustomStringConvertible {
            /// KiB.
            let resident: Int
            /// KiB of addresses: a thread that nobody lets go of keeps its stack here.
            let reserved: Int
            let threads: Int
            let descriptors: Int

            init() throws {
                let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
                func figure(_ key: String) throws -> Int {
                    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(key + ":") })
                    return try #require(Int(line.filter(\.isNumber)))
                }
                resident = try figure("VmRSS")
                reserved = try figure("VmSize")
                threads = try figure("Threads")
                descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
            }

            var description: String {
                "\(resident) KiB of \(reserved) KiB reserved, \(threads) threads, \(descriptors) descriptors"
            }
        }
    }
}
