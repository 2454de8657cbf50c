// A model file, without loading it.
import CQask

/// What a model file says of itself, read and checked without loading it.
public final class Inspection: ModelFacts {
    private let handle: Handle

    private init(_ object: OpaquePointer) { handle = Handle(object, qask_inspection_free) }

    /// Reads a GGUF file or, by any of its parts, a split model.
    ///
    /// Throws ``QaskError/notFound(_:)``, ``QaskError/io(_:)``, ``QaskError/invalid(_:)``,
    /// ``QaskError/unsupportedArchitecture(_:)``, ``QaskError/tooLarge(_:)``.
    public static func of(_ path: String) async throws -> Inspection {
        try await onThread {
            try lendName(path) { path in Inspection(try made { qask_model_inspect(path, $0, $1) }) }
        }
    }

    public var architecture: String { handle.use { file in text { qask_inspection_architecture(file, $0) } ?? "" } }
    public var name: String { handle.use { file in text { qask_inspection_name(file, $0) } ?? "" } }
    public var quantization: String { handle.use { file in text { qask_inspection_quantization(file, $0) } ?? "" } }
    public var parameters: UInt64 { handle.use { qask_inspection_parameters($0) } }
    public var contextLength: Int { handle.use { Int(qask_inspection_context_length($0)) } }
    public var vocabularySize: Int { handle.use { Int(qask_inspection_vocabulary_size($0)) } }
    public var fileSize: UInt64 { handle.use { qask_inspection_file_size($0) } }
    public var chatTemplate: String { handle.use { file in text { qask_inspection_chat_template(file, $0) } ?? "" } }
    public var metadata: [String: String] {
        handle.use { file in
            Qask.metadata(
                count: qask_inspection_metadata_count(file), key: { qask_inspection_metadata_key_at(file, $0) },
                value: { qask_inspection_metadata(file, $0, $1) })
        }
    }
}
