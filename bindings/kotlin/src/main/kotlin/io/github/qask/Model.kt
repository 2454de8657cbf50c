// Weights, vocabulary and chat template.
package io.github.qask

/**
 * A model: weights, vocabulary, chat template. It never changes, and any thread may use it. What is made of it keeps it in
 * memory, so that it may be closed before that.
 */
class Model private constructor(handle: Long) : Owned("model", handle, Raw::modelFree), ModelFacts {
    override val architecture: String get() = call { Raw.modelArchitecture(it).orEmpty() }
    override val modelName: String get() = call { Raw.modelName(it).orEmpty() }
    override val quantization: String get() = call { Raw.modelQuantization(it).orEmpty() }
    override val parameters: Long get() = call { Raw.modelParameters(it) }
    override val contextLength: Int get() = call { Raw.modelContextLength(it).toInt() }
    override val vocabularySize: Int get() = call { Raw.modelVocabularySize(it).toInt() }
    override val fileSize: Long get() = call { Raw.modelFileSize(it) }
    override val chatTemplate: String get() = call { Raw.modelChatTemplate(it).orEmpty() }
    override val metadata: Map<String, String>
        get() = call { h -> metadata(Raw.modelMetadataCount(h), { Raw.modelMetadataKeyAt(h, it) }, { Raw.modelMetadata(h, it) }) }

    /** The devices that hold its weights, with the bytes on each. */
    val devices: Map<String, Long>
        get() = call { h ->
            val bytes = LongArray(1)
            generateSequence(0L) { it + 1 }.map { Raw.modelDeviceAt(h, it, bytes)?.to(bytes[0]) }.takeWhile { it != null }
                .filterNotNull().toMap()
        }

    /** Layers that lie on a GPU. */
    val gpuLayers: Int get() = call { Raw.modelGpuLayers(it).toInt() }

    /** The token that opens a text; -1 where the model has none. */
    val bos: Int get() = call { Raw.modelBos(it) }

    /** The token that ends a text; -1 where the model has none. */
    val eos: Int get() = call { Raw.modelEos(it) }

    /** The token that ends a turn; -1 where the model has none. */
    val eot: Int get() = call { Raw.modelEot(it) }

    /** Whether it can fill in what stands between two texts. */
    val supportsInfill: Boolean get() = call { Raw.modelSupportsInfill(it) }

    /** Whether a token ends an answer. */
    fun endsGeneration(token: Int): Boolean = call { Raw.modelIsEog(it, token) }

    /**
     * The tokens of a text. `addSpecial` adds what the model wants around it; `parseSpecial` turns texts of special tokens
     * into those tokens: leave it false for text from outside. Long texts take a moment: not on the main thread.
     */
    @JvmOverloads
    fun tokenize(text: String, addSpecial: Boolean = false, parseSpecial: Boolean = false): IntArray = call {
        val tokens = IntArray(Raw.modelTokenize(it, text, addSpecial, parseSpecial, null).toInt())
        if (tokens.isNotEmpty()) Raw.modelTokenize(it, text, addSpecial, parseSpecial, tokens)
        tokens
    }

    /** The text of tokens; control tokens only have one with `renderSpecial`. */
    @JvmOverloads
    fun detokenize(tokens: IntArray, renderSpecial: Boolean = false): String =
        call { Raw.modelDetokenize(it, tokens, renderSpecial) }

    /** The prompt that the model's template makes of a request. */
    fun render(request: Request): String = request.use { r -> call { Raw.modelRender(it, r) } }

    /** Starts an engine over the model. */
    suspend fun engine(options: EngineOptions = EngineOptions()): Engine = off { engineBlocking(options) }

    /** [engine] with options made here. */
    suspend inline fun engine(options: EngineOptions.() -> Unit): Engine = engine(EngineOptions().apply(options))

    /** [engine] for threads. */
    @JvmOverloads
    fun engineBlocking(options: EngineOptions = EngineOptions()): Engine =
        Engine(options.use { o -> call { Raw.engineNew(it, o) } }, this)

    /** Starts an embedder over the model. */
    suspend fun embedder(options: EmbedderOptions = EmbedderOptions()): Embedder = off { embedderBlocking(options) }

    /** [embedder] with options made here. */
    suspend inline fun embedder(options: EmbedderOptions.() -> Unit): Embedder = embedder(EmbedderOptions().apply(options))

    /** [embedder] for threads. */
    @JvmOverloads
    fun embedderBlocking(options: EmbedderOptions = EmbedderOptions()): Embedder =
        Embedder(options.use { o -> call { Raw.embedderNew(it, o) } })

    /** Starts a scorer over the model. */
    suspend fun scorer(options: ScorerOptions = ScorerOptions()): Scorer = off { scorerBlocking(options) }

    /** [scorer] with options made here. */
    suspend inline fun scorer(options: ScorerOptions.() -> Unit): Scorer = scorer(ScorerOptions().apply(options))

    /** [scorer] for threads. */
    @JvmOverloads
    fun scorerBlocking(options: ScorerOptions = ScorerOptions()): Scorer =
        Scorer(options.use { o -> call { Raw.scorerNew(it, o) } })

    /** Loads a LoRA or a control vector for the model. */
    suspend fun adapter(path: String): Adapter = off { adapterBlocking(path) }

    /** [adapter] for threads. */
    fun adapterBlocking(path: String): Adapter = Adapter(call { Raw.adapterLoad(it, path) })

    /** How much memory an engine over this model would take, the model's own included. */
    suspend fun plan(options: EngineOptions = EngineOptions()): Plan = off { planBlocking(options) }

    /** [plan] for threads. */
    @JvmOverloads
    fun planBlocking(options: EngineOptions = EngineOptions()): Plan =
        Plan(options.use { o -> call { Raw.enginePlan(it, o) } })

    /** How much memory an embedder over this model would take, the model's own included. */
    suspend fun plan(options: EmbedderOptions): Plan = off { planBlocking(options) }

    /** [plan] for threads. */
    fun planBlocking(options: EmbedderOptions): Plan = Plan(options.use { o -> call { Raw.embedderPlan(it, o) } })

    /** How to get one. */
    companion object {
        /** Loads a GGUF file or, by any of its parts, a split model. Cancelling the coroutine ends the load. */
        suspend fun load(path: String, options: ModelOptions = ModelOptions(), progress: Progress? = null): Model =
            cancellable { load(options, progress, it) { o, c -> Raw.modelLoad(path, o, c) } }

        /** Loads a split model from its parts, in order. */
        suspend fun load(paths: List<String>, options: ModelOptions = ModelOptions(), progress: Progress? = null): Model =
            cancellable { load(options, progress, it) { o, c -> Raw.modelLoadSplits(paths.toTypedArray(), o, c) } }

        /**
         * Loads a GGUF that lies inside an open file, such as an asset of an Android package: `length` bytes from `offset`
         * on; 0 = to the end. The descriptor stays the caller's, open or not once this returns. The model is mapped when
         * `offset` is a multiple of 32, otherwise read.
         */
        suspend fun load(
            descriptor: Int, offset: Long, length: Long, options: ModelOptions = ModelOptions(), progress: Progress? = null,
        ): Model = cancellable { load(options, progress, it) { o, c -> Raw.modelLoadFd(descriptor, offset, length, o, c) } }

        /** [load] for threads. */
        @JvmStatic
        @JvmOverloads
        fun loadBlocking(path: String, options: ModelOptions = ModelOptions(), progress: Progress? = null): Model =
            CancelFlag().use { load(options, progress, it) { o, c -> Raw.modelLoad(path, o, c) } }

        /** [load] for threads. */
        @JvmStatic
        @JvmOverloads
        fun loadBlocking(
            descriptor: Int, offset: Long, length: Long, options: ModelOptions = ModelOptions(), progress: Progress? = null,
        ): Model = CancelFlag().use { load(options, progress, it) { o, c -> Raw.modelLoadFd(descriptor, offset, length, o, c) } }

        private inline fun load(
            options: ModelOptions, progress: Progress?, cancel: CancelFlag, how: (Long, Long) -> Long,
        ): Model {
            val callback = progress?.let { Progressing(it, cancel) }
            try {
                return Model(
                    options.use { o ->
                        if (callback != null) Raw.modelOptionsSetProgress(o, callback)
                        how(o, cancel.current())
                    },
                )
            } finally {
                callback?.thrown?.let { throw it }
            }
        }
    }
}
