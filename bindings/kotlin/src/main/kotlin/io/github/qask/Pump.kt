// One thread waits for all streams of the process in the library's queue and wakes the coroutines that read them: a thousand
// of them block no thousand threads, and none of the caller's.
package io.github.qask

import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong
import kotlinx.coroutines.channels.Channel
import kotlin.concurrent.thread

/** Rings when a stream has something to read. */
internal class Bell(stream: EventStream) : AutoCloseable {
    private val signal = Channel<Unit>(Channel.CONFLATED)
    private val tag = Pump.add(stream, signal)

    /** Waits until it rings, or has rung since the last time. */
    suspend fun rung() = signal.receive()

    override fun close() = Pump.remove(tag)
}

private object Pump {
    private val signals = ConcurrentHashMap<Long, Channel<Unit>>()
    private val lastTag = AtomicLong()
    private val queue: Long by lazy {
        Raw.queueNew().also { thread(isDaemon = true, name = "qask events") { run(it) } }
    }

    fun add(stream: EventStream, signal: Channel<Unit>): Long {
        val tag = lastTag.incrementAndGet()
        signals[tag] = signal
        try {
            stream.call { Raw.queueAdd(queue, it, tag) }
        } catch (e: QaskException) {
            remove(tag)
            throw e
        }
        return tag
    }

    fun remove(tag: Long) {
        signals.remove(tag)
    }

    private fun run(queue: Long) {
        val tag = LongArray(1)
        while (Raw.queueNext(queue, -1, tag) == Raw.OK) signals[tag[0]]?.trySend(Unit)
    }
}
