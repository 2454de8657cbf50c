// Engines in a process of their own, with the worker that lies beside the library.
package io.github.qask

import java.io.File
import kotlinx.coroutines.delay
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class IsolatedTest {
    private suspend fun answer(engine: Engine) = engine.ask { prompt("One, two,"); temperature = 0f; maxTokens = 8; ignoreEos = true }.text

    private fun children() = ProcessHandle.current().children().toList().toSet()

    @Test
    fun itAnswersAsAnotherDoesAndItsEndIsAnError() = within {
        val before = children()
        val expected = Smol.model.engine { contextTokens = 512 }.use { answer(it) }
        Smol.model.engine { isolated = true }.use { engine ->
            assertEquals(expected, answer(engine))
            assertEquals(1, (children() - before).size)
            // A fault inside, which costs its worker, and the end of the next one from outside: what ran ends with an error,
            // and what comes then is answered.
            val ends = listOf<() -> Unit>(
                { engine.call { TestHooks.provokeFault(it) } },
                { (children() - before).forEach { it.destroyForcibly() } },
            )
            for (end in ends) {
                var done = false
                val error = runCatching {
                    engine.generate(endless()).collect { if (!done) end().also { done = true } }
                }.exceptionOrNull()
                assertTrue(error is QaskException.EngineFault, "$error")
                assertEquals(expected, answer(engine))
            }
        }
        // Closing waits for nothing; the worker ends soon.
        while (children() != before) delay(20)
    }

    @Test
    fun aWorkerThatIsNotThereOrIsNone(@TempDir folder: File) {
        fun made(path: String) = Smol.model.engineBlocking(EngineOptions().apply { isolated = true; worker(path) })
        val missing = assertThrows(QaskException.NotFound::class.java) { made("/nowhere/worker") }
        assertTrue("/nowhere/worker" in missing.message!!)
        assertThrows(QaskException.Range::class.java) { EngineOptions().apply { worker("a\u0000b") }.let(Smol.model::engineBlocking) }
        // A program that never says who it is, and one of another build.
        val none = File(folder, "none").apply { writeText("#!/bin/sh\nexit 0\n") }
        assertTrue(none.setExecutable(true))
        assertThrows(QaskException.EngineFault::class.java) { made(none.path) }
    }

    /** The jar has library and worker inside. What it unpacks is gone when the process is. */
    @Test
    fun outOfTheJar(@TempDir folder: File) {
        val (code, out) = again("isolated", "-Djava.io.tmpdir=$folder")
        assertEquals(0, code, out)
        val words = out.lines()
        assertTrue(words[0].isNotEmpty() && words[0] == words[1], out)
        assertEquals(emptyList<String>(), folder.list()!!.filter { it.startsWith("qask") })
    }
}
