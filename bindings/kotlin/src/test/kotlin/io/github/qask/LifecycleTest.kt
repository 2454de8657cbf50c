// What lives how long: garbage, any order, again and again, and the end of the process.
package io.github.qask

import java.io.File
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

    /**
     * Create, generate, cancel, free, again and again: memory, threads, descriptors and handles stay where they are. In
     * `make kotlin-cycles` with a new engine each hundred times.
     */
    @Test
    fun cycles() = within(36_000) {
        val given = System.getenv("QASK_CYCLES")?.toInt()
        val cycles = given ?: 200
        suspend fun fresh() = Smol.model.engine { contextTokens = 512 }
        var engine = fresh()
        var made = 0
        suspend fun some(count: Int) = repeat(count) {
            // Each of the first new engines was seen to add 13 MB to what is resident: a short run cannot say whether that ends.
            if (given != null && ++made % 100 == 0) {
                engine.shutdown()
                engine = fresh()
            }
            cycle(engine, it)
        }
        // What the C library's heaps take in the beginning levels off behind some engines.
        some(if (given != null) cycles / 2 else 100)
        val handles = handlesAtRest()
        val before = Figures()
        println("$cycles cycles, before: $before")
        // Of what an engine has freed, glibc may keep what lies at the end of a heap until that heap is used again, 24 MB of cells
        // here: `malloc_trim` gives back the end of the main heap alone. So what counts is the least that is seen.
        var least = Long.MAX_VALUE
        val parts = minOf(cycles / 100, 20)
        for (part in 1..parts) {
            some(cycles / parts)
            // Some of the last chats may still be held by a frame that is not compiled yet.
            eventually { Qask.liveHandles <= handles + 4 }
            val now = Figures()
            println("${part * cycles / parts}: $now")
            if (given != null && part > parts / 2) least = minOf(least, now.anonymous)
        }
        handlesAtRest()
        val after = Figures()
        assertTrue(minOf(least, after.anonymous) <= before.anonymous + 24_000, "$before, then $least KiB at least")
        assertTrue(after.heap <= before.heap + 4_000 && after.threads <= before.threads + 4, "$before, then $after")
        assertTrue(after.descriptors <= before.descriptors, "$before, then $after")
        engine.shutdown()
    }

    private suspend fun cycle(engine: Engine, i: Int) {
        val chat = engine.chat { ignoreEos = true; maxTokens = 200 }
        if (i % 2 == 0) {
            chat.send("Hello").first { it is Event.Text }
        } else {
            chat.stream("Hello").use { it.next(); it.cancel(); it.reply() }
        }
        // Otherwise it is the garbage collector's.
        if (i % 4 < 2) chat.close()
    }

    /** When the garbage is gone. */
    private suspend fun handlesAtRest(): Long {
        settle()
        return Qask.liveHandles
    }

    private suspend fun settle() = repeat(5) {
        System.gc()
        delay(50)
    }

    private data class Figures(
        /** KiB. */
        val anonymous: Long = figure("RssAnon"),
        /** KiB of Java's objects. */
        val heap: Long = Runtime.getRuntime().run { totalMemory() - freeMemory() } / 1024,
        val threads: Long = figure("Threads"),
        val descriptors: Int = File("/proc/self/fd").list()!!.size,
    ) {
        private companion object {
            fun figure(key: String) =
                File("/proc/self/status").readLines().first { it.startsWith("$key:") }.filter { it.isDigit() }.toLong()
        }
    }

    @Test
    fun theProcessEndsWhileAnswersAreMade() {
        for ((role, code) in mapOf("exit" to 0, "return" to 0, "throw" to 1)) {
            val (got, out) = again(role)
            assertEquals(code, got, "$role: $out")
            assertTrue(out.startsWith("running\n") && (code != 0 || out == "running\n"), "$role: $out")
        }
    }

    @Test
    fun aMissingLibraryIsSaidSo() {
        val (code, out) = again("version", "-Dqask.library=/no/such/libqask_jni.so")
        assertTrue(code != 0 && "/no/such/libqask_jni.so" in out, out)
    }
}

/** This program again, in one of its roles: its exit status and what it said. */
fun again(role: String, vararg options: String = arrayOf("-Dqask.library=${System.getProperty("qask.library")}")): Pair<Int, String> {
    val java = File(System.getProperty("java.home"), "bin/java").path
    // One that does not end has the status 124 of `timeout`.
    val command = listOf("timeout", "300", java, "-cp", System.getProperty("java.class.path"), *options, "io.github.qask.LifecycleTestKt", role)
    val process = ProcessBuilder(command).redirectErrorStream(true).start()
    val out = process.inputStream.bufferedReader().readText()
    return Pair(process.waitFor(), out)
}

/** The roles of the tests above. */
fun main(arguments: Array<String>) {
    if (arguments[0] == "version") return println(Qask.version)
    if (arguments[0] == "isolated") return isolated()
    val engine = Smol.engine
    Qask.logTo(LogLevel.DEBUG) { _, _, _ -> }
    val unending = endless().apply { contextPolicy = ContextPolicy.SHIFT }
    val streams = List(3) { engine.stream(unending) }
    streams.forEach { stream ->
        kotlin.concurrent.thread(isDaemon = true) { while (stream.next() != null) Unit }
    }
    kotlin.concurrent.thread(isDaemon = true) {
        kotlinx.coroutines.runBlocking { engine.generate(unending).collect { } }
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

/** The same answer by an engine in this process and by one in its own. */
private fun isolated() = kotlinx.coroutines.runBlocking {
    for (apart in listOf(false, true)) Smol.model.engine { contextTokens = 512; isolated = apart }.use { engine ->
        println(engine.ask { prompt("One, two,"); temperature = 0f; maxTokens = 8; ignoreEos = true }.text.replace('\n', ' '))
    }
}
