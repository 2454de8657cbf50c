// What the tests have in common: real models, loaded once; the repository; the library's switches for faults.
package io.github.qask

import java.io.File
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement

/** `make kotlin` runs in bindings/kotlin. */
val repository: File = File("../..").absoluteFile

/** Where tools/models.py keeps what it fetched. */
val cache: File = System.getenv("QASK_CACHE")?.let(::File)
    ?: File(System.getenv("XDG_CACHE_HOME")?.takeIf { it.isNotEmpty() } ?: (System.getProperty("user.home") + "/.cache"), "qask")

/** The file of a model. Its absence fails a test, since `make kotlin` fetches it. */
fun file(name: String): String {
    val table = Json.parseToJsonElement(File(repository, "models/models.json").readText())
    return File(cache, table[name]["file"].text).path
}

const val SMOLLM = "smollm2-135m"
const val QWEN = "qwen2.5-coder-0.5b"
const val MINILM = "minilm-l6-v2"
const val RANKER = "minilm-rerank"

/** Shared by tests that do not close it. */
object Smol {
    val model: Model by lazy { Model.loadBlocking(file(SMOLLM)) }
    val engine: Engine by lazy { model.engineBlocking(EngineOptions().apply { contextTokens = 4096 }) }
}

/** A test that hangs ends. Long, since a busy machine is no fault. */
fun within(seconds: Long = 600, block: suspend CoroutineScope.() -> Unit) = runBlocking { withTimeout(seconds * 1000, block) }

/** A request without end. */
fun endless(prompt: String = "Once upon a time") = request {
    prompt(prompt)
    ignoreEos = true
}

val Reply.reason: FinishReason get() = done.reason

operator fun JsonElement?.get(key: String): JsonElement? = (this as? kotlinx.serialization.json.JsonObject)?.get(key)
val JsonElement?.text: String get() = (this as kotlinx.serialization.json.JsonPrimitive).content
val JsonElement?.list: List<JsonElement> get() = (this as? kotlinx.serialization.json.JsonArray).orEmpty()

/** The library's switches, src/test/native/hooks.c. */
object TestHooks {
    init {
        Raw.version()
    }

    external fun fail(code: Int)
    external fun panic()
    external fun provokeFault(engine: Long)
    external fun replay(engine: Long, json: String): Long
    external fun finishReasonName(event: Long): String?
    external fun detect(template: String): String
}
