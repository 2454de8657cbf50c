// parallel MODEL.gguf: eight requests at once over one engine, with one system prompt that is evaluated once.
import io.github.qask.Model
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking

private const val SYSTEM = "You are a helpful assistant who answers in one short sentence. Be precise, be friendly, never lie, say " +
    "so when you do not know, and use plain words that a child understands."

private val topics = listOf("the sun", "rain", "bread", "a bicycle", "music", "a river", "glass", "the moon")

fun main(arguments: Array<String>): Unit = runBlocking {
    arguments.orUsage(1, "parallel MODEL.gguf")
    val engine = Model.load(arguments[0]).engine()
    val lines = topics.map { topic ->
        async {
            val reply = engine.ask {
                system(SYSTEM)
                user("What is $topic?")
                maxTokens = 40
            }
            "$topic: $reply [${reply.done.usage.cachedTokens} of ${reply.done.usage.promptTokens} prompt tokens cached]"
        }
    }
    lines.awaitAll().forEach(::println)
    engine.shutdown()
}
