// cancel MODEL.gguf: stops an answer from another thread, after a deadline, and by cancelling its coroutine.
import io.github.qask.Event
import io.github.qask.Model
import io.github.qask.request
import kotlin.concurrent.thread
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

fun main(arguments: Array<String>): Unit = runBlocking {
    arguments.orUsage(1, "cancel MODEL.gguf")
    val engine = Model.load(arguments[0]).engine()
    val endless = request {
        prompt("Once upon a time")
        ignoreEos = true
    }

    val stream = engine.stream(endless)
    thread {
        Thread.sleep(300)
        stream.cancel()
    }
    tell(stream.reply().done)

    tell(engine.ask(endless.copy().apply { deadlineMillis = 300 }).done)

    // A coroutine that is cancelled takes its answer with it, and so does a flow that is left.
    val job = launch { engine.generate(endless).collect { } }
    delay(300)
    job.cancel()
    engine.generate(endless).first { it is Event.Text }

    // The engine is free for the next request.
    tell(engine.ask(endless.copy().apply { maxTokens = 4 }).done)
    engine.shutdown()
}

private fun tell(done: Event.Done) = println("${done.reason}: ${done.usage.outputTokens} tokens")
