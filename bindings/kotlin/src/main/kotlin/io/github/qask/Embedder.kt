// Texts as vectors, and scores of documents.
package io.github.qask

/**
 * Turns texts into vectors, or a query and documents into scores: one thread of the library computes the texts of all calls
 * together. Any thread may use it. Cancelling a coroutine ends its call.
 */
class Embedder internal constructor(handle: Long) : Owned("embedder", handle, Raw::embedderFree) {
    /** How many numbers a vector has. */
    val dimensions: Int get() = call { Raw.embedderDimensions(it).toInt() }

    /** How the vectors of a text's tokens become one. */
    val pooling: Pooling get() = call { value -> Pooling.entries.first { it.value == Raw.embedderPooling(value) } }

    /** Tokens that a text may have. */
    val maxTokens: Int get() = call { Raw.embedderMaxTokens(it).toInt() }

    /** How many tokens a text has as an input, before any truncation. */
    @JvmOverloads
    fun countTokens(text: String, purpose: Purpose = Purpose.PLAIN): Int =
        call { Raw.embedderCountTokens(it, text, purpose.value).toInt() }

    /** A vector for each text. */
    suspend fun embed(texts: List<String>, purpose: Purpose = Purpose.PLAIN): List<FloatArray> =
        cancellable { embed(texts, purpose, it) }

    /** A text's vector. */
    suspend fun embed(text: String, purpose: Purpose = Purpose.PLAIN): FloatArray = embed(listOf(text), purpose).single()

    /** [embed] for threads. */
    @JvmOverloads
    fun embedBlocking(texts: List<String>, purpose: Purpose = Purpose.PLAIN): List<FloatArray> = embed(texts, purpose, null)

    private fun embed(texts: List<String>, purpose: Purpose, cancel: CancelFlag?) = call {
        val out = FloatArray(texts.size * dimensions)
        Raw.embedderEmbed(it, texts.toTypedArray(), purpose.value, cancel?.current() ?: 0, out)
        rows(out, texts.size)
    }

    /** A vector for each token of a text, with [Pooling.NONE]. */
    suspend fun embedTokens(text: String, purpose: Purpose = Purpose.PLAIN): List<FloatArray> =
        cancellable { embedTokens(text, purpose, it) }

    /** [embedTokens] for threads. */
    @JvmOverloads
    fun embedTokensBlocking(text: String, purpose: Purpose = Purpose.PLAIN): List<FloatArray> = embedTokens(text, purpose, null)

    private fun embedTokens(text: String, purpose: Purpose, cancel: CancelFlag?) = call {
        val out = FloatArray(minOf(countTokens(text, purpose), maxTokens) * dimensions)
        rows(out, Raw.embedderEmbedTokens(it, text, purpose.value, cancel?.current() ?: 0, out).toInt())
    }

    private fun rows(numbers: FloatArray, count: Int): List<FloatArray> {
        val width = dimensions
        return List(count) { numbers.copyOfRange(it * width, (it + 1) * width) }
    }

    /** How well each document answers a query, the higher the better, with [Pooling.RANK]. */
    suspend fun rerank(query: String, documents: List<String>): FloatArray = cancellable { rerank(query, documents, it) }

    /** [rerank] for threads. */
    fun rerankBlocking(query: String, documents: List<String>): FloatArray = rerank(query, documents, null)

    private fun rerank(query: String, documents: List<String>, cancel: CancelFlag?) = call {
        val out = FloatArray(documents.size)
        Raw.embedderRerank(it, query, documents.toTypedArray(), cancel?.current() ?: 0, out)
        out
    }

    /** Takes no more calls, ends those that wait with [QaskException.Closed], and waits until the memory is free. */
    suspend fun shutdown() {
        patient { millis -> call { Raw.embedderClose(it, millis) } != Raw.TIMEOUT }
        close()
    }
}
