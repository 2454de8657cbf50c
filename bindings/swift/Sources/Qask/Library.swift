// The library as a whole.
import CQask

/// The library as a whole.
public enum Library {
    /// The library's version and the kernels that it chose for this CPU, such as "0.1.0+cpu.v3".
    public static var version: String { String(cString: qask_version()) }

    /// Whether this build can do something: "cuda", "metal", "vulkan", "rocm", "opencl", "native".
    public static func supports(_ feature: String) -> Bool { feature.withCString { qask_supports($0) } }

    /// How many objects of the library there are in this process: 0 when everything was let go of.
    public static var liveHandles: Int { qask_live_handles() }

    /// Sends the library's log, from a level on, to `sink`, in the place of the one before; nil ends it. It is called on one
    /// thread of the library with the level, who wrote the line ("qask", or "engine" for llama.cpp) and the line. Lines never
    /// hold prompts or answers.
    ///
    /// Throws ``QaskError/busy(_:)`` when it is called by a sink.
    public static func log(_ level: LogLevel, to sink: (@Sendable (LogLevel, String, String) -> Void)?) throws {
        guard let sink else {
            try check { qask_log_set(QASK_LOG_OFF, nil, nil, nil, $0) }
            return
        }
        let context = Unmanaged.passRetained(LogSink(sink)).toOpaque()
        try check { qask_log_set(level.rawValue, tellLine, context, release, $0) }
    }

    /// Whether the library that is loaded has what the header says.
    static let matches: Result<Void, QaskError> = {
        let (has, needs) = (qask_abi_version(), UInt32(QASK_ABI_VERSION))
        if has >= needs { return .success(()) }
        return .failure(.unsupported("the library has interface \(has), this binding needs \(needs): take a newer library"))
    }()
}

private final class LogSink: Sendable {
    let call: @Sendable (LogLevel, String, String) -> Void
    init(_ call: @escaping @Sendable (LogLevel, String, String) -> Void) { self.call = call }
}

private let tellLine: qask_log_callback = { context, level, target, message, length in
    let line = text {
        $0.pointee = length
        return message
    }
    let sink = Unmanaged<LogSink>.fromOpaque(context!).takeUnretainedValue()
    sink.call(LogLevel(rawValue: level) ?? .debug, target.map { String(cString: $0) } ?? "", line ?? "")
}

/// Lets go of what a callback was given: `destroy` of the header.
let release: qask_destroy_callback = { Unmanaged<AnyObject>.fromOpaque($0!).release() }
