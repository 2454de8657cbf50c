// Many answers at once over one model.
package io.github.qask

import kotlinx.coroutines.flow.Flow
import kotlinx.serialization.KSerializer
import kotlinx.serialization.serializer

/**
 * Serves requests over a model: one thread of the library computes many at once. Use it from any thread and any number of
 * coroutines.
 */
class Engine internal constructor(
    handle: Long,
    /** What it answers with. */
    val model: Model,
) : Owned("engine", handle, Raw::engineFree) {
    /**
     * The events of an answer. It is asked for when the flow is collected, anew each time; the answer ends when the
     * collector's coroutine is cancelled or leaves. A generation that fails gives its [Event.Done], then its exception.
     */
    fun generate(request: Request): Flow<Event> = events { stream(request) }

    /** [generate] with a request made here. */
    inline fun generate(request: Request.() -> Unit): Flow<Event> = generate(Request().apply(request))

    /** Waits for a whole answer. */
    suspend fun ask(request: Request): Reply = generate(request).reply()

    /** [ask] with a request made here. */
    suspend inline fun ask(request: Request.() -> Unit): Reply = ask(Request().apply(request))

    /** An answer for threads to pull; it is asked for at once. */
    fun stream(request: Request): EventStream = EventStream(request.use { r -> call { Raw.engineSubmit(it, r, 0) } })

    /** [ask] for threads. */
    fun askBlocking(request: Request): Reply = stream(request).use { it.reply() }

    /** Waits for an answer that is JSON and valid under the schema. */
    suspend fun askJson(request: Request, schema: String): String = cancellable { askJson(request, schema, it) }

    /** [askJson] for threads. */
    fun askJsonBlocking(request: Request, schema: String): String = askJson(request, schema, null)

    private fun askJson(request: Request, schema: String, cancel: CancelFlag?) =
        request.use { r -> call { Raw.engineAskJson(it, r, schema, cancel?.current() ?: 0) } }

    /** Waits for an answer of a type: its schema is that of the serializer, see [schemaOf]. */
    suspend fun <T> askFor(type: KSerializer<T>, request: Request): T = valueOf(askJson(request, schemaOf(type)), type)

    /** Waits for an answer of a `@Serializable` type. */
    suspend inline fun <reified T> askFor(request: Request.() -> Unit): T = askFor(serializer<T>(), Request().apply(request))

    /** Makes a conversation. Messages of `settings` open it; its other options are those of every answer. */
    @JvmOverloads
    fun chat(settings: Request = Request()): Chat = Chat(settings.use { r -> call { Raw.chatNew(it, r) } }, settings.copy())

    /** [chat] with settings made here. */
    inline fun chat(settings: Request.() -> Unit): Chat = chat(Request().apply(settings))

    /**
     * Evaluates a request's prompt, so that later requests that begin with it start faster. With `pin` it is kept until
     * [unpin].
     */
    suspend fun prewarm(request: Request, pin: Boolean = false) {
        events { prewarming(request, pin) }.collect { }
    }

    /** [prewarm] for threads. */
    @JvmOverloads
    fun prewarmBlocking(request: Request, pin: Boolean = false) {
        prewarming(request, pin).use { it.reply() }
    }

    private fun prewarming(request: Request, pin: Boolean) =
        EventStream(request.use { r -> call { Raw.enginePrewarm(it, r, pin) } })

    /** Lets every pinned prefix be dropped when room is needed. */
    fun unpin() = call { Raw.engineUnpin(it) }

    /** Changes the numbers of threads from the next step on: 1 to 512 each. */
    @JvmOverloads
    fun setThreads(threads: Int, batchThreads: Int = threads) =
        call { Raw.engineSetThreads(it, threads.toLong(), batchThreads.toLong()) }

    /**
     * Stops computing behind the current step, until [resume], and waits until it rests. Requests are taken and wait,
     * cancellation and deadlines hold.
     */
    suspend fun pause() = patient { millis -> call { Raw.enginePause(it, millis) } != Raw.TIMEOUT }

    /** [pause] for threads; false when it did not rest within so many milliseconds, and will all the same. */
    @JvmOverloads
    fun pauseBlocking(timeoutMillis: Long = -1): Boolean = call { Raw.enginePause(it, timeoutMillis) } != Raw.TIMEOUT

    /** Goes on after [pause]. */
    fun resume() = call { Raw.engineResume(it) }

    /** Lets go of memory behind the current step, and waits for that. */
    suspend fun trim(level: Trim) = patient { millis -> call { Raw.engineTrim(it, level.value, millis) } != Raw.TIMEOUT }

    /** [trim] for threads; false when it was in a step for so many milliseconds, and will let go behind it. */
    @JvmOverloads
    fun trimBlocking(level: Trim, timeoutMillis: Long = -1): Boolean =
        call { Raw.engineTrim(it, level.value, timeoutMillis) } != Raw.TIMEOUT

    /** Tokens that one sequence may hold. */
    val contextTokens: Int get() = call { Raw.engineNCtx(it).toInt() }

    /** Tokens that the KV cache holds. */
    val kvTokens: Int get() = call { Raw.engineKvTokens(it).toInt() }

    /** Its figures of this moment. */
    fun stats(): Stats {
        val stats = call { Raw.engineStats(it) }
        try {
            return Stats(stats)
        } finally {
            Raw.statsFree(stats)
        }
    }

    /** Saves what was computed of a request's prompt to a file. */
    suspend fun savePrefix(request: Request, path: String, compress: Boolean = false): Saved =
        cancellable { savePrefix(request, path, compress, it) }

    /** [savePrefix] for threads. */
    @JvmOverloads
    fun savePrefixBlocking(request: Request, path: String, compress: Boolean = false): Saved =
        savePrefix(request, path, compress, null)

    private fun savePrefix(request: Request, path: String, compress: Boolean, cancel: CancelFlag?) =
        saving(compress) { options ->
            request.use { r -> call { Raw.engineSavePrefix(it, r, path, options, cancel?.current() ?: 0) } }
        }

    /** Reads what [savePrefix] wrote; gives the number of tokens that need not be computed. */
    suspend fun restorePrefix(request: Request, path: String): Long = cancellable { restorePrefix(request, path, it) }

    /** [restorePrefix] for threads. */
    fun restorePrefixBlocking(request: Request, path: String): Long = restorePrefix(request, path, null)

    private fun restorePrefix(request: Request, path: String, cancel: CancelFlag?) =
        request.use { r -> call { Raw.engineRestorePrefix(it, r, path, cancel?.current() ?: 0) } }

    /** Takes no more requests, ends what runs with [QaskException.Closed], and waits until the memory is free. */
    suspend fun shutdown() {
        patient { millis -> call { Raw.engineClose(it, millis) } != Raw.TIMEOUT }
        close()
    }

    /** [shutdown] for threads; false when it took longer than so many milliseconds, -1 waits for ever. */
    @JvmOverloads
    fun shutdownBlocking(timeoutMillis: Long = -1): Boolean =
        (call { Raw.engineClose(it, timeoutMillis) } != Raw.TIMEOUT).also { if (it) close() }
}

/** What was written to a file. */
data class Saved(
    /** How many tokens need not be computed again. */
    val tokens: Long,
    /** The file's size. */
    val bytes: Long,
)

internal inline fun saving(compress: Boolean, save: (Long) -> LongArray): Saved {
    val options = Raw.saveOptionsNew()
    try {
        Raw.saveOptionsSetCompress(options, compress)
        val (tokens, bytes) = save(options)
        return Saved(tokens, bytes)
    } finally {
        Raw.saveOptionsFree(options)
    }
}
