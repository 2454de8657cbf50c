// A whole answer.
package io.github.qask

import kotlinx.coroutines.flow.Flow

/** A whole answer: the first one, where several were asked for. */
class Reply internal constructor(
    /** The text. */
    val text: String,
    /** What was thought before. */
    val reasoning: String,
    /** The calls that it ends with. */
    val toolCalls: List<ToolCall>,
    /** Its end: reason, usage, seed. */
    val done: Event.Done,
) {
    /** As a message: a history takes it as it is. */
    fun message() = Message("assistant", text, reasoning, toolCalls)

    override fun toString() = text
}

/** Waits for the whole answer; what failed is thrown. */
suspend fun Flow<Event>.reply(): Reply {
    val reply = ReplyBuilder()
    collect { reply.add(it) }
    return reply.build()
}

internal class ReplyBuilder {
    private val text = StringBuilder()
    private val reasoning = StringBuilder()
    private val calls = ArrayList<ToolCall>()
    private var done: Event.Done? = null

    fun add(event: Event) {
        if (event.choice != 0) return
        when (event) {
            is Event.Text -> text.append(event.text)
            is Event.Reasoning -> reasoning.append(event.text)
            is Event.ToolCall -> calls.add(event.call)
            is Event.Done -> done = event
            else -> {}
        }
    }

    fun build() = Reply(text.toString(), reasoning.toString(), calls, done ?: throw QaskException.Closed("the answer was read already"))
}
