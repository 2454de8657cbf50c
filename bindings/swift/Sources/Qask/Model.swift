// Weights, vocabulary and chat template.
import CQask
import Foundation

/// A model: weights, vocabulary, chat template. It never changes, and any task may use it. What is made of it keeps it in
/// memory; the memory goes with the last of them.
public final class Model: ModelFacts {
    let handle: Handle

    init(_ object: OpaquePointer) { handle = Handle(object, qask_model_free) }

    public var architecture: String { handle.use { model in text { qask_model_architecture(model, $0) } ?? "" } }
    public var name: String { handle.use { model in text { qask_model_name(model, $0) } ?? "" } }
    public var quantization: String { handle.use { model in text { qask_model_quantization(model, $0) } ?? "" } }
    public var parameters: UInt64 { handle.use { qask_model_parameters($0) } }
    public var contextLength: Int { handle.use { Int(qask_model_context_length($0)) } }
    public var vocabularySize: Int { handle.use { Int(qask_model_vocabulary_size($0)) } }
    public var fileSize: UInt64 { handle.use { qask_model_file_size($0) } }
    public var chatTemplate: String { handle.use { model in text { qask_model_chat_template(model, $0) } ?? "" } }
    public var metadata: [String: String] {
        handle.use { model in
            Qask.metadata(
                count: qask_model_metadata_count(model), key: { qask_model_metadata_key_at(model, $0) },
                value: { qask_model_metadata(model, $0, $1) })
        }
    }

    /// The devices that hold its weights, with the bytes on each.
    public var devices: [String: UInt64] {
        handle.use { model in
            var found: [String: UInt64] = [:]
            var bytes: UInt64 = 0
            while let name = qask_model_device_at(model, found.count, &bytes) { found[String(cString: name)] = bytes }
            return found
        }
    }

    /// Layers that lie on a GPU.
    public var gpuLayers: Int { handle.use { Int(qask_model_gpu_layers($0)) } }

    /// The token that opens a text; nil where the model has none.
    public var bos: Token? { handle.use { Self.token(qask_model_bos($0)) } }

    /// The token that ends a text; nil where the model has none.
    public var eos: Token? { handle.use { Self.token(qask_model_eos($0)) } }

    /// The token that ends a turn; nil where the model has none.
    public var eot: Token? { handle.use { Self.token(qask_model_eot($0)) } }

    private static func token(_ number: Token) -> Token? { number < 0 ? nil : number }

    /// Whether it can fill in what stands between two texts.
    public var supportsInfill: Bool { handle.use { qask_model_supports_infill($0) } }

    /// Whether a token ends an answer.
    public func endsGeneration(_ token: Token) -> Bool { handle.use { qask_model_is_eog($0, token) } }

    /// The tokens of a text. `addSpecial` adds what the model wants around it; `parseSpecial` turns texts of special tokens into
    /// those tokens: leave it false for text from outside. It computes on the thread of the caller: long texts take a moment.
    ///
    /// Throws ``QaskError/tooLong(_:)``.
    public func tokenize(_ text: String, addSpecial: Bool = false, parseSpecial: Bool = false) throws -> [Token] {
        try handle.use { model in
            try lend(text) { data, length in
                func fill(_ tokens: UnsafeMutablePointer<Token>?, _ capacity: Int) throws -> Int {
                    var count = 0
                    try check {
                        qask_model_tokenize(model, data, length, addSpecial, parseSpecial, tokens, capacity, &count, $0)
                    }
                    return count
                }
                let count = try fill(nil, 0)
                if count == 0 { return [] }
                return try [Token](unsafeUninitializedCapacity: count) { buffer, filled in
                    filled = try fill(buffer.baseAddress, count)
                }
            }
        }
    }

    /// The text of tokens; control tokens only have one with `renderSpecial`. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// Throws ``QaskError/range(_:)`` for a token outside of the vocabulary.
    public func detokenize(_ tokens: [Token], renderSpecial: Bool = false) throws -> String {
        try handle.use { model in
            try madeText { qask_model_detokenize(model, tokens, tokens.count, renderSpecial, $0, $1) }
        }
    }

    /// The prompt that the model's template makes of a request.
    ///
    /// Throws ``QaskError/template(_:)``, and what is wrong with the request.
    public func render(_ request: Request) throws -> String {
        try handle.use { model in
            try request.use { request in try madeText { qask_model_render(model, request, $0, $1) } }
        }
    }
}

// What is made of a model.
extension Model {
    /// Starts an engine over the model.
    ///
    /// Throws ``QaskError/range(_:)``, ``QaskError/unsupported(_:)`` (the model does not generate text),
    /// ``QaskError/tooLarge(_:)``, ``QaskError/outOfMemory(_:)``.
    public func engine(_ options: EngineOptions = EngineOptions()) async throws -> Engine {
        try await onThread { [self] in
            try handle.use { model in
                try options.use { options in Engine(try made { qask_engine_new(model, options, $0, $1) }, over: self) }
            }
        }
    }

    /// ``engine(_:)-swift.method`` with options that are set here: `model.engine { $0.contextTokens = 8192 }`.
    public func engine(
        isolation: isolated (any Actor)? = #isolation, _ set: (inout EngineOptions) throws -> Void
    ) async throws -> Engine {
        try await engine(try EngineOptions(set))
    }

    /// Starts an embedder over the model.
    ///
    /// Throws ``QaskError/range(_:)``, ``QaskError/unsupported(_:)`` (it gives no vectors), ``QaskError/tooLarge(_:)``,
    /// ``QaskError/outOfMemory(_:)``.
    public func embedder(_ options: EmbedderOptions = EmbedderOptions()) async throws -> Embedder {
        try await onThread { [self] in
            try handle.use { model in
                try options.use { options in Embedder(try made { qask_embedder_new(model, options, $0, $1) }) }
            }
        }
    }

    /// Starts an embedder with options that are set here.
    public func embedder(
        isolation: isolated (any Actor)? = #isolation, _ set: (inout EmbedderOptions) throws -> Void
    ) async throws -> Embedder {
        try await embedder(try EmbedderOptions(set))
    }

    /// Starts a scorer over the model.
    ///
    /// Throws ``QaskError/range(_:)``, ``QaskError/unsupported(_:)`` (it does not generate text),
    /// ``QaskError/outOfMemory(_:)``.
    public func scorer(_ options: ScorerOptions = ScorerOptions()) async throws -> Scorer {
        try await onThread { [self] in
            try handle.use { model in
                try options.use { options in Scorer(try made { qask_scorer_new(model, options, $0, $1) }) }
            }
        }
    }

    /// Loads a LoRA or a control vector for the model.
    ///
    /// Throws ``QaskError/notFound(_:)``, ``QaskError/io(_:)``, ``QaskError/invalid(_:)`` (damaged, or for another model),
    /// ``QaskError/outOfMemory(_:)``.
    public func adapter(_ path: String) async throws -> Adapter {
        try await onThread { [self] in
            try handle.use { model in
                try lendName(path) { path in Adapter(try made { qask_adapter_load(model, path, $0, $1) }) }
            }
        }
    }

    /// How much memory an engine over this model would take, the model's own included.
    public func plan(_ options: EngineOptions = EngineOptions()) async throws -> Plan {
        try await onThread { [self] in
            try handle.use { model in
                try options.use { options in Plan(try made { qask_engine_plan(model, options, $0, $1) }) }
            }
        }
    }

    /// How much memory an embedder over this model would take, the model's own included.
    public func plan(_ options: EmbedderOptions) async throws -> Plan {
        try await onThread { [self] in
            try handle.use { model in
                try options.use { options in Plan(try made { qask_embedder_plan(model, options, $0, $1) }) }
            }
        }
    }
}
