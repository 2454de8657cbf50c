// How to set up an engine.
import CQask

/// How to set up an engine. What is nil has its default.
public struct EngineOptions: Sendable {
    /// Tokens that one sequence may hold, prompt and answer together: 2 to the trained length. Default: 4,096, or the trained
    /// length where that is less.
    public var contextTokens: Int?

    /// Tokens that the whole KV cache holds, shared by all sequences and cached prefixes: at least `contextTokens`. Default:
    /// twice `contextTokens`.
    public var kvTokens: Int?

    /// Sequences that are computed at once: 1 to 128. Default 8.
    public var maxSequences: Int?

    /// Answers that may wait: 1 to 1,000,000; more are refused with ``QaskError/queueFull(_:)``. Default 1,024.
    public var maxQueue: Int?

    /// Tokens that one step evaluates at most: 32 to 65,536. Default 512.
    public var batch: Int?

    /// Tokens that one micro-batch evaluates at most: 1 to `batch`. Default 512.
    public var microBatch: Int?

    /// Threads that decode, at most: 1 to 512. Default: the physical (or performance) cores.
    public var threads: Int?

    /// Threads that evaluate prompts, at most: 1 to 512. Default: as `threads`.
    public var batchThreads: Int?

    /// Whether fewer threads compute while other programs need the cores. Default true.
    public var adaptThreads: Bool?

    /// Format of the keys in the KV cache. Default ``CacheType/f16``.
    public var keyCache: CacheType?

    /// Format of the values in the KV cache; others than ``CacheType/f16`` need flash attention. Default ``CacheType/f16``.
    public var valueCache: CacheType?

    /// Flash attention. Default ``FlashAttention/auto``.
    public var flashAttention: FlashAttention?

    /// One KV pool for all sequences, so that they share prefixes. When false each of `maxSequences` has `contextTokens` tokens
    /// of its own. Default true.
    public var unifiedKV: Bool?

    /// While other streams run, a step takes prompt tokens for at most about this long: 1 ms to 60 s. Default 150 ms.
    public var maxStep: Duration?

    /// Keep evaluated prefixes for later requests. Default true.
    public var prefixCache: Bool?

    /// One request at a time on an empty cache, in fixed chunks: the same seed gives the same text on one build, CPU and thread
    /// count. Default false.
    public var deterministic: Bool?

    /// Keep the KV cache on the GPU, where layers are. Default true.
    public var offloadKV: Bool?

    /// Bytes that the engine and its model may take, together and on all devices; an engine that would take more (see ``Plan``)
    /// is refused with ``QaskError/tooLarge(_:)``. 0: no limit, the default.
    public var memoryBudget: UInt64?

    /// A folder that keeps long prompt prefixes for later processes. Default: none.
    public var prefixCacheDirectory: PrefixCacheDirectory?

    /// Run the engine in a process of its own, so that nothing that goes wrong in llama.cpp can end this one: its streams then
    /// end with ``QaskError/engineFault(_:)``, and the next request starts another process. Not on iOS
    /// (``QaskError/unsupported(_:)``). Default false.
    public var isolated: Bool?

    /// The program that runs an isolated engine. Default: what the environment names in `QASK_WORKER`, else `qask-worker`
    /// beside the library or the running program.
    public var worker: String?

    /// Options with every default.
    public init() {}

    /// Options that are set here: `EngineOptions { $0.contextTokens = 8192 }`.
    public init(_ set: (inout EngineOptions) throws -> Void) rethrows { try set(&self) }
}

/// A folder that keeps long prompt prefixes for later processes. It is made when there is none, and may be shared by engines,
/// models and processes. Prefixes are kept when two prompts begin alike and then part, or are the same. What the files hold can
/// be read by whoever can read them.
public struct PrefixCacheDirectory: Sendable {
    /// The folder.
    public var path: String

    /// What all files together may take; what was used longest ago goes when they would take more.
    public var bytes: UInt64

    /// A folder and its limit.
    public init(path: String, bytes: UInt64) { (self.path, self.bytes) = (path, bytes) }
}

extension EngineOptions: LibraryOptions {
    static func new(_ object: Out?, _ error: Out?) -> qask_status { qask_engine_options_new(object, error) }
    static func free(_ object: OpaquePointer?) { qask_engine_options_free(object) }

    func apply(to object: Setter) throws {
        try object.set("contextTokens", contextTokens, qask_engine_options_set_n_ctx)
        try object.set("kvTokens", kvTokens, qask_engine_options_set_kv_tokens)
        try object.set("maxSequences", maxSequences, qask_engine_options_set_max_sequences)
        try object.set("maxQueue", maxQueue, qask_engine_options_set_max_queue)
        try object.set("batch", batch, qask_engine_options_set_n_batch)
        try object.set("microBatch", microBatch, qask_engine_options_set_n_ubatch)
        try object.set("threads", threads, qask_engine_options_set_threads)
        try object.set("batchThreads", batchThreads, qask_engine_options_set_threads_batch)
        try object.set("adaptThreads", adaptThreads, qask_engine_options_set_adapt_threads)
        try object.set("keyCache", keyCache, qask_engine_options_set_cache_type_k)
        try object.set("valueCache", valueCache, qask_engine_options_set_cache_type_v)
        try object.set("flashAttention", flashAttention, qask_engine_options_set_flash_attention)
        try object.set("unifiedKV", unifiedKV, qask_engine_options_set_unified_kv)
        try object.set("maxStep", maxStep, qask_engine_options_set_max_step_ms)
        try object.set("prefixCache", prefixCache, qask_engine_options_set_prefix_cache)
        try object.set("deterministic", deterministic, qask_engine_options_set_deterministic)
        try object.set("offloadKV", offloadKV, qask_engine_options_set_offload_kv)
        try object.set("memoryBudget", memoryBudget, qask_engine_options_set_memory_budget)
        try object.set("isolated", isolated, qask_engine_options_set_isolated)
        if let worker {
            try lendName(worker) { path in try object.set("worker", path, qask_engine_options_set_worker) }
        }
        if let folder = prefixCacheDirectory {
            try lendName(folder.path) { path in
                try object.set("prefixCacheDirectory", folder.bytes) { qask_engine_options_set_prefix_cache_dir($0, path, $1, $2) }
            }
        }
    }
}
