// Objects of the library: freed once, by `close` or when they are garbage.
package io.github.qask

import java.lang.ref.PhantomReference
import java.lang.ref.ReferenceQueue
import java.util.Collections
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong
import kotlin.concurrent.thread

/**
 * An object of the library. [close] frees it, from any thread, at any time; one that is forgotten is freed when it is
 * garbage. To use it afterwards is [QaskException.Closed].
 */
abstract class Owned internal constructor(private val noun: String, handle: Long, free: (Long) -> Unit) : AutoCloseable {
    private val handle = OwnedHandle(this, handle, free)

    @Volatile
    private var used = false

    /** Whether it was closed. */
    val isClosed: Boolean get() = handle.value.get() == 0L

    /** Frees the object. Closing it again does nothing. */
    override fun close() = handle.release()

    /** Calls a function of the library with the handle. The object is not garbage before it has returned. */
    internal inline fun <T> call(block: (Long) -> T): T {
        val handle = current()
        try {
            return block(handle)
        } catch (e: QaskException.Handle) {
            throw if (isClosed) closed() else e
        } finally {
            keepAlive()
        }
    }

    internal fun current(): Long = handle.value.get().also { if (it == 0L) throw closed() }

    internal fun closed() = QaskException.Closed("the $noun is closed")

    /** A volatile write, which no compiler moves: what Reference.reachabilityFence does from Android 9 on. */
    internal fun keepAlive() {
        used = true
    }
}

/** The handle, apart from its owner, whose end it waits for (java.lang.ref.Cleaner is not in Android before 13). */
internal class OwnedHandle(owner: Owned, handle: Long, private val free: (Long) -> Unit) :
    PhantomReference<Owned>(owner, garbage) {
    val value = AtomicLong(handle)

    init {
        waiting.add(this)
    }

    fun release() {
        waiting.remove(this)
        val handle = value.getAndSet(0)
        if (handle != 0L) free(handle)
    }

    private companion object {
        val garbage = ReferenceQueue<Owned>()
        val waiting: MutableSet<OwnedHandle> = Collections.newSetFromMap(ConcurrentHashMap())

        init {
            thread(isDaemon = true, name = "qask cleaner") {
                while (true) (garbage.remove() as OwnedHandle).release()
            }
        }
    }
}
