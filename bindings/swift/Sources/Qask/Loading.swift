// How a model comes into memory.
import CQask
import Foundation

/// Told the share of a model that is loaded, 0 to 1, on a thread of the library, which goes on when it returns. What it throws
/// ends the load, and comes out of it.
public typealias Progress = @Sendable (Float) throws -> Void

extension Model {
    /// Loads a GGUF file or, by its first part, a split model. Cancelling the task ends the load.
    ///
    /// Throws ``QaskError/notFound(_:)``, ``QaskError/io(_:)``, ``QaskError/invalid(_:)``,
    /// ``QaskError/unsupportedArchitecture(_:)``, ``QaskError/tooLarge(_:)``, ``QaskError/outOfMemory(_:)``,
    /// ``QaskError/unsupported(_:)`` (this CPU lacks instructions of this build), and what `progress` throws.
    public static func load(
        _ path: String, _ options: ModelOptions = ModelOptions(), progress: Progress? = nil
    ) async throws -> Model {
        try await load(options, progress) { options, cancel, out, error in
            try lendName(path) { qask_model_load($0, options, cancel, out, error) }
        }
    }

    /// Loads the file at a URL, such as one of the app's bundle.
    public static func load(
        _ file: URL, _ options: ModelOptions = ModelOptions(), progress: Progress? = nil
    ) async throws -> Model {
        guard file.isFileURL else { throw QaskError.range("a model is loaded from a file, not from \(file.scheme ?? "nowhere")") }
        return try await load(file.path, options, progress: progress)
    }

    /// Loads a split model from its parts, in order.
    public static func load(
        parts: [String], _ options: ModelOptions = ModelOptions(), progress: Progress? = nil
    ) async throws -> Model {
        if parts.contains(where: { $0.utf8.contains(0) }) { throw QaskError.range("a path has a NUL in it") }
        return try await load(options, progress) { options, cancel, out, error in
            // Each with its NUL behind it.
            lend(parts.map { $0 + "\0" }) { paths, _, count in qask_model_load_splits(paths, count, options, cancel, out, error) }
        }
    }

    /// Loads a GGUF that lies inside an open file: `length` bytes from `offset` on; 0 is to the end. The descriptor stays the
    /// caller's, and may be closed once this returns. It is mapped when `offset` is a multiple of 32, otherwise read.
    public static func load(
        descriptor: Int32, offset: UInt64 = 0, length: UInt64 = 0, _ options: ModelOptions = ModelOptions(),
        progress: Progress? = nil
    ) async throws -> Model {
        try await load(options, progress) { options, cancel, out, error in
            qask_model_load_fd(descriptor, offset, length, options, cancel, out, error)
        }
    }

    private static func load(
        _ options: ModelOptions, _ progress: Progress?,
        _ call: @escaping @Sendable (OpaquePointer, OpaquePointer, Out, Out) throws -> qask_status
    ) async throws -> Model {
        try await cancellable { flag in
            let watch = progress.map { Watch($0, cancel: flag) }
            do {
                let model = try options.use { options in
                    try watch?.watch(options)
                    return Model(try flag.use { cancel in try made { try call(options, cancel, $0, $1) } })
                }
                // It may have thrown at the very end.
                if let thrown = watch?.thrown { throw thrown }
                return model
            } catch {
                throw watch?.thrown ?? error
            }
        }
    }
}

/// Tells the share, and ends the load when that throws.
private final class Watch: Sendable {
    private let progress: Progress
    private let cancel: CancelFlag
    private let failure = Locked<(any Error)?>(nil)

    init(_ progress: @escaping Progress, cancel: CancelFlag) { (self.progress, self.cancel) = (progress, cancel) }

    var thrown: (any Error)? { failure.with { $0 } }

    func watch(_ options: OpaquePointer) throws {
        let context = Unmanaged.passRetained(self).toOpaque()
        try check { qask_model_options_set_progress(options, tellShare, context, release, $0) }
    }

    func tell(_ share: Float) {
        if thrown != nil { return }
        do {
            try progress(share)
        } catch {
            failure.with { $0 = error }
            // The library must not be called from here.
            Workers.run { [cancel] in cancel.raise() }
        }
    }
}

private let tellShare: qask_progress_callback = { context, share in
    Unmanaged<Watch>.fromOpaque(context!).takeUnretainedValue().tell(share)
}
