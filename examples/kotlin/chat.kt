// chat [-once] MODEL.gguf [PROMPT]: one answer, streamed as it is made, or at once when it is whole. Without a prompt a
// conversation, a line a message; /save FILE, /load FILE, /regenerate and /quit are commands.
import io.github.qask.Chat
import io.github.qask.ContextPolicy
import io.github.qask.Event
import io.github.qask.Model
import io.github.qask.QaskException
import kotlin.system.exitProcess
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.runBlocking

fun main(arguments: Array<String>): Unit = runBlocking {
    val once = arguments.firstOrNull() == "-once"
    val rest = arguments.drop(if (once) 1 else 0).toTypedArray().orUsage(1, "chat [-once] MODEL.gguf [PROMPT]")
    // The prompt may come by environment, where no shell can misread it.
    val prompt = rest.getOrNull(1) ?: System.getenv("PROMPT").orEmpty()
    try {
        val engine = Model.load(rest[0]).engine()
        val chat = engine.chat {
            maxTokens = 256
            contextPolicy = ContextPolicy.DROP_OLDEST
        }
        when {
            prompt.isEmpty() -> converse(chat)
            once -> println(chat.ask(prompt).text)
            else -> print(chat.send(prompt))
        }
        engine.shutdown()
    } catch (e: QaskException) {
        System.err.println(e.message)
        exitProcess(1)
    }
}

private suspend fun print(events: Flow<Event>) = events.collect { event ->
    when (event) {
        is Event.Text -> {
            kotlin.io.print(event.text)
            System.out.flush()
        }
        is Event.Done -> with(event.usage) {
            println()
            System.err.println(
                "[%s: %d prompt tokens, %d of them cached, %d new ones, first after %d ms, then %.1f a second]".format(
                    event.reason, promptTokens, cachedTokens, outputTokens, firstTokenMicros / 1000, outputTokens / (decodeMicros / 1e6),
                ),
            )
        }
        else -> {}
    }
}

/** In a conversation an error is told, and the conversation goes on. */
private suspend fun converse(chat: Chat) {
    while (true) {
        System.err.print("> ")
        val line = readlnOrNull() ?: return
        val file = line.substringAfter(' ', "")
        try {
            when {
                line.isEmpty() -> {}
                line == "/quit" -> return
                line.startsWith("/save ") -> chat.save(file)
                line.startsWith("/load ") -> {
                    chat.restore(file)
                    System.err.println("[${chat.size} messages]")
                }
                line == "/regenerate" -> print(chat.regenerate())
                line.startsWith("/") -> System.err.println("commands: /save FILE, /load FILE, /regenerate, /quit")
                else -> print(chat.send(line))
            }
        } catch (e: QaskException) {
            System.err.println(e.message)
        }
    }
}
