// What happens on a stream.
package io.github.qask

/** Something that happened while an answer was made. */
sealed class Event {
    /** Which of the answers to one prompt it belongs to. */
    abstract val choice: Int

    /** New text. */
    class Text internal constructor(
        override val choice: Int,
        /** The text: whole characters. */
        val text: String,
        /** Its tokens, with [Request.returnTokens]. */
        val tokens: List<Int>,
        /** How likely they were, with [Request.topLogprobs]. */
        val logprobs: List<Logprob>,
    ) : Event() {
        override fun toString() = text
    }

    /** New thoughts, of a model that thinks before it answers. */
    class Reasoning internal constructor(
        override val choice: Int,
        /** The thoughts: whole characters. */
        val text: String,
    ) : Event()

    /** A part of a tool call that is on its way: a preview. */
    class ToolCallDelta internal constructor(
        override val choice: Int,
        /** The call; its arguments are what is new. */
        val call: io.github.qask.ToolCall,
    ) : Event()

    /** A complete tool call. */
    class ToolCall internal constructor(
        override val choice: Int,
        /** The call. */
        val call: io.github.qask.ToolCall,
    ) : Event()

    /** [Chat.run] called a function. */
    class ToolResult internal constructor(
        /** The call that it answers. */
        val call: io.github.qask.ToolCall,
        /** What the model is told. */
        val content: String,
        /** What the function threw; the model is told its message. */
        val error: Throwable?,
    ) : Event() {
        override val choice: Int get() = 0
    }

    /** The end of one answer. */
    class Done internal constructor(
        override val choice: Int,
        /** Why it ended. */
        val reason: FinishReason,
        /** The seed of its draws. */
        val seed: Long,
        /** What it took. */
        val usage: Usage,
        /** What failed, with [FinishReason.ERROR]. */
        val error: QaskException?,
    ) : Event()
}

/** How likely a token was. */
class Logprob internal constructor(
    /** The token. */
    val token: Int,
    /** Natural logarithm of its probability. */
    val logprob: Float,
    /** The likeliest at its place. */
    val top: List<Logprob>,
)

/** What an answer took. */
class Usage internal constructor(from: Long) {
    /** Tokens in the prompt. */
    val promptTokens: Long = Raw.eventPromptTokens(from)

    /** Of those, how many came from the prefix cache. */
    val cachedTokens: Long = Raw.eventCachedTokens(from)

    /** New tokens. */
    val outputTokens: Long = Raw.eventOutputTokens(from)

    /** Of the new ones, how many were thought. */
    val reasoningTokens: Long = Raw.eventReasoningTokens(from)

    /** Of the new ones, how many a constraint left no choice for. */
    val forcedTokens: Long = Raw.eventForcedTokens(from)

    /** How often it was put back into the queue for room. */
    val preemptions: Long = Raw.eventPreemptions(from)

    /** Messages left out of the prompt under [ContextPolicy.DROP_OLDEST]. */
    val droppedMessages: Long = Raw.eventDroppedMessages(from)

    /** Microseconds in the queue. */
    val queueMicros: Long = Raw.eventQueueUs(from)

    /** Microseconds of evaluating the prompt. */
    val prefillMicros: Long = Raw.eventPrefillUs(from)

    /** Microseconds from the request to the first token. */
    val firstTokenMicros: Long = Raw.eventFirstTokenUs(from)

    /** Microseconds of making the answer. */
    val decodeMicros: Long = Raw.eventDecodeUs(from)
}

/** Copies an event that the library lends; null for a kind that this binding does not know. */
internal fun readEvent(event: Long): Event? {
    val choice = Raw.eventChoice(event).toInt()
    return when (Raw.eventType(event)) {
        Raw.EVENT_TEXT -> {
            val tokens = Raw.eventTokens(event)?.asList().orEmpty()
            Event.Text(choice, Raw.eventText(event).orEmpty(), tokens, readLogprobs(event))
        }
        Raw.EVENT_REASONING -> Event.Reasoning(choice, Raw.eventText(event).orEmpty())
        Raw.EVENT_TOOL_CALL -> Event.ToolCall(choice, readCall(event))
        Raw.EVENT_TOOL_CALL_DELTA -> Event.ToolCallDelta(choice, readCall(event))
        Raw.EVENT_DONE -> Event.Done(choice, FinishReason.of(Raw.eventFinishReason(event)), Raw.eventSeed(event), Usage(event), readError(event))
        else -> null
    }
}

private fun readCall(event: Long) = ToolCall(
    Raw.eventToolIndex(event).toInt(), Raw.eventToolId(event).orEmpty(), Raw.eventToolName(event).orEmpty(),
    Raw.eventToolArguments(event).orEmpty(),
)

private fun readError(event: Long): QaskException? {
    val code = Raw.eventErrorCode(event)
    return if (code == Raw.OK) null else QaskException.of(code, Raw.eventErrorMessage(event).orEmpty())
}

private fun readLogprobs(event: Long) = List(Raw.eventLogprobCount(event).toInt()) { i ->
    val (token, logprob) = Raw.eventLogprobAt(event, i.toLong()) ?: doubleArrayOf(-1.0, Double.NaN)
    val top = generateSequence(0L) { it + 1 }.map { Raw.eventTopLogprobAt(event, i.toLong(), it) }.takeWhile { it != null }
    Logprob(token.toInt(), logprob.toFloat(), top.map { Logprob(it!![0].toInt(), it[1].toFloat(), emptyList()) }.toList())
}
