// What can go wrong: a case for each code of the header.
import CQask
import Foundation

/// What the library found wrong. The message says what, where, and what to do; it never holds a prompt or an answer.
///
/// Catch a case, `catch QaskError.contextFull`, or look at the ``group``. A task that is cancelled gets Swift's
/// `CancellationError` instead.
public enum QaskError: Error, Sendable, Equatable {
    /// A required argument was missing.
    case null(String)
    /// Text was not valid UTF-8. Swift's texts always are.
    case utf8(String)
    /// A value is outside what is allowed.
    case range(String)
    /// The object is gone.
    case handle(String)
    /// The object is in use: an answer is being made, or another thread uses it.
    case busy(String)
    /// The object was closed.
    case closed(String)
    /// The process forked after the library was used.
    case forked(String)
    /// JSON that does not parse, or does not describe what was expected.
    case json(String)
    /// No such file.
    case notFound(String)
    /// The file is not a model that can be used.
    case invalid(String)
    /// A model of an architecture that the engine does not know.
    case unsupportedArchitecture(String)
    /// It does not fit into memory, or into the budget.
    case tooLarge(String)
    /// The chat template is missing, does not compile, or failed.
    case template(String)
    /// The prompt does not fit into the context.
    case contextFull(String)
    /// The grammar, schema or regular expression is not usable.
    case grammar(String)
    /// A text is longer than what can be processed, or an answer ended before it was complete.
    case tooLong(String)
    /// An image or a sound cannot be decoded.
    case media(String)
    /// Cancelled by something other than the task that asked.
    case cancelled(String)
    /// The deadline passed.
    case deadline(String)
    /// The engine's queue is full.
    case queueFull(String)
    /// Reading or writing failed.
    case io(String)
    /// Saved state that is damaged.
    case stateInvalid(String)
    /// Saved state of another model or another build.
    case stateMismatch(String)
    /// A checksum does not match.
    case checksum(String)
    /// A download failed.
    case network(String)
    /// A bug in qask.
    case panic(String)
    /// llama.cpp failed inside: the engine is lost, the process and other engines are not.
    case engineFault(String)
    /// This build or this machine cannot do it.
    case unsupported(String)
    /// Memory could not be allocated.
    case outOfMemory(String)
    /// A code that this binding does not know: treat it by its ``group``.
    case other(code: Int, message: String)

    /// The hundreds of the codes.
    public enum Group: Sendable {
        /// The 100s: the call was wrong.
        case argument
        /// The 200s: the model cannot be used.
        case model
        /// The 300s: the answer failed.
        case generation
        /// The 400s: files and saved state.
        case state
        /// The 900s, and what is not known: something inside failed, or is not there.
        case `internal`
    }

    /// The code, as in the header. Codes are never renumbered.
    public var code: Int { parts.code }

    /// What was wrong, where, and what to do.
    public var message: String { parts.message }

    /// The code's name in the header, such as "QASK_ERR_BUSY".
    public var codeName: String { String(cString: qask_status_name(qask_status(truncatingIfNeeded: code))) }

    /// The group that the code belongs to.
    public var group: Group {
        switch code / 100 {
        case 1: .argument
        case 2: .model
        case 3: .generation
        case 4: .state
        default: .internal
        }
    }

    /// The only place where cases and codes meet.
    private var parts: (code: Int, message: String) {
        let (code, message): (Int32, String) =
            switch self {
            case .null(let message): (QASK_ERR_NULL, message)
            case .utf8(let message): (QASK_ERR_UTF8, message)
            case .range(let message): (QASK_ERR_RANGE, message)
            case .handle(let message): (QASK_ERR_HANDLE, message)
            case .busy(let message): (QASK_ERR_BUSY, message)
            case .closed(let message): (QASK_ERR_CLOSED, message)
            case .forked(let message): (QASK_ERR_FORKED, message)
            case .json(let message): (QASK_ERR_JSON, message)
            case .notFound(let message): (QASK_ERR_NOT_FOUND, message)
            case .invalid(let message): (QASK_ERR_INVALID, message)
            case .unsupportedArchitecture(let message): (QASK_ERR_UNSUPPORTED_ARCH, message)
            case .tooLarge(let message): (QASK_ERR_TOO_LARGE, message)
            case .template(let message): (QASK_ERR_TEMPLATE, message)
            case .contextFull(let message): (QASK_ERR_CONTEXT_FULL, message)
            case .grammar(let message): (QASK_ERR_GRAMMAR, message)
            case .tooLong(let message): (QASK_ERR_TOO_LONG, message)
            case .media(let message): (QASK_ERR_MEDIA, message)
            case .cancelled(let message): (QASK_ERR_CANCELLED, message)
            case .deadline(let message): (QASK_ERR_DEADLINE, message)
            case .queueFull(let message): (QASK_ERR_QUEUE_FULL, message)
            case .io(let message): (QASK_ERR_IO, message)
            case .stateInvalid(let message): (QASK_ERR_STATE_INVALID, message)
            case .stateMismatch(let message): (QASK_ERR_STATE_MISMATCH, message)
            case .checksum(let message): (QASK_ERR_CHECKSUM, message)
            case .network(let message): (QASK_ERR_NETWORK, message)
            case .panic(let message): (QASK_ERR_PANIC, message)
            case .engineFault(let message): (QASK_ERR_ENGINE_FAULT, message)
            case .unsupported(let message): (QASK_ERR_UNSUPPORTED, message)
            case .outOfMemory(let message): (QASK_ERR_OUT_OF_MEMORY, message)
            case .other(let code, let message): (Int32(truncatingIfNeeded: code), message)
            }
        return (Int(code), message)
    }

    private static let known: [@Sendable (String) -> QaskError] = [
        { .null($0) }, { .utf8($0) }, { .range($0) }, { .handle($0) }, { .busy($0) }, { .closed($0) }, { .forked($0) },
        { .json($0) }, { .notFound($0) }, { .invalid($0) }, { .unsupportedArchitecture($0) }, { .tooLarge($0) },
        { .template($0) }, { .contextFull($0) }, { .grammar($0) }, { .tooLong($0) }, { .media($0) }, { .cancelled($0) },
        { .deadline($0) }, { .queueFull($0) }, { .io($0) }, { .stateInvalid($0) }, { .stateMismatch($0) },
        { .checksum($0) }, { .network($0) }, { .panic($0) }, { .engineFault($0) }, { .unsupported($0) },
        { .outOfMemory($0) },
    ]

    /// The error of a code.
    init(code: Int, message: String) {
        let found = Self.known.lazy.map { $0(message) }.first { $0.code == code }
        self = found ?? .other(code: code, message: message)
    }

    /// The error that a call gave, which is freed.
    init(taking error: OpaquePointer?, of status: qask_status) {
        defer { qask_error_free(error) }
        self.init(code: Int(status), message: text { qask_error_message(error, $0) } ?? "")
    }
}

extension QaskError: LocalizedError, CustomStringConvertible {
    /// The message.
    public var errorDescription: String? { message }

    /// The message with the code's name.
    public var description: String { "\(message) [\(codeName)]" }
}
