// What lives how long: garbage, any order, again and again, and the end of the process.
package io.github.qask

import java.io.File
import java.util.concurrent.TimeUnit
import kotlin.random.Random
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class LifecycleTest {
    @Test
    fun whatIsForgottenIsFreed() {
        Smol.engine.askBlocking(endless().apply { maxTokens = 1 })
        val before = Qask.liveHandles
        forget()
        eventually { Qask.liveHandles <= before }
    }

    private fun forget() {
        val model = Model.loadBlocking(file(SMOLLM))
        val engine = model.engineBlocking(EngineOptions().apply { contextTokens = 256 })
        engine.chat().stream("Hi").next()
        engine.stream(endless()).next()
        model.planBlocking()
        Inspection.ofBlocking(file(SMOLLM))
    }

    @Test
    fun anyOrder() {
        val random = Random(7)
        repeat(12) {
            val model = Model.loadBlocking(file(SMOLLM))
            val engine = model.engineBlocking(EngineOptions().apply { contextTokens = 256 })
            val chat = engine.chat()
            val stream = chat.stream("Hi")
            val other = engine.stream(endless())
            other.next()
            for (one in listOf(model, engine, chat, stream, other).shuffled(random)) {
                if (random.nextInt(4) == 0) System.gc() else one.close()
            }
        }
    }

    @Test
    fun whatIsMadeKeepsWhatItNeeds() = within {
        val chat = onlyTheChat()
        repeat(5) {
            System.gc()
            delay(20)
        }
        assertEquals(FinishReason.LENGTH, chat.ask("Hi").reason)
        chat.close()
    }

    private suspend fun onlyTheChat() = Model.load(file(SMOLLM)).engine { contextTokens = 256 }.chat { maxTokens = 3; ignoreEos = true }

    /** Create, generate, cancel, free, again and again: memory, threads and handles stay where they are. */
    @Test
    fun cycles() = within(3600) {
        val cycles = System.getenv("QASK_CYCLES")?.toInt() ?: 200
        Smol.model.engine { contextTokens = 512 }.use { engine ->
            suspend fun cycle(i: Int) {
                val chat = engine.chat { ignoreEos = true; maxTokens = 200 }
                if (i % 2 == 0) {
                    chat.send("Hello").first { it is Event.Text }
                } else {
                    chat.stream("Hello").use { it.next(); it.cancel(); it.reply() }
                }
                // Otherwise it is the garbage collector's.
                if (i % 4 < 2) chat.close()
            }
            repeat(maxOf(cycles / 4, 50)) { cycle(it) }
            settle()
            val handles = Qask.liveHandles
            val before = Figures()
            repeat(cycles) { cycle(it) }
            settle()
            eventually { Qask.liveHandles <= handles }
            val after = Figures()
            println("$cycles cycles: $before, then $after")
            assertTrue(after.resident <= before.resident + 24_000, "$before, then $after")
            assertTrue(after.heap <= before.heap + 4_000 && after.threads <= before.threads + 4, "$before, then $after")
            engine.shutdown()
        }
    }

    private suspend fun settle() = repeat(5) {
        System.gc()
        delay(50)
    }

    private data class Figures(
        /** KiB. */
        val resident: Long = figure("VmRSS"),
        /** KiB of Java's objects. */
        val heap: Long = Runtime.getRuntime().run { totalMemory() - freeMemory() } / 1024,
        val threads: Long = figure("Threads"),
    ) {
        private companion object {
            fun figure(key: String) =
                File("/proc/self/status").readLines().first { it.startsWith("$key:") }.filter { it.isDigit() }.toLong()
        }
    }

    /** This program again, in one of its roles. */
    private fun again(role: String): Pair<Int, String> {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val process = ProcessBuilder(java, "-cp", System.getProperty("java.class.path"), "-Dqask.library=${System.getProperty("qask.library")}", "io.github.qask.LifecycleTestKt", role)
            .redirectErrorStream(true).start()
        val out = process.inputStream.bufferedReader().readText()
        assertTrue(process.waitFor(60, TimeUnit.SECONDS))
        return Pair(process.exitValue(), out)
    }

    @Test
    fun theProcessEndsWhileAnswersAreMade() {
        for ((role, code) in mapOf("exit" to 0, "return" to 0, "throw" to 1)) {
            val began = System.nanoTime()
            val (got, out) = again(role)
            assertEquals(code, got, "$role: $out")
            assertTrue(out.startsWith("running\n") && (code != 0 || out == "running\n"), "$role: $out")
            assertTrue(System.nanoTime() - began < 40_000_000_000, role)
        }
    }

    @Test
    fun aMissingLibraryIsSaidSo() {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val process = ProcessBuilder(java, "-cp", System.getProperty("java.class.path"), "-Dqask.library=/no/such/libqask_jni.so", "io.github.qask.LifecycleTestKt", "version")
            .redirectErrorStream(true).start()
        val out = process.inputStream.bufferedReader().readText()
        assertTrue(process.waitFor() != 0 && "/no/such/libqask_jni.so" in out, out)
    }
}

/** The roles of the tests above. */
fun main(arguments: Array<String>) {
    if (arguments[0] == "version") return println(Qask.version)
    val engine = Smol.engine
    Qask.logTo(LogLevel.DEBUG) { _, _, _ -> }
    val streams = List(3) { engine.stream(endless()) }
    streams.forEach { stream ->
        kotlin.concurrent.thread(isDaemon = true) { while (stream.next() != null) Unit }
    }
    kotlin.concurrent.thread(isDaemon = true) {
        kotlinx.coroutines.runBlocking { engine.generate(endless()).collect { } }
    }
    kotlin.concurrent.thread(isDaemon = true) {
        while (true) Model.loadBlocking(file(SMOLLM), ModelOptions().apply { mmap = false }, { }).close()
    }
    while (engine.stats().active < 4) Thread.sleep(1)
    print("running\n")
    System.out.flush()
    when (arguments[0]) {
        "exit" -> System.exit(0)
        "throw" -> error("on purpose")
    }
}
