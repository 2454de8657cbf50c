// Texts as vectors, and scores of documents.
import CQask

/// Turns texts into vectors, or a query and documents into scores: one thread of the library computes the texts of all calls
/// together. Any task may use it. Cancelling a task ends its call.
public final class Embedder: Sendable {
    private let handle: Handle

    init(_ object: OpaquePointer) { handle = Handle(object, qask_embedder_free) }

    /// How many numbers a vector has.
    public var dimensions: Int { handle.use { Int(qask_embedder_dimensions($0)) } }

    /// How the vectors of a text's tokens become one; nil for a way that this binding does not know.
    public var pooling: Pooling? { handle.use { Pooling(rawValue: qask_embedder_pooling($0)) } }

    /// Tokens that a text may have.
    public var maxTokens: Int { handle.use { Int(qask_embedder_max_tokens($0)) } }

    /// How many tokens a text has as an input, before any truncation. Throws ``QaskError/tooLong(_:)``.
    public func countTokens(_ text: String, for purpose: Purpose = .plain) throws -> Int {
        try handle.use { embedder in
            try lend(text) { text, length in
                var count = 0
                try check { qask_embedder_count_tokens(embedder, text, length, purpose.rawValue, &count, $0) }
                return count
            }
        }
    }

    /// A vector for each text.
    ///
    /// Throws ``QaskError/tooLong(_:)`` (which text, and how long it is), ``QaskError/unsupported(_:)`` (the pooling gives no vector
    /// for a text), ``QaskError/closed(_:)``.
    public func embed(_ texts: [String], for purpose: Purpose = .plain) async throws -> [[Float]] {
        try await cancellable { [handle] flag in
            try handle.use { embedder in
                let width = Int(qask_embedder_dimensions(embedder))
                let all = try floats(texts.count * width) { out, capacity in
                    try lend(texts) { texts, lengths, count in
                        _ = try flag.use { cancel in
                            try check {
                                qask_embedder_embed(embedder, texts, lengths, count, purpose.rawValue, cancel, out, capacity, $0)
                            }
                        }
                    }
                    return capacity
                }
                return rows(of: all, width)
            }
        }
    }

    /// A text's vector.
    public func embed(_ text: String, for purpose: Purpose = .plain) async throws -> [Float] {
        try await embed([text], for: purpose)[0]
    }

    /// A vector for each token of a text, with ``Pooling/unpooled``.
    public func embedTokens(_ text: String, for purpose: Purpose = .plain) async throws -> [[Float]] {
        try await cancellable { [self] flag in
            let width = dimensions
            let most = min(try countTokens(text, for: purpose), maxTokens) * width
            let all = try floats(most) { out, capacity in
                var count = 0
                try handle.use { embedder in
                    try lend(text) { text, length in
                        _ = try flag.use { cancel in
                            try check {
                                qask_embedder_embed_tokens(
                                    embedder, text, length, purpose.rawValue, cancel, out, capacity, &count, $0)
                            }
                        }
                    }
                }
                return count * width
            }
            return rows(of: all, width)
        }
    }

    /// How well each document answers a query, the higher the better, with ``Pooling/rank``. The scale is the model's.
    public func rerank(_ query: String, _ documents: [String]) async throws -> [Float] {
        try await cancellable { [handle] flag in
            try handle.use { embedder in
                try floats(documents.count) { out, capacity in
                    try lend(query) { query, queryLength in
                        try lend(documents) { texts, lengths, count in
                            _ = try flag.use { cancel in
                                try check {
                                    qask_embedder_rerank(
                                        embedder, query, queryLength, texts, lengths, count, cancel, out, capacity, $0)
                                }
                            }
                        }
                    }
                    return capacity
                }
            }
        }
    }

    /// Takes no more calls, ends those that wait with ``QaskError/closed(_:)``, and waits until the memory is free.
    public func shutdown() async throws {
        try await patient { [handle] millis in try handle.use { embedder in try check { qask_embedder_close(embedder, millis, $0) } } }
    }
}

/// Numbers that the library writes; `fill` says how many it wrote.
private func floats(_ count: Int, _ fill: (UnsafeMutablePointer<Float>?, Int) throws -> Int) throws -> [Float] {
    try [Float](unsafeUninitializedCapacity: count) { buffer, filled in filled = try fill(buffer.baseAddress, count) }
}

private func rows(of numbers: [Float], _ width: Int) -> [[Float]] {
    stride(from: 0, to: numbers.count, by: max(width, 1)).map { Array(numbers[$0..<$0 + width]) }
}
