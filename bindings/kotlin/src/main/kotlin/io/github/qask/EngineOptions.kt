// How to set up an engine.
package io.github.qask

/** How to set up an engine. What is not set has its default. One owner at a time. */
class EngineOptions : Settings() {
    /**
     * Tokens that one sequence may hold, prompt and answer together: 2 to the trained length. Default: 4,096, or the
     * trained length where that is less.
     */
    var contextTokens: Int? by count(Raw::engineOptionsSetNCtx)

    /**
     * Tokens that the whole KV cache holds, shared by all sequences and cached prefixes: at least `contextTokens`. Default:
     * twice `contextTokens`.
     */
    var kvTokens: Int? by count(Raw::engineOptionsSetKvTokens)

    /** Sequences that are computed at once: 1 to 128. Default 8. */
    var maxSequences: Int? by count(Raw::engineOptionsSetMaxSequences)

    /** Answers that may wait: 1 to 1,000,000; more are refused with [QaskException.QueueFull]. Default 1,024. */
    var maxQueue: Int? by count(Raw::engineOptionsSetMaxQueue)

    /** Tokens that one step evaluates at most: 32 to 65,536. Default 512. */
    var batch: Int? by count(Raw::engineOptionsSetNBatch)

    /** Tokens that one micro-batch evaluates at most: 1 to `batch`. Default 512. */
    var microBatch: Int? by count(Raw::engineOptionsSetNUbatch)

    /** Threads that decode: 1 to 512. Default: the physical (or performance) cores. */
    var threads: Int? by count(Raw::engineOptionsSetThreads)

    /** Threads that evaluate prompts: 1 to 512. Default: as `threads`. */
    var batchThreads: Int? by count(Raw::engineOptionsSetThreadsBatch)

    /** Whether fewer threads compute while other programs need the cores. Default true. */
    var adaptThreads: Boolean? by Setting(Raw::engineOptionsSetAdaptThreads)

    /** Format of the keys in the KV cache. Default F16. */
    var keyCache: CacheType? by Setting<CacheType> { to, it -> Raw.engineOptionsSetCacheTypeK(to, it.value) }

    /** Format of the values in the KV cache; others than F16 need flash attention. Default F16. */
    var valueCache: CacheType? by Setting<CacheType> { to, it -> Raw.engineOptionsSetCacheTypeV(to, it.value) }

    /** Flash attention. Default auto. */
    var flashAttention: FlashAttention? by Setting<FlashAttention> { to, it -> Raw.engineOptionsSetFlashAttention(to, it.value) }

    /**
     * One KV pool for all sequences, so that they share prefixes. When false each of `maxSequences` has `contextTokens` tokens
     * of its own. Default true.
     */
    var unifiedKv: Boolean? by Setting(Raw::engineOptionsSetUnifiedKv)

    /**
     * While other streams run, a step takes prompt tokens for at most about this long, in milliseconds: 1 to 60,000.
     * Default 150.
     */
    var maxStepMillis: Int? by count(Raw::engineOptionsSetMaxStepMs)

    /** Keep evaluated prefixes for later requests. Default true. */
    var prefixCache: Boolean? by Setting(Raw::engineOptionsSetPrefixCache)

    /**
     * One request at a time on an empty cache, in fixed chunks: the same seed gives the same text on one build, CPU
     * and thread count. Default false.
     */
    var deterministic: Boolean? by Setting(Raw::engineOptionsSetDeterministic)

    /** Keep the KV cache on the GPU, where layers are. Default true. */
    var offloadKv: Boolean? by Setting(Raw::engineOptionsSetOffloadKv)

    /**
     * Bytes that the engine and its model may take, together and on all devices; an engine that would take more (see
     * [Plan]) is refused with [QaskException.TooLarge]. 0: no limit, the default.
     */
    var memoryBudget: Long? by Setting(Raw::engineOptionsSetMemoryBudget)

    /**
     * A folder that keeps long prompt prefixes for later processes; it is made when there is none, and may be shared by
     * engines, models and processes. Prefixes are kept when two prompts begin alike and then part, or are the same; what
     * was used longest ago goes when all files together would take more than `bytes`. What the files hold can be read by
     * whoever can read them. Default: no such folder.
     */
    fun prefixCacheDir(path: String, bytes: Long): EngineOptions =
        also { step("prefixCacheDir") { Raw.engineOptionsSetPrefixCacheDir(it, path, bytes) } }

    /**
     * Run the engine in a process of its own, so that nothing that goes wrong in llama.cpp can end this one: its streams then
     * end with [QaskException.EngineFault], and the next request starts another process. On Linux and macOS; elsewhere
     * [QaskException.Unsupported]. Default false.
     */
    var isolated: Boolean? by Setting(Raw::engineOptionsSetIsolated)

    /**
     * The program that runs an isolated engine. Default: what the environment names in `QASK_WORKER`, else `qask-worker` beside
     * the library or the running program.
     */
    fun worker(path: String): EngineOptions = also { step("worker") { Raw.engineOptionsSetWorker(it, path) } }
}
