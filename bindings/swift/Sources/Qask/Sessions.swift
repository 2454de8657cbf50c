// Conversations and prompt prefixes on disk.
import CQask

/// What was written to a file.
public struct Saved: Sendable {
    /// How many tokens need not be computed again.
    public let tokens: UInt64
    /// The file's size.
    public let bytes: UInt64
}

extension Chat {
    /// Saves the conversation to a file, with what was computed of it. Settings are not in it. The file is there whole or not at
    /// all. `compress` makes it about a tenth smaller, and takes longer.
    ///
    /// Throws ``QaskError/busy(_:)``, ``QaskError/notFound(_:)`` (the folder), ``QaskError/io(_:)``.
    public func save(_ path: String, compress: Bool = false) async throws -> Saved {
        try await saving(path, compress) { [handle] path, options, cancel, tokens, bytes, error in
            handle.use { qask_chat_save($0, path, options, cancel, tokens, bytes, error) }
        }
    }

    /// Puts a conversation that ``save(_:compress:)`` wrote in the place of this one; gives the tokens that need not be computed.
    ///
    /// Throws ``QaskError/notFound(_:)``, ``QaskError/io(_:)``, ``QaskError/stateInvalid(_:)``, ``QaskError/checksum(_:)``,
    /// ``QaskError/stateMismatch(_:)`` (of another model or version), ``QaskError/contextFull(_:)``; then nothing changed.
    @discardableResult
    public func restore(_ path: String) async throws -> UInt64 {
        try await restoring(path) { [handle] path, cancel, tokens, error in
            handle.use { qask_chat_restore($0, path, cancel, tokens, error) }
        }
    }
}

extension Engine {
    /// Computes what prompts that begin as this request's have in common, and saves it to a file.
    ///
    /// Throws ``QaskError/unsupported(_:)`` (an engine without a prefix cache), ``QaskError/contextFull(_:)``,
    /// ``QaskError/notFound(_:)`` (the folder), ``QaskError/io(_:)``, and what is wrong with the request.
    public func savePrefix(_ request: Request, _ path: String, compress: Bool = false) async throws -> Saved {
        try await saving(path, compress) { [handle] path, options, cancel, tokens, bytes, error in
            try handle.use { engine in
                try request.use { qask_engine_save_prefix(engine, $0, path, options, cancel, tokens, bytes, error) }
            }
        }
    }

    /// Puts a saved prefix where requests find it that begin with it and have the adapters and cache key of `request`; gives its
    /// tokens. Only restore a file that you trust.
    @discardableResult
    public func restorePrefix(_ request: Request, _ path: String) async throws -> UInt64 {
        try await restoring(path) { [handle] path, cancel, tokens, error in
            try handle.use { engine in
                try request.use { qask_engine_restore_prefix(engine, $0, path, cancel, tokens, error) }
            }
        }
    }
}

private typealias Count = UnsafeMutablePointer<UInt64>

private func saving(
    _ path: String, _ compress: Bool,
    _ save: @escaping @Sendable (UnsafePointer<CChar>, OpaquePointer, OpaquePointer, Count, Count, Out) throws -> qask_status
) async throws -> Saved {
    try await cancellable { flag in
        let options = try made(qask_save_options_new)
        defer { qask_save_options_free(options) }
        try check { qask_save_options_set_compress(options, compress, $0) }
        var (tokens, bytes): (UInt64, UInt64) = (0, 0)
        try lendName(path) { path in
            try flag.use { cancel in _ = try check { try save(path, options, cancel, &tokens, &bytes, $0) } }
        }
        return Saved(tokens: tokens, bytes: bytes)
    }
}

private func restoring(
    _ path: String, _ restore: @escaping @Sendable (UnsafePointer<CChar>, OpaquePointer, Count, Out) throws -> qask_status
) async throws -> UInt64 {
    try await cancellable { flag in
        var tokens: UInt64 = 0
        try lendName(path) { path in try flag.use { cancel in _ = try check { try restore(path, cancel, &tokens, $0) } } }
        return tokens
    }
}
