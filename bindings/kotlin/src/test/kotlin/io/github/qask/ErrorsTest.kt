// Errors: every code, misuse, what is closed, what callbacks throw.
package io.github.qask

import java.io.File
import kotlinx.coroutines.CancellationException
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class ErrorsTest {
    @Test
    fun everyCodeHasItsClass() {
        val header = File(repository, "include/qask.h").readText()
        val codes = Regex("""#define QASK_ERR_(\w+) (\d+)""").findAll(header).map { it.groupValues[1] to it.groupValues[2].toInt() }.toList()
        assertTrue(codes.size > 25)
        for ((name, code) in codes) {
            val error = assertThrows(QaskException::class.java) { TestHooks.fail(code) }
            assertEquals(code, error.code)
            assertEquals("QASK_ERR_$name", error.codeName)
            assertEquals("on purpose", error.message)
            assertFalse(error.javaClass.simpleName.startsWith("Other"), name)
            val group = when (code / 100) {
                1 -> QaskException.ArgumentError::class
                2 -> QaskException.ModelError::class
                3 -> QaskException.GenerationError::class
                4 -> QaskException.StateError::class
                else -> QaskException.InternalError::class
            }
            assertTrue(group.isInstance(error), name)
        }
        assertEquals(codes.size, codes.map { assertThrows(QaskException::class.java) { TestHooks.fail(it.second) }.javaClass }.toSet().size)
        for ((code, group) in listOf(199 to "OtherArgument", 299 to "OtherModel", 399 to "OtherGeneration", 499 to "OtherState", 999 to "Other", 700 to "Other")) {
            val error = QaskException.of(code, "x")
            assertEquals(group, error.javaClass.simpleName)
            assertEquals(code, error.code)
        }
    }

    @Test
    fun aPanicIsAnException() {
        assertThrows(QaskException.Panic::class.java) { TestHooks.panic() }
    }

    @Test
    fun aFaultEndsItsEngineOnly() = within {
        val engine = Smol.model.engine { contextTokens = 512 }
        engine.call { TestHooks.provokeFault(it) }
        assertThrows(QaskException.EngineFault::class.java) { engine.askBlocking(endless()) }
        engine.close()
        assertEquals(2, Smol.engine.ask { prompt("Hi"); maxTokens = 2; ignoreEos = true }.done.usage.outputTokens)
    }

    @Test
    fun files(@TempDir folder: File) = within {
        val missing = assertThrows(QaskException.NotFound::class.java) { Model.loadBlocking(File(folder, "no-model.gguf").path) }
        assertTrue("no-model.gguf" in missing.message!!)
        val bad = File(folder, "bad 🎉.gguf").apply { writeText("GGUF, they said") }
        assertThrows(QaskException.Invalid::class.java) { Model.loadBlocking(bad.path) }
        assertThrows(QaskException.Invalid::class.java) { Inspection.ofBlocking(bad.path) }
        assertThrows(QaskException.Range::class.java) { Model.loadBlocking("a\u0000b") }
    }

    @Test
    fun badArguments() {
        assertThrows(QaskException.Range::class.java) { Smol.model.engineBlocking(EngineOptions().apply { contextTokens = -1 }) }
        assertThrows(QaskException.Range::class.java) { Smol.engine.stream(request { prompt("x"); temperature = -1f }) }
        assertThrows(QaskException.Range::class.java) { request { seed = 1L shl 32 }.accepts("x") }
        assertThrows(QaskException.Utf8::class.java) { Smol.model.tokenize("half a pair: \uD83D") }
        assertThrows(QaskException.Json::class.java) { Request.fromJson("{") }
        assertThrows(QaskException.Json::class.java) { Message.fromJson("[1]") }
        assertThrows(QaskException.Grammar::class.java) { Smol.engine.askBlocking(request { user("x"); regex("(") }) }
        assertThrows(QaskException.ContextFull::class.java) { Smol.engine.askBlocking(request { prompt("word ".repeat(9000)) }) }
    }

    @Test
    fun whatIsClosedThrows() {
        val model = Model.loadBlocking(file(SMOLLM))
        val engine = model.engineBlocking(EngineOptions().apply { contextTokens = 256 })
        val chat = engine.chat()
        val stream = engine.stream(endless())
        val inspection = Inspection.ofBlocking(file(SMOLLM))
        val scorer = model.scorerBlocking()
        val plan = model.planBlocking()
        for (it in listOf(plan, scorer, inspection, stream, chat, engine, model)) {
            it.close()
            it.close()
            assertTrue(it.isClosed)
        }
        val uses = listOf<() -> Any?>(
            { model.tokenize("x") }, { model.architecture }, { model.engineBlocking() }, { model.planBlocking() },
            { engine.stream(endless()) }, { engine.stats() }, { engine.chat() }, { engine.contextTokens },
            { chat.askBlocking("x") }, { chat.size }, { chat.exportJson() }, { chat.fork() },
            { stream.next() }, { stream.cancel() }, { inspection.fileSize }, { scorer.scoreBlocking("a", listOf("b")) }, { plan.total },
        )
        for (use in uses) {
            val error = assertThrows(QaskException.Closed::class.java) { use() }
            assertTrue("is closed" in error.message!!)
        }
    }

    @Test
    fun closingWhileOthersUseIt() = within {
        repeat(20) {
            val engine = Smol.model.engine { contextTokens = 256 }
            val threads = List(4) {
                kotlin.concurrent.thread {
                    try {
                        while (true) engine.stream(endless()).use { stream -> stream.next() }
                    } catch (e: QaskException.Closed) {
                        // Expected, whichever call it is.
                    }
                }
            }
            Thread.sleep(10)
            engine.close()
            threads.forEach { it.join(300_000); assertFalse(it.isAlive) }
        }
    }

    class Mine : RuntimeException("mine")

    @Test
    fun whatCallbacksThrowComesOut() = within {
        assertThrows(Mine::class.java) { Model.loadBlocking(file(SMOLLM), ModelOptions().apply { mmap = false }, { throw Mine() }) }
        val thrown = runCatching { Model.load(file(SMOLLM), ModelOptions().apply { mmap = false }) { throw Mine() } }.exceptionOrNull()
        assertTrue(thrown is Mine, "$thrown")
        val collecting = runCatching { Smol.engine.generate(endless()).collect { throw Mine() } }.exceptionOrNull()
        assertTrue(collecting is Mine, "$collecting")
        val cancelling = runCatching { Smol.engine.generate(endless()).collect { throw CancellationException("enough") } }.exceptionOrNull()
        assertTrue(cancelling is CancellationException, "$cancelling")
        assertEquals(3, Smol.engine.ask(endless().apply { maxTokens = 3 }).done.usage.outputTokens)
    }

    @Test
    fun theLog() {
        val lines = java.util.Collections.synchronizedList(ArrayList<String>())
        val uncaught = java.util.concurrent.atomic.AtomicInteger()
        val before = Thread.getDefaultUncaughtExceptionHandler()
        Thread.setDefaultUncaughtExceptionHandler { _, _ -> uncaught.incrementAndGet() }
        try {
            Qask.logTo(LogLevel.DEBUG) { level, source, line ->
                lines.add("$level $source $line")
                throw Mine()
            }
            Smol.model.engineBlocking(EngineOptions().apply { contextTokens = 256 }).use {
                it.askBlocking(request { prompt("a secret"); maxTokens = 2 })
            }
            eventually { synchronized(lines) { lines.any { " engine " in it } && lines.any { " qask " in it } } }
            eventually { uncaught.get() >= 2 }
        } finally {
            Qask.logTo(LogLevel.OFF, null)
            Thread.setDefaultUncaughtExceptionHandler(before)
        }
        synchronized(lines) { assertFalse(lines.any { "secret" in it }) }
    }
}

/** Waits until something is so. */
fun eventually(seconds: Int = 120, condition: () -> Boolean) {
    repeat(seconds * 50) {
        if (condition()) return
        System.gc()
        Thread.sleep(20)
    }
    throw AssertionError("it never was so")
}
