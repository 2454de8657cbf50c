// Flows: cancellation ends the native work, nobody's thread is blocked, many share one engine.
package io.github.qask

import java.util.concurrent.Executors
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Job
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.filterIsInstance
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class CoroutinesTest {
    @Test
    fun aFlowIsTheBlockingStream() = within {
        val request = request { user("Complete the sentence: the capital of France is"); maxTokens = 8; temperature = 0f }
        fun text(events: List<Event>) = events.joinToString("") { (it as? Event.Text)?.text.orEmpty() }
        val flow = Smol.engine.generate(request)
        val events = flow.toList()
        assertTrue(events.last() is Event.Done && events.count { it is Event.Text } > 3)
        assertEquals(text(Smol.engine.stream(request).use { it.toList() }), text(events))
        // A flow can be collected again.
        assertEquals(text(events), text(flow.toList()))
    }

    /** In steps, which a busy machine cannot make more of: the one that runs, and one that had begun to begin. */
    @Test
    fun cancellingACoroutineEndsTheNativeWorkWithinAStep() = within {
        val engine = Smol.model.engine { contextTokens = 8192; batch = 128; microBatch = 128 }
        suspend fun stepsBehindItsEnd(job: Job): Long {
            job.cancelAndJoin()
            val steps = engine.stats().steps
            while (engine.stats().active > 0) delay(1)
            return engine.stats().steps - steps
        }
        repeat(5) {
            val begun = CompletableDeferred<Unit>()
            val job = launch { engine.generate(endless()).collect { begun.complete(Unit) } }
            begun.await()
            // The figures follow a step.
            while (engine.stats().active == 0L) delay(1)
            assertTrue(stepsBehindItsEnd(job) <= 2)
        }
        // Also while a prompt of some fifty steps is evaluated.
        val before = engine.stats().steps
        val job = launch { engine.generate(endless("word ".repeat(6000))).collect { } }
        while (engine.stats().steps < before + 3) delay(1)
        assertTrue(stepsBehindItsEnd(job) <= 2)
        assertTrue(engine.stats().steps < before + 40, "the prompt was over already")
        engine.shutdown()
    }

    @Test
    fun leavingAFlowEndsIt() = within {
        assertEquals(2, Smol.engine.generate(endless()).filterIsInstance<Event.Text>().take(2).toList().size)
        assertTrue(Smol.engine.generate(endless()).first() is Event.Text)
        assertNull(withTimeoutOrNull(100) { Smol.engine.generate(endless()).collect { } })
        while (Smol.engine.stats().active > 0) delay(1)
    }

    @Test
    fun nobodysThreadIsBlocked() = within {
        // One thread for everything, as an app's main thread: a ticker on it must go on while answers are made.
        val main = Executors.newSingleThreadExecutor().asCoroutineDispatcher()
        var ticks = 0
        var longest = 0L
        val began = System.nanoTime()
        withContext(main) {
            val ticker = launch {
                var last = System.nanoTime()
                while (true) {
                    delay(5)
                    ticks++
                    longest = maxOf(longest, System.nanoTime() - last)
                    last = System.nanoTime()
                }
            }
            val model = Model.load(file(SMOLLM))
            val engine = model.engine { contextTokens = 1024 }
            coroutineScope {
                repeat(4) {
                    launch { assertEquals(100, engine.ask(endless("Story $it:").apply { maxTokens = 100 }).done.usage.outputTokens) }
                }
            }
            engine.shutdown()
            ticker.cancelAndJoin()
        }
        main.close()
        assertTrue(ticks > 20, "$ticks ticks")
        val all = System.nanoTime() - began
        assertTrue(longest < all / 3, "the thread stood still for ${longest / 1_000_000} ms of ${all / 1_000_000}")
    }

    @Test
    fun sixteenCoroutinesOverOneEngine() = within {
        val engine = Smol.model.engine { contextTokens = 512; kvTokens = 8192; maxSequences = 16 }
        val threads = threads()
        val most = AtomicInteger()
        val all = List(16) { i ->
            async(kotlinx.coroutines.Dispatchers.Default) {
                val reply = engine.ask(endless("${i + 3} stories:").apply { maxTokens = 24 })
                most.accumulateAndGet(threads(), ::maxOf)
                reply
            }
        }.awaitAll()
        assertTrue(all.all { it.done.usage.outputTokens == 24L && it.reason == FinishReason.LENGTH && it.text.isNotEmpty() })
        // Not one blocked thread for each stream.
        assertTrue(most.get() <= threads + Runtime.getRuntime().availableProcessors() + 4, "${most.get()} threads, $threads before")
        engine.shutdown()
    }

    private fun threads() = Thread.getAllStackTraces().size

    @Test
    fun longCallsEndWithTheirCoroutine() = within {
        val model = Model.load(file(MINILM))
        val embedder = model.embedder()
        val job = launch { embedder.embed(List(3000) { "word ".repeat(200) }) }
        delay(300)
        val began = System.nanoTime()
        job.cancelAndJoin()
        // All of it takes minutes.
        assertTrue(System.nanoTime() - began < 60_000_000_000)
        assertEquals(384, embedder.embed("usable").size)
        embedder.shutdown()
        model.close()
        val json = launch { Smol.engine.askJson(request { user("List numbers."); temperature = 2f }, """{"type":"array","minItems":200,"items":{"type":"integer"}}""") }
        delay(300)
        json.cancelAndJoin()
        while (Smol.engine.stats().active > 0) delay(1)
        // A load is cancelled in its midst.
        val load = launch { Model.load(file(SMOLLM), ModelOptions().apply { mmap = false }) { } }
        delay(20)
        load.cancelAndJoin()
    }

    @Test
    fun aClosedEngineEndsItsFlows() = within {
        val engine = Smol.model.engine { contextTokens = 512 }
        val error = async { runCatching { engine.generate(endless()).collect { } }.exceptionOrNull() }
        while (engine.stats().active == 0L) delay(1)
        engine.close()
        assertTrue(error.await() is QaskException.Closed, "${error.await()}")
    }
}
