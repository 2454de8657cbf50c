// The counterpart of benches/bench.c in Kotlin: MODEL THREADS SEQUENCES obeys lines on stdin, each "COMMAND STREAMS TOKENS", and
// prints seconds:
//
//     main     one stream after the other, pulled by the main thread
//     flow     the same as flows
//     flows    STREAMS prompts, each from a coroutine of its own on one thread
package io.github.qask.bench

import io.github.qask.Engine
import io.github.qask.EngineOptions
import io.github.qask.Model
import io.github.qask.request
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

private val some = listOf("river", "market", "window", "engine", "garden", "letter", "winter", "bridge")

/** Those of bench.c, word for word. */
private fun promptOf(i: Int, words: Int = 40): String {
    val rest = (0 until words - 5).joinToString("") { " " + some[(it * 5 + it / 7 + i) % 8] }
    return "${i + 3} stories about the ${some[i % 8]}:$rest. Once upon a time there"
}

private fun requestOf(i: Int, tokens: Int) = request {
    prompt(promptOf(i))
    maxTokens = tokens
    ignoreEos = true
    temperature = 0f
}

private fun run(engine: Engine, command: String, streams: Int, tokens: Int) {
    when (command) {
        "main" -> for (i in 0 until streams) engine.stream(requestOf(i, tokens)).use { for (event in it) Unit }
        "flow" -> runBlocking { for (i in 0 until streams) engine.generate(requestOf(i, tokens)).collect { } }
        "flows" -> runBlocking { for (i in 0 until streams) launch { engine.generate(requestOf(i, tokens)).collect { } } }
        else -> error(command)
    }
}

fun main(arguments: Array<String>) {
    val sequences = arguments[2].toInt()
    val options = EngineOptions().apply {
        contextTokens = 512
        kvTokens = 512 * sequences
        maxSequences = sequences
        prefixCache = false
        unifiedKv = true
        threads = arguments[1].toInt()
    }
    val engine = Model.loadBlocking(arguments[0]).engineBlocking(options)
    println("ready")
    for (line in generateSequence(::readlnOrNull)) {
        val (command, streams, tokens) = line.split(" ")
        val began = System.nanoTime()
        run(engine, command, streams.toInt(), tokens.toInt())
        println((System.nanoTime() - began) / 1e9)
    }
}
