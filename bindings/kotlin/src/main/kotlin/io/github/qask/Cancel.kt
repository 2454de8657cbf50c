// Long calls of the library, for coroutines: they run on a thread for blocking work, and end when the coroutine is cancelled.
package io.github.qask

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.withContext

/** A flag of the library that ends the calls which got it. */
internal class CancelFlag : Owned("cancel flag", Raw.cancelNew(), Raw::cancelFree) {
    fun raise() {
        if (!isClosed) call { Raw.cancelRaise(it) }
    }
}

/** Runs a call that takes a flag. It has returned when this returns, also when the coroutine was cancelled. */
internal suspend fun <T> cancellable(block: (CancelFlag) -> T): T {
    currentCoroutineContext().ensureActive()
    return CancelFlag().use { flag ->
        coroutineScope {
            // Not the error itself: what a cancelled call says must not take the place of the cancellation.
            val work = async(Dispatchers.IO) { runCatching { block(flag) } }
            try {
                work.await().getOrThrow()
            } catch (e: CancellationException) {
                flag.raise()
                throw e
            }
        }
    }
}

/** Runs a call that takes a moment and cannot be cancelled. */
internal suspend fun <T> off(block: () -> T): T = withContext(Dispatchers.IO) { block() }

/** Runs a call that waits at most so many milliseconds and says whether it is over, until it is. */
internal suspend fun patient(block: (Long) -> Boolean) {
    while (!off { block(50) }) currentCoroutineContext().ensureActive()
}
