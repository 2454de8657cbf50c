// How much memory it will take.
package io.github.qask

/** The memory that a model and an engine, or an embedder, over it will have taken when they were fully used. */
class Plan internal constructor(handle: Long) : Owned("plan", handle, Raw::planFree) {
    /** Bytes on all devices together: what the process's resident memory will have grown to. */
    val total: Long get() = call { Raw.planTotal(it) }

    /** Bytes of a part on all devices together. */
    fun bytes(part: MemoryPart): Long = call { Raw.planBytes(it, part.value) }

    /** Tokens that one sequence may hold; an input, where it is the plan of an embedder. */
    val contextTokens: Int get() = call { Raw.planNCtx(it).toInt() }

    /** Bytes of KV cache and recurrent state that one sequence fills when it is full. */
    val sequenceBytes: Long get() = call { Raw.planSequenceBytes(it) }

    /** The largest context, in steps of 256, with which the same engine fits into so many bytes; 0 when none does. */
    fun largestContext(budget: Long): Int = call { Raw.planLargestContext(it, budget).toInt() }

    /** Each device; the CPU is the first. */
    val devices: List<Device>
        get() = call { h ->
            List(Raw.planDeviceCount(h).toInt()) { i ->
                val bytes = MemoryPart.entries.associateWith { Raw.planDeviceBytesAt(h, i.toLong(), it.value) }
                Device(Raw.planDeviceNameAt(h, i.toLong()).orEmpty(), Raw.planDeviceIsGpuAt(h, i.toLong()), bytes)
            }
        }

    /** A device's share. */
    data class Device(
        /** Its short name, such as "CPU" or "CUDA0". */
        val name: String,
        /** Whether it is a GPU. */
        val isGpu: Boolean,
        /** The bytes of each part. */
        val bytes: Map<MemoryPart, Long>,
    )

    /** Plans over files that are not loaded: tens to hundreds of milliseconds. */
    companion object {
        /** Plans an engine. */
        suspend fun engine(
            path: String, model: ModelOptions = ModelOptions(), engine: EngineOptions = EngineOptions(),
        ): Plan = off { engineBlocking(path, model, engine) }

        /** [engine] for threads. */
        @JvmStatic
        @JvmOverloads
        fun engineBlocking(path: String, model: ModelOptions = ModelOptions(), engine: EngineOptions = EngineOptions()): Plan =
            Plan(model.use { m -> engine.use { Raw.modelPlan(path, m, it) } })

        /** Plans an embedder. */
        suspend fun embedder(
            path: String, model: ModelOptions = ModelOptions(), embedder: EmbedderOptions = EmbedderOptions(),
        ): Plan = off { embedderBlocking(path, model, embedder) }

        /** [embedder] for threads. */
        @JvmStatic
        @JvmOverloads
        fun embedderBlocking(
            path: String, model: ModelOptions = ModelOptions(), embedder: EmbedderOptions = EmbedderOptions(),
        ): Plan = Plan(model.use { m -> embedder.use { Raw.modelPlanEmbedder(path, m, it) } })
    }
}
