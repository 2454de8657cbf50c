// The library's log.
package io.github.qask

/** How much a line of the log matters. */
enum class LogLevel(internal val value: Int) {
    /** No lines at all. */
    OFF(Raw.LOG_OFF),

    /** Something failed. */
    ERROR(Raw.LOG_ERROR),

    /** Something is not as it should be, and things go on. */
    WARN(Raw.LOG_WARN),

    /** What happens: a model was loaded, an engine started. */
    INFO(Raw.LOG_INFO),

    /** What only matters for finding a fault. */
    DEBUG(Raw.LOG_DEBUG),
}

/** Takes the lines of the log. */
fun interface LogSink {
    /**
     * One line: who wrote it ("qask", or "engine" for llama.cpp) and its text. Called on one thread of the library; what
     * it throws goes to that thread's handler of uncaught exceptions, and the next line comes nevertheless.
     */
    fun onLine(level: LogLevel, source: String, line: String)
}

internal object Log {
    private var hooked = false

    @Synchronized
    fun set(level: LogLevel, sink: LogSink?) {
        if (sink == null || level == LogLevel.OFF) return Raw.logSet(Raw.LOG_OFF, null)
        // No line may come into a Java that ends.
        if (!hooked) Runtime.getRuntime().addShutdownHook(Thread { Raw.logSet(Raw.LOG_OFF, null) })
        hooked = true
        Raw.logSet(level.value) { number, source, line ->
            try {
                sink.onLine(LogLevel.entries.first { it.value == number }, source, line)
            } catch (e: Throwable) {
                val thread = Thread.currentThread()
                thread.uncaughtExceptionHandler.uncaughtException(thread, e)
            }
        }
    }
}
