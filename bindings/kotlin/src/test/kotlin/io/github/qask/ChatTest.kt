// Conversations.
package io.github.qask

import java.io.File
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class ChatTest {
    @Test
    fun aRealAnswer() = within {
        Smol.engine.chat { maxTokens = 40; temperature = 0f }.use { chat ->
            val reply = chat.ask("Complete the sentence: the capital of France is")
            assertTrue("Paris" in reply.text, reply.text)
            assertEquals(2, chat.size)
            assertEquals(reply.text, chat.message(1).content)
            assertTrue(reply.done.usage.promptTokens > 10 && reply.done.usage.decodeMicros > 0 && reply.done.usage.firstTokenMicros > 0)
        }
    }

    @Test
    fun history() = within {
        val settings = request {
            messages(listOf(Message.system("s"), Message.user("q"), Message.assistant("a")))
            maxTokens = 4
            contextPolicy = ContextPolicy.DROP_OLDEST
        }
        Smol.engine.chat(settings).use { chat ->
            chat.setSystem("你好 🎉")
            chat.add(Message.user("q2"))
            chat.add(Message.assistant("a2"))
            chat.setMessage(3, Message.user("q3"))
            assertEquals(listOf("你好 🎉", "q", "a", "q3", "a2"), chat.messages().map { it.content })
            chat.regenerate().collect { }
            assertEquals(5, chat.size)
            assertTrue(chat.cutShort(4) == FinishReason.LENGTH || chat.message(4).content != "a2")
            assertNull(chat.cutShort(0))
            assertEquals(0, chat.droppedMessages)
            chat.dropTurn(1)
            assertEquals(3, chat.size)
            chat.clear()
            assertEquals(1, chat.size)
            val fork = chat.fork()
            chat.ask("Hello")
            assertEquals(3, chat.size)
            assertEquals(1, fork.size)
            fork.importJson(chat.exportJson())
            assertEquals(chat.messages(), fork.messages())
            assertThrows(QaskException.Range::class.java) { chat.message(99) }
        }
    }

    @Test
    fun cancelledTextIsKeptAndTheChatGoesOn() = within {
        Smol.engine.chat { maxTokens = 3000; ignoreEos = true }.use { chat ->
            repeat(5) {
                val job = launch { chat.send("Count.").collect { } }
                while (!chat.isBusy) delay(1)
                delay(60)
                job.cancel()
                job.join()
                chat.change { maxTokens = 2 }
                // No wait between: the next one settles the one before.
                assertEquals(FinishReason.LENGTH, chat.ask("And?").reason)
                chat.change { maxTokens = 3000 }
            }
            chat.clear()
            chat.send("Count.").first { it is Event.Text }
            chat.awaitIdle()
            assertEquals(2, chat.size)
            assertEquals(FinishReason.CANCELLED, chat.cutShort(1))
            assertFalse(chat.isBusy)
        }
    }

    @Test
    fun oneAnswerAtATime() = within {
        Smol.engine.chat { maxTokens = 300; ignoreEos = true }.use { chat ->
            val first = async { chat.ask("Count.").reason }
            while (!chat.isBusy) delay(1)
            assertThrows(QaskException.Busy::class.java) { chat.clear() }
            assertTrue(runCatching { chat.ask("Me too.") }.exceptionOrNull() is QaskException.Busy)
            assertThrows(QaskException.Busy::class.java) { chat.askBlocking("Me too.") }
            assertEquals(FinishReason.LENGTH, first.await())
        }
    }

    @Test
    fun onDisk(@TempDir folder: File) = within {
        val path = File(folder, "chat 🎉.session").path
        val said = Smol.engine.chat { maxTokens = 8 }.use { chat ->
            chat.ask("My name is Tom. ".repeat(10))
            val saved = chat.save(path)
            assertTrue(saved.tokens > 40 && saved.bytes == File(path).length(), "$saved")
            assertTrue(chat.save("$path.z", compress = true).bytes < saved.bytes)
            chat.exportJson()
        }
        Smol.model.engine { contextTokens = 4096 }.use { engine ->
            engine.chat { maxTokens = 4 }.use { chat ->
                assertTrue(chat.restore(path) > 40)
                assertEquals(said, chat.exportJson())
                assertTrue(chat.ask("What is my name?").done.usage.cachedTokens > 40)
                assertTrue(runCatching { chat.restore("$path.no") }.exceptionOrNull() is QaskException.NotFound)
            }
            val prefix = request { system("You are a careful assistant. ".repeat(8)) }
            assertTrue(engine.savePrefix(prefix, "$path.p").tokens > 40)
            Smol.model.engine().use { assertTrue(it.restorePrefix(prefix, "$path.p") > 40) }
        }
    }

    @Test
    fun chunksAreOpenAIs() = within {
        Smol.engine.stream(request { user("Hi"); ignoreEos = true }).use { stream ->
            stream.next()
            assertTrue("\"chat.completion.chunk\"" in stream.chunkJson("mine") && "\"mine\"" in stream.chunkJson("mine"))
            stream.cancel()
            assertEquals(FinishReason.CANCELLED, stream.reply().reason)
        }
    }


    @Test
    fun finishReasonsHaveTheLibrarysNames() {
        val seen = HashMap<FinishReason, String?>()
        for (request in listOf(endless().apply { maxTokens = 1 }, endless().apply { deadlineMillis = 1 }, request { prompt("x"); choices("y") })) {
            val out = LongArray(1)
            val handle = request.use { r -> Smol.engine.call { Raw.engineSubmit(it, r, 0) } }
            while (Raw.streamNext(handle, -1, out) == Raw.OK) {
                val event = readEvent(out[0])
                if (event is Event.Done) seen[event.reason] = TestHooks.finishReasonName(out[0])
            }
            Raw.streamFree(handle)
        }
        assertTrue(seen.size >= 2)
        seen.forEach { (reason, name) -> assertEquals(name, reason.toString()) }
    }

    @Test
    fun severalAnswers() = within {
        val events = Smol.engine.generate { user("Hi"); answers = 3; maxTokens = 5; temperature = 1f; returnTokens = true; topLogprobs = 2 }.toList()
        assertEquals(setOf(0, 1, 2), events.filterIsInstance<Event.Done>().map { it.choice }.toSet())
        val text = events.filterIsInstance<Event.Text>().first { it.tokens.isNotEmpty() }
        assertTrue(text.logprobs.isNotEmpty() && text.logprobs[0].top.size == 2 && text.logprobs[0].logprob <= 0)
    }
}
