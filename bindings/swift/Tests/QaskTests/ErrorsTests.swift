// Errors: every code, misuse, what is closed, what closures throw.
import Foundation
import Testing

@testable import Qask

private struct Mine: Error {}

extension All {
    @Suite struct Errors {
        @Test func everyCodeHasItsCase() throws {
            let pattern = /#define QASK_ERR_(\w+) (\d+)/
            let codes = try read("include/qask.h").matches(of: pattern).map { (String($0.1), Int($0.2)!) }
            #expect(codes.count > 25)
            for (name, code) in codes {
                #expect {
                    try Hooks.fail(Int32(code))
                } throws: { error in
                    guard let error = error as? QaskError else { return false }
                    if case .other = error { return false }
                    let groups: [QaskError.Group] = [.internal, .argument, .model, .generation, .state]
                    return error.code == code && error.codeName == "QASK_ERR_" + name && error.message == "on purpose"
                        && error.group == (code < 500 ? groups[code / 100] : .internal) && error.localizedDescription == "on purpose"
                }
            }
            // None has two codes.
            #expect(Set(codes.map { "\(QaskError(code: $0.1, message: "x"))" }).count == codes.count)
            for (code, group) in [(199, QaskError.Group.argument), (299, .model), (399, .generation), (499, .state), (999, .internal)] {
                #expect(QaskError(code: code, message: "x") == .other(code: code, message: "x"))
                #expect(QaskError(code: code, message: "x").group == group)
            }
        }

        @Test func aPanicIsAnError() async {
            guard case .panic? = await failure("panic", Hooks.panic) else { return miss("not a panic") }
        }

        @Test func aFaultEndsItsEngineOnly() async throws {
            let engine = try await Smol.model.engine { $0.contextTokens = 512 }
            try Hooks.provokeFault(engine)
            guard case .engineFault? = await failure("fault", { _ = try await engine.ask(endless()) }) else {
                return miss("not a fault")
            }
            #expect(try await Smol.engine.ask(endless("Hi", maxTokens: 2)).done.usage.outputTokens == 2)
        }

        @Test func files() async throws {
            try await withFolder { folder in
                let missing = await failure { _ = try await Model.load(folder + "/no-model.gguf") }
                #expect(missing?.codeName == "QASK_ERR_NOT_FOUND" && missing?.message.contains("no-model.gguf") == true)
                let bad = folder + "/bad 🎉.gguf"
                try Data("GGUF, they said".utf8).write(to: URL(fileURLWithPath: bad))
                guard case .invalid? = await failure("bad", { _ = try await Model.load(URL(fileURLWithPath: bad)) }) else {
                    return miss("loaded a bad file")
                }
                guard case .invalid? = await failure("bad", { _ = try await Inspection.of(bad) }) else { return miss("inspected") }
                guard case .range? = await failure("NUL", { _ = try await Model.load("a\0b") }) else { return miss("NUL") }
                guard case .range? = await failure("NUL", { _ = try await Model.load(parts: ["a\0b"]) }) else { return miss("NUL") }
                guard case .range? = await failure("URL", { _ = try await Model.load(URL(string: "https://x/y")!) }) else {
                    return miss("loaded from nowhere")
                }
            }
        }

        @Test func badArguments() async throws {
            let (model, engine) = (try await Smol.model, try await Smol.engine)
            let wrong: [(String, () async throws -> Void)] = [
                ("RANGE", { _ = try await model.engine { $0.contextTokens = -1 } }),
                ("RANGE", { _ = try await model.engine { $0.contextTokens = 1 << 40 } }),
                ("RANGE", { _ = try await model.engine { $0.maxStep = .zero } }),
                ("RANGE", { _ = try await engine.ask { $0.prompt = .text("x"); $0.temperature = -1 } }),
                ("RANGE", { _ = try model.detokenize([-1]) }),
                ("RANGE", { _ = try engine.chat { $0.answers = 2 } }),
                ("RANGE", { try engine.setThreads(0) }),
                ("RANGE", { _ = try engine.chat().message(-1) }),
                ("JSON", { _ = try Request(json: "{") }),
                ("JSON", { _ = try Message(json: "[1]") }),
                ("JSON", { _ = try await engine.ask { $0.user("x"); $0.tools = [Tool("t", "", schema: "{")] } }),
                ("GRAMMAR", { _ = try await engine.ask { $0.user("x"); $0.constraint = .regex("(") } }),
                ("CONTEXT_FULL", { _ = try await engine.ask { $0.prompt = .text(String(repeating: "word ", count: 9000)) } }),
            ]
            for (place, (code, call)) in wrong.enumerated() {
                #expect(await failure("\(place)", call)?.codeName == "QASK_ERR_" + code, "\(place)")
            }
        }

        @Test func whatIsShutDownSaysSo() async throws {
            let engine = try await Smol.model.engine { $0.contextTokens = 256 }
            let chat = try engine.chat()
            let scorer = try await Smol.model.scorer()
            try await engine.shutdown()
            try await scorer.shutdown()
            let uses: [() async throws -> Void] = [
                { _ = try await engine.ask(endless()) }, { _ = try await chat.ask("x") }, { try engine.setThreads(1) },
                { try await engine.pause() }, { try engine.resume() }, { _ = try await scorer.score("The capital of France is", [" Paris"]) },
                { for try await _ in engine.chunks(endless(), id: "x") {} },
            ]
            for (place, use) in uses.enumerated() {
                #expect(await failure("\(place)", use)?.codeName == "QASK_ERR_CLOSED", "use \(place)")
            }
        }

        @Test func whatClosuresThrowComesOut() async throws {
            let copied = ModelOptions { $0.mmap = false }
            let path = try file(smollm)
            await #expect(throws: Mine.self) { _ = try await Model.load(path, copied) { _ in throw Mine() } }
            await #expect(throws: Mine.self) { _ = try await Model.load(path, copied) { if $0 > 0.5 { throw Mine() } } }
            let engine = try await Smol.engine
            await #expect(throws: Mine.self) { for try await _ in engine.generate(endless()) { throw Mine() } }
            await #expect(throws: Mine.self) { _ = try await engine.ask { _ in throw Mine() } }
            #expect(try await engine.ask(endless(maxTokens: 3)).done.usage.outputTokens == 3)
            try await active(engine, 0)
        }

        @Test func theLog() async throws {
            let lines = Locked<[String]>([])
            try Library.log(.debug) { level, source, line in lines.with { $0.append("\(level) \(source) \(line)") } }
            let engine = try await Smol.model.engine { $0.contextTokens = 256 }
            _ = try await engine.ask { $0.prompt = .text("a secret"); $0.maxTokens = 2 }
            try await engine.shutdown()
            try await eventually {
                lines.with { lines in lines.contains { $0.contains(" engine ") } && lines.contains { $0.contains(" qask ") } }
            }
            try Library.log(.off, to: nil)
            #expect(lines.with { !$0.contains { $0.contains("secret") } })
        }
    }
}
