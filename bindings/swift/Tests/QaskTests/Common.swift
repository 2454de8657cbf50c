// What the tests have in common: real models, loaded once; the repository; the library's switches for faults.
import CQaskHooks
import Foundation
import Testing

@testable import Qask

/// All tests, one after the other: they count the process's handles and threads, and share a machine of few cores.
@Suite(.serialized) struct All {}

let repository = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../..").standardized

func read(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: repository.appendingPathComponent(path)), as: UTF8.self)
}

/// Where tools/models.py keeps what it fetched.
let cache: URL = {
    let environment = ProcessInfo.processInfo.environment
    if let folder = environment["QASK_CACHE"] { return URL(fileURLWithPath: folder) }
    if let folder = environment["XDG_CACHE_HOME"], !folder.isEmpty { return URL(fileURLWithPath: folder + "/qask") }
    return URL(fileURLWithPath: (environment["HOME"] ?? "/") + "/.cache/qask")
}()

/// The file of a model. Its absence fails a test, since `make swift` fetches it.
func file(_ name: String) throws -> String {
    let table = Json(try read("models/models.json"))
    return cache.appendingPathComponent(try #require(table[name]?["file"]?.text)).path
}

let smollm = "smollm2-135m"
let qwen = "qwen2.5-coder-0.5b"
let minilm = "minilm-l6-v2"
let ranker = "minilm-rerank"

/// Shared by tests that do not close it.
enum Smol {
    private static let loading = Task { try await Model.load(try file(smollm)) }
    private static let starting = Task { try await model.engine { $0.contextTokens = 4096 } }

    static var model: Model { get async throws { try await loading.value } }
    static var engine: Engine { get async throws { try await starting.value } }
}

/// A request without end.
func endless(_ prompt: String = "Once upon a time", maxTokens: Int? = nil) -> Request {
    Request {
        $0.prompt = .text(prompt)
        $0.ignoreEOS = true
        $0.maxTokens = maxTokens
    }
}

/// The error of the library that a call ends with.
func failure(_ what: String = "", _ call: () async throws -> Void) async -> QaskError? {
    do {
        try await call()
        Issue.record("no error: \(what)")
    } catch let error as QaskError {
        return error
    } catch {
        Issue.record("another error: \(error) \(what)")
    }
    return nil
}

/// Something that must not be reached.
func miss(_ what: Comment, sourceLocation: SourceLocation = #_sourceLocation) {
    Issue.record(what, sourceLocation: sourceLocation)
}

/// What an event is, for those that want one kind.
extension Event {
    var piece: Text? { if case .text(let it) = self { it } else { nil } }
    var call: ToolCall? { if case .toolCall(let it) = self { it } else { nil } }
    var delta: ToolCall? { if case .toolCallDelta(let it) = self { it } else { nil } }
    var result: ToolResult? { if case .toolResult(let it) = self { it } else { nil } }
    var done: Done? { if case .done(let it) = self { it } else { nil } }
}

/// Waits until something is so.
func eventually(_ seconds: Int = 20, _ condition: () throws -> Bool) async throws {
    for _ in 0..<seconds * 100 {
        if try condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("it never was so")
}

/// Waits until an engine computes so many answers.
func active(_ engine: Engine, _ count: Int) async throws { try await eventually { try engine.stats().active == count } }

/// All events of a stream.
func all<T>(_ stream: AsyncThrowingStream<T, any Error>) async throws -> [T] {
    var found: [T] = []
    for try await one in stream { found.append(one) }
    return found
}

/// A folder that is there while a test runs.
func withFolder<R>(_ body: (String) async throws -> R) async throws -> R {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("qask-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder.path)
}

/// The library's switches, tests/c/qask_test.h.
enum Hooks {
    static func fail(_ code: Int32) throws { try check { qask_test_fail(code, $0) } }

    static func panic() throws { try check { qask_test_panic($0) } }

    static func provokeFault(_ engine: Engine) throws {
        try engine.handle.use { engine in _ = try check { qask_test_provoke_fault(engine, $0) } }
    }

    /// What a model would make which writes the output of a case.
    static func replay(_ engine: Engine, _ json: String) -> EventStream {
        events {
            let stream = try engine.handle.use { engine in
                try lend(json) { json, length in try made { qask_test_replay(engine, json, length, $0, $1) } }
            }
            return try Answer(stream, of: engine) { Event($0) }
        }
    }

    /// The format of a template's calls and the marks of its thoughts.
    static func detect(_ template: String) throws -> String {
        try lend(template) { text, length in try madeText { qask_test_detect(text, length, $0, $1) } }
    }
}
