// What a model says of itself.
package io.github.qask

/** What a model says of itself: of a loaded one ([Model]), and of a file ([Inspection]). */
interface ModelFacts {
    /** The architecture, such as "qwen2". */
    val architecture: String

    /** The model's own name; "" where it has none. */
    val modelName: String

    /** How the weights are stored, such as "Q4_K_M". */
    val quantization: String

    /** Number of weights. */
    val parameters: Long

    /** Tokens that the model was trained for. */
    val contextLength: Int

    /** Tokens in the vocabulary. */
    val vocabularySize: Int

    /** Bytes of the file, or of all parts together. */
    val fileSize: Long

    /** The model's own chat template (Jinja); "" where it has none. */
    val chatTemplate: String

    /** Every metadata key with its value as text (numbers are printed, arrays abridged). */
    val metadata: Map<String, String>
}

internal fun metadata(count: Long, keyAt: (Long) -> String?, value: (String) -> String?): Map<String, String> =
    (0 until count).mapNotNull(keyAt).associateWith { value(it).orEmpty() }
