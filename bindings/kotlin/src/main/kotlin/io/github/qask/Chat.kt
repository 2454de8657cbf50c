// A conversation.
package io.github.qask

import java.util.concurrent.atomic.AtomicBoolean
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.serialization.KSerializer
import kotlinx.serialization.serializer

/**
 * A conversation over an engine, which lives as long. It makes one answer at a time: meanwhile whatever changes, copies or
 * exports the history is [QaskException.Busy]. What was said before a cancel is kept and marked; when nothing was said by
 * then, or the generation failed, the history is again what it was before. One owner at a time.
 */
class Chat internal constructor(handle: Long, private var settings: Request) : Owned("chat", handle, Raw::chatFree) {
    /** An answer was left before its end: it ends with the engine's step. */
    private val left = AtomicBoolean()

    /** [run] has changed the tool choice. */
    @Volatile
    private var narrowed = false

    /** What every answer is made with: a copy. Messages in it are left alone. */
    fun settings(): Request = settings.copy()

    /** Changes what the next answers are made with. */
    fun setSettings(settings: Request) {
        applySettings(settings)
        this.settings = settings.copy()
    }

    /** Adds to what the next answers are made with. */
    inline fun change(block: Request.() -> Unit) = setSettings(settings().apply(block))

    private fun applySettings(settings: Request) = settings.use { r -> call { Raw.chatSetRequest(it, r) } }

    /**
     * Says something and streams the answer. It is said when the flow is collected; the answer ends when the collector's
     * coroutine is cancelled or leaves.
     */
    fun send(text: String): Flow<Event> = answer { Raw.chatSend(it, text, 0) }

    /** [send] with any message, such as a tool's result. */
    fun send(message: Message): Flow<Event> = answer { Raw.chatSendMessageJson(it, message.toJson(), 0) }

    /** Answers the last message again: a reply at the end of the history goes first, and comes back if this fails. */
    fun regenerate(): Flow<Event> = answer { Raw.chatRegenerate(it, 0) }

    private fun answer(start: (Long) -> Long) = events {
        settle()
        started(start)
    }

    private fun started(start: (Long) -> Long) = EventStream(call(start)) { left.set(true) }

    private suspend fun settle() {
        if (left.getAndSet(false)) awaitIdle()
        widen()
    }

    private fun settleBlocking() {
        if (left.getAndSet(false)) awaitIdleBlocking()
        widen()
    }

    private fun widen() {
        if (narrowed) applySettings(settings)
        narrowed = false
    }

    /** Says something and waits for the whole answer. */
    suspend fun ask(text: String): Reply = send(text).reply()

    /** [send] for threads. */
    fun stream(text: String): EventStream {
        settleBlocking()
        return started { Raw.chatSend(it, text, 0) }
    }

    /** [send] for threads. */
    fun stream(message: Message): EventStream {
        settleBlocking()
        return started { Raw.chatSendMessageJson(it, message.toJson(), 0) }
    }

    /** [ask] for threads. */
    fun askBlocking(text: String): Reply = stream(text).use { it.reply() }

    /** [regenerate] for threads. */
    fun regenerateBlocking(): Reply {
        settleBlocking()
        return started { Raw.chatRegenerate(it, 0) }.use { it.reply() }
    }

    /** Says something and waits for an answer that is JSON and valid under the schema. */
    suspend fun askJson(text: String, schema: String): String {
        settle()
        return cancellable { askJson(text, schema, it) }
    }

    /** [askJson] for threads. */
    fun askJsonBlocking(text: String, schema: String): String {
        settleBlocking()
        return askJson(text, schema, null)
    }

    private fun askJson(text: String, schema: String, cancel: CancelFlag?) =
        call { Raw.chatAskJson(it, text, schema, cancel?.current() ?: 0) }

    /** Says something and waits for an answer of a type, see [schemaOf]. */
    suspend fun <T> askFor(type: KSerializer<T>, text: String): T = valueOf(askJson(text, schemaOf(type)), type)

    /** Says something and waits for an answer of a `@Serializable` type. */
    suspend inline fun <reified T> askFor(text: String): T = askFor(serializer<T>(), text)

    /**
     * Says something and calls the chat's tools for the model until it answers. Events of all its answers come as they are
     * made, and an [Event.ToolResult] after each call. A forced tool choice holds for the first answer; a model that makes
     * the same calls again, or calls without end, does not see the tools for the next one. When a tool that is called has
     * no function, the flow ends, and the call is the caller's to answer.
     */
    fun run(text: String): Flow<Event> = flow {
        var next = Message.user(text)
        var before = emptyList<ToolCall>()
        try {
            for (round in 1..Int.MAX_VALUE) {
                val calls = ArrayList<ToolCall>()
                send(next).collect {
                    if (it is Event.ToolCall) calls.add(it.call)
                    emit(it)
                }
                if (calls.isEmpty() || calls.any { call -> settings.tools[call.name]?.let { it.function == null } == true }) break
                val again = calls.map { it.name to it.arguments } == before.map { it.name to it.arguments }
                applySettings(settings.copy().also { it.toolChoice = if (again || round == MOST_ROUNDS) "none" else "auto" })
                before = calls
                calls.forEachIndexed { i, call ->
                    val result = result(call)
                    next = Message.tool(call.id, result.content)
                    if (i + 1 < calls.size) add(next)
                    emit(result)
                }
            }
        } finally {
            narrowed = narrowed || before.isNotEmpty()
        }
    }

    private suspend fun result(call: ToolCall): Event.ToolResult = try {
        val function = settings.tools[call.name]?.function ?: throw NoSuchElementException("there is no tool \"${call.name}\"")
        Event.ToolResult(call, function(call.arguments), null)
    } catch (e: kotlinx.coroutines.CancellationException) {
        throw e
    } catch (e: Exception) {
        Event.ToolResult(call, "error: ${e.message ?: e.javaClass.simpleName}", e)
    }

    /** Waits until no answer is being made. */
    suspend fun awaitIdle() = patient { millis -> call { Raw.chatWait(it, millis) } != Raw.TIMEOUT }

    /** [awaitIdle] for threads; false when it took longer than so many milliseconds, -1 waits for ever. */
    @JvmOverloads
    fun awaitIdleBlocking(timeoutMillis: Long = -1): Boolean = call { Raw.chatWait(it, timeoutMillis) } != Raw.TIMEOUT

    /** Whether an answer is being made. */
    val isBusy: Boolean get() = call { Raw.chatIsBusy(it) }

    /** How many messages there are. While an answer is being made, the message that asked for it is among them. */
    val size: Int get() = call { Raw.chatCount(it).toInt() }

    /** Sets the system message, which opens the conversation, or replaces it. */
    fun setSystem(text: String) = call { Raw.chatSetSystem(it, text) }

    /** Message `index`, from 0. */
    fun message(index: Int): Message = Message.fromJson(call { Raw.chatMessageJsonAt(it, index.toLong()) })

    /** The history. */
    fun messages(): List<Message> = List(size, ::message)

    /** Why reply `index` is not whole; null for one that is. */
    fun cutShort(index: Int): FinishReason? =
        call { Raw.chatCutShortAt(it, index.toLong()) }.let { if (it == 0) null else FinishReason.of(it) }

    /** How many messages have left the history because they did not fit, under [ContextPolicy.DROP_OLDEST]. */
    val droppedMessages: Long get() = call { Raw.chatDroppedMessages(it) }

    /** Adds a message without asking for an answer. */
    fun add(message: Message) = call { Raw.chatAddMessageJson(it, message.toJson()) }

    /** Puts another message in the place of message `index`; what follows stays. */
    fun setMessage(index: Int, message: Message) = call { Raw.chatSetMessageJsonAt(it, index.toLong(), message.toJson()) }

    /** Takes out the turn that message `index` belongs to: a user's message with everything up to the next one. */
    fun dropTurn(index: Int) = call { Raw.chatDropTurnAt(it, index.toLong()) }

    /** Takes out every message but the system messages at the beginning. */
    fun clear() = call { Raw.chatClear(it) }

    /** The history as JSON. Settings are not in it. */
    fun exportJson(): String = call { Raw.chatExport(it) }

    /** Puts a history that [exportJson] gave in the place of this one. On an error nothing changes. */
    fun importJson(json: String) = call { Raw.chatImport(it, json) }

    /** A copy that goes its own way from here, over the same engine. */
    fun fork(): Chat = Chat(call { Raw.chatFork(it) }, settings.copy()).also { it.narrowed = narrowed }

    /** Saves the conversation with what was computed of it to a file. */
    suspend fun save(path: String, compress: Boolean = false): Saved = cancellable { save(path, compress, it) }

    /** [save] for threads. */
    @JvmOverloads
    fun saveBlocking(path: String, compress: Boolean = false): Saved = save(path, compress, null)

    private fun save(path: String, compress: Boolean, cancel: CancelFlag?) = saving(compress) { options ->
        call { Raw.chatSave(it, path, options, cancel?.current() ?: 0) }
    }

    /** Puts a conversation that [save] wrote in the place of this one; gives the tokens that need not be computed. */
    suspend fun restore(path: String): Long = cancellable { restore(path, it) }

    /** [restore] for threads. */
    fun restoreBlocking(path: String): Long = restore(path, null)

    private fun restore(path: String, cancel: CancelFlag?) = call { Raw.chatRestore(it, path, cancel?.current() ?: 0) }

    private companion object {
        /** How often a model may call before it must answer: a small one may go on for ever. */
        const val MOST_ROUNDS = 8
    }
}
