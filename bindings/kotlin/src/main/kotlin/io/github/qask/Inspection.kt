// A model file, without loading it.
package io.github.qask

/** What a model file says of itself, read and checked without loading it. */
class Inspection private constructor(handle: Long) : Owned("inspection", handle, Raw::inspectionFree), ModelFacts {
    override val architecture: String get() = call { Raw.inspectionArchitecture(it).orEmpty() }
    override val modelName: String get() = call { Raw.inspectionName(it).orEmpty() }
    override val quantization: String get() = call { Raw.inspectionQuantization(it).orEmpty() }
    override val parameters: Long get() = call { Raw.inspectionParameters(it) }
    override val contextLength: Int get() = call { Raw.inspectionContextLength(it).toInt() }
    override val vocabularySize: Int get() = call { Raw.inspectionVocabularySize(it).toInt() }
    override val fileSize: Long get() = call { Raw.inspectionFileSize(it) }
    override val chatTemplate: String get() = call { Raw.inspectionChatTemplate(it).orEmpty() }
    override val metadata: Map<String, String>
        get() = call { h ->
            metadata(Raw.inspectionMetadataCount(h), { Raw.inspectionMetadataKeyAt(h, it) }, { Raw.inspectionMetadata(h, it) })
        }

    /** How to get one. */
    companion object {
        /** Reads a GGUF file or, by any of its parts, a split model. */
        suspend fun of(path: String): Inspection = off { ofBlocking(path) }

        /** [of] for threads. */
        @JvmStatic
        fun ofBlocking(path: String): Inspection = Inspection(Raw.modelInspect(path))
    }
}
