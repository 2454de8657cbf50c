// One running answer, pulled by a thread; and the same as a Flow.
package io.github.qask

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/**
 * One running answer, for threads: [next] waits. Read it from one thread at a time; cancel and close it from any. One that
 * is closed is cancelled. Coroutines have flows instead, as [Engine.generate] gives them.
 */
class EventStream internal constructor(handle: Long, private val left: () -> Unit = {}) :
    Owned("stream", handle, Raw::streamFree), Iterable<Event> {
    private val out = LongArray(1)
    private var failed: QaskException? = null

    @Volatile
    private var ended = false

    /** Waits for the next event; null when every answer has its [Event.Done]. What failed is thrown behind that. */
    fun next(): Event? {
        while (true) {
            val (event, over) = poll(-1)
            if (event != null || over) return event
        }
    }

    /** Ends the answer soon: [Event.Done] with [FinishReason.CANCELLED] follows. It never waits. */
    fun cancel() = call { Raw.streamCancel(it) }

    /** The event that was read last, as the JSON of an OpenAI `chat.completion.chunk` with this id in it. */
    fun chunkJson(id: String): String = call { Raw.eventJson(out[0], id) }

    /** The events until the end, each once. */
    override fun iterator(): Iterator<Event> = iterator { while (true) yield(next() ?: break) }

    /** Waits for the whole answer, as far as it was not read before. */
    fun reply(): Reply {
        val reply = ReplyBuilder()
        for (event in this) reply.add(event)
        return reply.build()
    }

    override fun close() {
        super.close()
        if (!ended) left()
    }

    /** An event, or null and whether this was the end. */
    internal fun poll(timeoutMillis: Long): Pair<Event?, Boolean> = call { stream ->
        when (Raw.streamNext(stream, timeoutMillis, out)) {
            Raw.OK -> {
                val event = readEvent(out[0])
                if (event is Event.Done && failed == null) failed = event.error
                Pair(event, false)
            }
            Raw.DONE -> {
                ended = true
                failed?.let { throw it }
                Pair(null, true)
            }
            else -> NOTHING
        }
    }

    internal companion object {
        /** Nothing yet. */
        val NOTHING: Pair<Event?, Boolean> = Pair(null, false)
    }
}

/** The events of a stream that begins when the flow is collected, and ends when its collector does. */
internal fun events(start: suspend () -> EventStream): Flow<Event> = flow {
    start().use { stream ->
        Bell(stream).use { bell ->
            while (true) {
                val found = stream.poll(0)
                if (found.second) break
                if (found === EventStream.NOTHING) bell.rung() else found.first?.let { emit(it) }
            }
        }
    }
}
