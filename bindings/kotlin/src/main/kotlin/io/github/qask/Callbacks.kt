// What the library calls. An exception must not go back into it: it is caught here, and comes out of the call that it
// belongs to.
package io.github.qask

/** The share of a model that is loaded, 0 to 1. */
fun interface Progress {
    /** Called on a thread of the library, which goes on when it returns. What it throws ends the load with that exception. */
    fun onProgress(share: Float)
}

/** `qask_progress_callback`. */
internal fun interface ProgressCallback {
    fun call(share: Float)
}

/** `qask_log_callback`. */
internal fun interface LogCallback {
    fun call(level: Int, target: String, message: String)
}

/** Tells the share, and ends the load when that throws. */
internal class Progressing(private val progress: Progress, private val cancel: CancelFlag) : ProgressCallback {
    @Volatile
    var thrown: Throwable? = null
        private set

    override fun call(share: Float) {
        if (thrown != null) return
        try {
            progress.onProgress(share)
        } catch (e: Throwable) {
            thrown = e
            cancel.raise()
        }
    }
}
