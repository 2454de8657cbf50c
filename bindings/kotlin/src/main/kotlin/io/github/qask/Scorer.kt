// How likely texts are.
package io.github.qask

/**
 * Says how likely texts are under a model: one thread of the library computes the texts of all calls together. Any thread may
 * use it. Cancelling a coroutine ends its call; to limit the time of a thread's, give it a deadline (-1: none).
 */
class Scorer internal constructor(handle: Long) : Owned("scorer", handle, Raw::scorerFree) {
    /** Tokens that a prompt and a continuation may have together. */
    val maxTokens: Int get() = call { Raw.scorerMaxTokens(it).toInt() }

    /** Scores continuations of one prompt. */
    suspend fun score(prompt: String, continuations: List<String>): Scores =
        cancellable { score(prompt, continuations, -1, it) }

    /** [score] for threads. */
    @JvmOverloads
    fun scoreBlocking(prompt: String, continuations: List<String>, deadlineMillis: Long = -1): Scores =
        score(prompt, continuations, deadlineMillis, null)

    private fun score(prompt: String, continuations: List<String>, deadlineMillis: Long, cancel: CancelFlag?): Scores {
        val scores = call {
            Raw.scorerScore(it, prompt, continuations.toTypedArray(), cancel?.current() ?: 0, deadlineMillis)
        }
        try {
            return Scores(scores)
        } finally {
            Raw.scoresFree(scores)
        }
    }

    /**
     * The perplexity of a text, in windows of `window` tokens (0: [maxTokens]), each beginning `stride` tokens (0: half a
     * window) behind the one before. The first `context` tokens of a window are read and not scored; 0: those that the
     * window before it has scored. `windows` limits how many there are; 0: all.
     */
    suspend fun perplexity(text: String, window: Int = 0, stride: Int = 0, context: Int = 0, windows: Int = 0): Perplexity =
        cancellable { perplexity(text, window, stride, context, windows, -1, it) }

    /** [perplexity] for threads. */
    @JvmOverloads
    fun perplexityBlocking(
        text: String, window: Int = 0, stride: Int = 0, context: Int = 0, windows: Int = 0, deadlineMillis: Long = -1,
    ): Perplexity = perplexity(text, window, stride, context, windows, deadlineMillis, null)

    private fun perplexity(
        text: String, window: Int, stride: Int, context: Int, windows: Int, deadlineMillis: Long, cancel: CancelFlag?,
    ): Perplexity {
        val (perplexity, error, tokens) = call {
            Raw.scorerPerplexity(
                it, text, window.toLong(), stride.toLong(), context.toLong(), windows.toLong(), cancel?.current() ?: 0,
                deadlineMillis,
            )
        }
        return Perplexity(perplexity, error, tokens.toLong())
    }

    /** Takes no more calls, ends those that wait with [QaskException.Closed], and waits until the memory is free. */
    suspend fun shutdown() {
        patient { millis -> call { Raw.scorerClose(it, millis) } != Raw.TIMEOUT }
        close()
    }
}

/** How likely the continuations of a prompt are. */
class Scores internal constructor(from: Long) {
    /** Each continuation's, in their order. */
    val all: List<Score> = List(Raw.scoresCount(from).toInt()) { Score(from, it.toLong()) }
    private val likeliest = Normalization.entries.associateWith { Raw.scoresLikeliest(from, it.value).toInt() }

    /** The place of the likeliest continuation, the first of equals; null where there is none. */
    @JvmOverloads
    fun likeliest(by: Normalization = Normalization.NONE): Int? = likeliest.getValue(by).takeIf { it in all.indices }
}

/** How likely one continuation is. */
class Score internal constructor(from: Long, index: Long) {
    /** Its tokens. */
    val tokens: IntArray = Raw.scoresTokens(from, index) ?: IntArray(0)

    /** Natural logarithm of the probability of each token, given all before it. */
    val logProbabilities: FloatArray = Raw.scoresLogProbabilities(from, index) ?: FloatArray(0)
    private val sums = Normalization.entries.associateWith { Raw.scoresLogProbability(from, index, it.value) }

    /** Natural logarithm of its probability, with its length taken out. */
    @JvmOverloads
    fun logProbability(by: Normalization = Normalization.NONE): Double = sums.getValue(by)
}

/** How likely a text is. */
data class Perplexity(
    /** `exp` of the mean of its tokens' negative log-probabilities. */
    val perplexity: Double,
    /** Of the perplexity. */
    val standardError: Double,
    /** How many tokens were scored. */
    val tokens: Long,
)
