// How much memory it will take.
import CQask

/// The memory that a model and an engine, or an embedder, over it will have taken when they were fully used. Any task may use
/// it.
public final class Plan: Sendable {
    private let handle: Handle

    init(_ object: OpaquePointer) { handle = Handle(object, qask_plan_free) }

    /// Plans an engine over a file that is not loaded: tens to hundreds of milliseconds.
    public static func engine(
        _ path: String, model: ModelOptions = ModelOptions(), engine: EngineOptions = EngineOptions()
    ) async throws -> Plan {
        try await onThread {
            try lendName(path) { path in
                try model.use { model in
                    try engine.use { engine in Plan(try made { qask_model_plan(path, model, engine, $0, $1) }) }
                }
            }
        }
    }

    /// Plans an embedder over a file that is not loaded.
    public static func embedder(
        _ path: String, model: ModelOptions = ModelOptions(), embedder: EmbedderOptions = EmbedderOptions()
    ) async throws -> Plan {
        try await onThread {
            try lendName(path) { path in
                try model.use { model in
                    try embedder.use { options in Plan(try made { qask_model_plan_embedder(path, model, options, $0, $1) }) }
                }
            }
        }
    }

    /// Bytes on all devices together: what the process's resident memory will have grown to.
    public var total: UInt64 { handle.use { qask_plan_total($0) } }

    /// Bytes of a part on all devices together.
    public func bytes(_ part: MemoryPart) -> UInt64 { handle.use { qask_plan_bytes($0, part.rawValue) } }

    /// Tokens that one sequence may hold; an input, where it is the plan of an embedder.
    public var contextTokens: Int { handle.use { Int(qask_plan_n_ctx($0)) } }

    /// Bytes of KV cache and recurrent state that one sequence fills when it is full.
    public var sequenceBytes: UInt64 { handle.use { qask_plan_sequence_bytes($0) } }

    /// The largest context, in steps of 256, with which the same engine fits into so many bytes; 0 when none does.
    ///
    /// Throws ``QaskError/unsupported(_:)`` for the plan of an embedder.
    public func largestContext(budget: UInt64) throws -> Int {
        try handle.use { plan in
            var tokens: UInt32 = 0
            try check { qask_plan_largest_context(plan, budget, &tokens, $0) }
            return Int(tokens)
        }
    }

    /// Each device; the CPU is the first.
    public var devices: [Device] {
        handle.use { plan in
            (0..<qask_plan_device_count(plan)).map { place in
                let parts = MemoryPart.allCases.map { ($0, qask_plan_device_bytes_at(plan, place, $0.rawValue)) }
                return Device(
                    name: qask_plan_device_name_at(plan, place).map { String(cString: $0) } ?? "",
                    isGPU: qask_plan_device_is_gpu_at(plan, place), bytes: Dictionary(uniqueKeysWithValues: parts))
            }
        }
    }

    /// A device's share.
    public struct Device: Sendable {
        /// Its short name, such as "CPU" or "CUDA0".
        public let name: String
        /// Whether it is a GPU.
        public let isGPU: Bool
        /// The bytes of each part.
        public let bytes: [MemoryPart: UInt64]
    }
}
