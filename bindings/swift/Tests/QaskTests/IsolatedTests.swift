// Engines in a process of their own, with the worker that lies beside the library.
import Foundation
import Testing

@testable import Qask

extension All {
    @Suite struct Isolated {
        private static let request = Request {
            $0.user("What is a compiler?")
            $0.temperature = 0
            $0.maxTokens = 12
        }

        private func isolated() async throws -> Engine {
            try await Smol.model.engine { $0.isolated = true; $0.contextTokens = 1024 }
        }

        @Test(.timeLimit(.minutes(3))) func itAnswersAsOneInThisProcess() async throws {
            let expected = try await Smol.engine.ask(Self.request).text
            let before = children()
            let engine = try await isolated()
            let worker = children().subtracting(before)
            #expect(worker.count == 1 && !expected.isEmpty)
            #expect(try await engine.ask(Self.request).text == expected)
            #expect(try await engine.chat(Self.request).ask("And an interpreter?").done.usage.outputTokens == 12)
            // Cancelling a task reaches the worker.
            let task = Task { for try await _ in engine.generate(endless()) {} }
            try await active(engine, 1)
            task.cancel()
            _ = await task.result
            try await active(engine, 0)
            try await engine.shutdown()
            try await eventually { children().isDisjoint(with: worker) }
        }

        @Test(.timeLimit(.minutes(10))) func aWorkerThatIsKilledIsAnErrorUntilTheNextRequest() async throws {
            let before = children()
            let engine = try await isolated()
            let expected = try await engine.ask(Self.request).text
            for round in 0...1 {
                let worker = try #require(children().subtracting(before).first)
                var ended = false
                let fault = await failure {
                    for try await event in engine.generate(endless()) where event.text != nil && !ended {
                        ended = true
                        if round == 0 { kill(worker, SIGKILL) } else { try Hooks.provokeFault(engine) }
                    }
                }
                guard case .engineFault(let message)? = fault else { return miss("no fault: \(String(describing: fault))") }
                if round == 0 { #expect(message.contains("SIGKILL"), "\(message)") }
                #expect(try await engine.ask(Self.request).text == expected)
                #expect(!children().contains(worker))
            }
            try await engine.shutdown()
        }

        @Test func aWorkerThatIsNone() async throws {
            let model = try await Smol.model
            func failed(_ worker: String) async -> QaskError? {
                await failure(worker) { _ = try await model.engine { $0.isolated = true; $0.worker = worker } }
            }
            guard case .notFound(let message)? = await failed("/nowhere/qask-worker") else { return miss("not missing") }
            #expect(message.contains("/nowhere/qask-worker"))
            guard case .engineFault? = await failed("/bin/true") else { return miss("a program that is no worker") }
            guard case .range? = await failed("a\0b") else { return miss("NUL") }
            // It is only for isolated engines.
            try await model.engine { $0.worker = "/nowhere/qask-worker"; $0.contextTokens = 256 }.shutdown()
        }
    }
}

/// The processes that this one has started and not reaped.
private func children() -> Set<Int32> {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) } ?? []
    return Set(
        all.filter { process in
            // Behind the name, which may hold anything: state, parent.
            guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let name = stat.range(of: ") ", options: .backwards)
            else { return false }
            let parent = stat[name.upperBound...].split(separator: " ").dropFirst().first
            return parent.flatMap { Int32($0) } == getpid()
        })
}
