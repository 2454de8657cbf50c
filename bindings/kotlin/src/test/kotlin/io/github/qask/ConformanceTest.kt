// The cases of tests/conformance, which every binding runs.
package io.github.qask

import java.io.File
import kotlin.math.abs
import kotlin.math.ln
import kotlin.math.sqrt
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class ConformanceTest {
    private fun read(file: String) = Json.parseToJsonElement(File(repository, "tests/conformance/$file.json").readText())

    private val JsonElement?.int: Int get() = text.toInt()
    private val JsonElement?.double: Double get() = text.toDouble()
    private val JsonElement?.truth: Boolean get() = (this as? JsonPrimitive)?.content == "true"

    @Test
    fun everyFileIsRun() {
        val run = setOf("chats", "constraints", "tools", "reasoning", "sessions", "scores", "embeddings", "templates")
        assertEquals(run, File(repository, "tests/conformance").list()!!.filter { it.endsWith(".json") }.map { it.dropLast(5) }.toSet())
    }

    @Test
    fun chats() {
        val cases = read("chats")["cases"].list
        assertTrue(cases.size > 20)
        Smol.engine.chat().use { chat ->
            for (case in cases) {
                val name = case["name"].text
                val before = chat.exportJson()
                if (case["messages"] != null) {
                    chat.importJson(case["chat"].text)
                    assertEquals(case["messages"].int, chat.size, name)
                    assertEquals(chat.size, chat.messages().size, name)
                    chat.fork().use {
                        it.importJson(chat.exportJson())
                        assertEquals(chat.exportJson(), it.exportJson(), name)
                    }
                } else {
                    expect(case) { chat.importJson(case["chat"].text) }
                    assertEquals(before, chat.exportJson(), name)
                }
            }
        }
    }

    @Test
    fun sessions(@TempDir folder: File) {
        val cases = read("sessions")["cases"].list
        assertTrue(cases.size > 10)
        Smol.engine.chat { system("Here.") }.use { chat ->
            val before = chat.exportJson()
            for (case in cases) {
                val file = File(folder, "s")
                file.writeBytes(case["file"].text.chunked(2).map { it.toInt(16).toByte() }.toByteArray())
                expect(case) { chat.restoreBlocking(file.path) }
                assertEquals(before, chat.exportJson(), case["name"].text)
            }
        }
    }

    /** Fails unless the call ends with the case's error. */
    private fun expect(case: JsonElement, call: () -> Unit) {
        val error = assertThrows(QaskException::class.java, call, case["name"].text)
        assertEquals("QASK_ERR_" + case["code"].text, error.codeName, case["name"].text)
        case["message"]?.let { assertTrue(it.text in error.message!!, "${case["name"]}: ${error.message}") }
    }

    @Test
    fun constraints() {
        val cases = read("constraints").list
        assertTrue(cases.size > 40)
        for (case in cases) {
            val name = case["name"].text
            val request = Request().apply { jsonWhitespace = case["json_whitespace"].truth }
            val kinds = mapOf<String, (JsonElement) -> Request>(
                "json_schema" to { request.jsonSchema(it.toString()) },
                "json" to { request.json() },
                "json_object" to { request.json(anObject = true) },
                "regex" to { request.regex(it.text) },
                "lark" to { request.lark(it.text) },
                "gbnf" to { request.grammar(it.text) },
                "choice" to { request.choices(*it.list.map { text -> text.text }.toTypedArray()) },
            ).filterKeys { case[it] != null }
            assertEquals(1, kinds.size, name)
            kinds.forEach { (kind, set) -> set(case[kind]!!) }
            case["error"]?.let {
                val error = assertThrows(QaskException.Grammar::class.java, { request.accepts("x") }, name)
                assertTrue(it.text in error.message!!, "$name: ${error.message}")
            }
            for ((key, want) in mapOf("accepts" to true, "rejects" to false)) {
                for (text in case[key].list) {
                    try {
                        assertEquals(want, request.accepts(text.text), "$name: $text")
                    } catch (e: QaskException.Grammar) {
                        assertTrue(case["or_error"].truth, "$name: ${e.message}")
                    }
                }
            }
        }
    }

    /**
     * What a model writes is dictated to a real one by a constraint, so that the recorded outputs go the whole way:
     * sampled, taken apart, through the header, into events.
     */
    @Test
    fun outputs() {
        val tools = read("tools")
        val reasoning = read("reasoning")
        val cases = tools["cases"].list + reasoning["cases"].list
        assertTrue(cases.size > 100)
        Smol.model.engineBlocking(EngineOptions().apply { contextTokens = 8192 }).use { engine ->
            for (case in cases) {
                val request = request {
                    user("x")
                    temperature = 0f
                    if (case["output"].text.isEmpty()) maxTokens = 0 else choices(case["output"].text)
                    var template = case["tags"]?.let { reasoning["templates"][it.text].text } ?: "{{ messages[0].content }}"
                    if (case["thinking"].truth) template += "<think>"
                    this.template = template
                    case["format"]?.takeIf { it !is JsonNull }?.let {
                        toolFormat = it.text
                        tools["tools"].list.forEach { tool -> toolJson(tool.toString()) }
                    }
                }
                val got = engine.stream(request).use { stream -> shape(stream.toList()) }
                assertEquals(case["events"].list.map(::plain), got.map(::plain), case["name"].text)
            }
        }
    }

    /** The same outputs, replayed by the library's own switch, cut into events as it likes. */
    @Test
    fun replayedOutputs() {
        val tools = read("tools")
        for (case in tools["cases"].list + read("reasoning")["cases"].list) {
            val json = JsonObject((case as JsonObject) + ("tools" to tools["tools"]!!)).toString()
            val got = EventStream(Smol.engine.call { TestHooks.replay(it, json) }).use { shape(it.toList()) }
            assertEquals(case["events"].list.map(::plain), got.map(::plain), case["name"].text)
        }
    }

    /** Every template of llama.cpp's collection is taken for what the file says. */
    @Test
    fun templates() {
        val folder = File(cache, "chat-templates-0.3.36")
        if (!folder.isDirectory) println("NOT CHECKED: chat templates are not in $folder (tools/vectors.py)")
        assumeTrue(folder.isDirectory)
        val want = read("templates") as JsonObject
        assertTrue(want.size >= 60)
        for ((name, expected) in want) {
            assertEquals(expected, Json.parseToJsonElement(TestHooks.detect(File(folder, "$name.jinja").readText())), name)
        }
    }

    /** Numbers by their value: 3 and 3.0 are the same. */
    private fun plain(json: JsonElement): Any? = when (json) {
        is JsonNull -> null
        is JsonPrimitive -> if (json.isString) json.content else json.content.toDoubleOrNull() ?: json.content
        is JsonArray -> json.map(::plain)
        is JsonObject -> json.mapValues { plain(it.value) }
    }

    /** Events in the form of the files: text joined, deltas gone where their call is complete. */
    private fun shape(events: List<Event>): List<JsonObject> {
        val complete = events.filterIsInstance<Event.ToolCall>().map { it.call.index }.toSet()
        val broken = HashSet<Int>()
        val found = ArrayList<JsonObject>()
        fun add(key: String, text: String) {
            val last = found.lastOrNull()?.get(key)
            when {
                text.isEmpty() -> {}
                last != null -> found[found.size - 1] = buildJsonObject { put(key, last.text + text) }
                else -> found.add(buildJsonObject { put(key, text) })
            }
        }
        for (event in events) when (event) {
            is Event.Text -> add("text", event.text)
            is Event.Reasoning -> add("reasoning", event.text)
            is Event.ToolCallDelta -> if (event.call.index !in complete && broken.add(event.call.index)) {
                found.add(buildJsonObject { put("broken", event.call.name) })
            }
            is Event.ToolCall -> found.add(
                buildJsonObject {
                    put("call", event.call.name)
                    put("arguments", Json.parseToJsonElement(event.call.arguments))
                },
            )
            else -> {}
        }
        val done = events.last() as Event.Done
        assertEquals(if (complete.isEmpty()) FinishReason.STOP else FinishReason.TOOL_CALLS, done.reason.takeIf { it != FinishReason.LENGTH } ?: FinishReason.STOP)
        return found
    }

    private fun text(json: JsonElement?): String =
        if (json is JsonObject) json["repeat"].text.repeat(json["times"].int) else json.text

    @Test
    fun scores() {
        val file = read("scores")
        val each = file["per_token"].double
        assertEquals(SMOLLM, file["model"].text)
        assertTrue(file["cases"].list.size > 10)
        for (case in file["cases"].list) {
            val name = case["name"].text
            val options = ScorerOptions().apply {
                maxTokens = case["options"]["max_tokens"]?.int
                batchTokens = case["options"]["batch_tokens"]?.int
                specialTokens = case["options"]["special_tokens"]?.truth
            }
            if (case["code"] != null) {
                expect(case) {
                    Smol.model.scorerBlocking(options).use { if (case["choices"] != null) scored(it, case) else perplexity(it, case) }
                }
                continue
            }
            Smol.model.scorerBlocking(options).use { scorer ->
                if (case["choices"] != null) {
                    val found = scored(scorer, case)
                    val counts = found.all.map { it.tokens.size }
                    case["tokens"]?.let { assertEquals(it.list.map { n -> n.int }, counts, name) }
                    found.all.zip(case["sums"].list).forEach { (score, sum) ->
                        assertTrue(abs(score.logProbability() - sum.double) <= each * score.tokens.size, name)
                    }
                    val likeliest = Normalization.entries.map { found.likeliest(it) }
                    assertEquals(case["likeliest"].list.map { (it as? JsonPrimitive)?.content?.toIntOrNull() }, likeliest, name)
                } else {
                    val found = perplexity(scorer, case)
                    assertEquals(case["scored"].int.toLong(), found.tokens, name)
                    case["perplexity"]?.let { assertTrue(abs(ln(found.perplexity / it.double)) <= each, name) }
                }
            }
        }
    }

    private fun scored(scorer: Scorer, case: JsonElement) = scorer.scoreBlocking(text(case["prompt"]), case["choices"].list.map(::text))

    private fun perplexity(scorer: Scorer, case: JsonElement): Perplexity {
        fun number(key: String) = case[key]?.int ?: 0
        return scorer.perplexityBlocking(text(case["text"]), number("window"), number("stride"), number("context"), number("windows"))
    }

    @Test
    fun embeddings() {
        val file = read("embeddings")
        val tolerance = file["tolerance"].double
        val cases = file["cases"].list
        assertTrue(cases.size > 20)
        // One model at a time is in memory.
        for ((name, its) in cases.groupBy { it["model"].text }) Model.loadBlocking(file(name)).use { model ->
            for (case in its) {
                if (case["code"] != null) expect(case) { embedded(model, case) } else compare(case, embedded(model, case), tolerance)
            }
        }
    }

    private fun embedded(model: Model, case: JsonElement): List<FloatArray> {
        val given = case["options"]
        val options = EmbedderOptions().apply {
            pooling = given["pooling"]?.let { Pooling.valueOf(it.text.uppercase()) }
            normalize = given["normalize"]?.truth
            dimensions = given["dimensions"]?.int
            maxTokens = given["max_tokens"]?.int
            truncation = given["truncation"]?.let { Truncation.valueOf(it.text.uppercase()) }
            batchTokens = given["batch_tokens"]?.int
            maxSequences = given["max_sequences"]?.int
            queryPrefix = given["query_prefix"]?.text
            documentPrefix = given["document_prefix"]?.text
            instruction = given["instruction"]?.text
        }
        return model.embedderBlocking(options).use { embedder ->
            if (case["query"] != null) {
                embedder.rerankBlocking(text(case["query"]), case["documents"].list.map(::text)).map { floatArrayOf(it) }
            } else {
                val purpose = case["purpose"]?.let { Purpose.valueOf(it.text.uppercase()) } ?: Purpose.PLAIN
                embedder.embedBlocking(case["texts"].list.map(::text), purpose)
            }
        }
    }

    private fun compare(case: JsonElement, found: List<FloatArray>, tolerance: Double) {
        val name = case["name"].text
        val same = case["same"].list.map { it.int }.chunked(2)
        if (case["query"] != null) {
            assertEquals(case["documents"].list.size, found.size, name)
            for ((a, b) in same) assertTrue(abs(found[a][0] - found[b][0]) <= tolerance, name)
            case["scores"].list.forEachIndexed { i, score -> assertTrue(abs(found[i][0] - score.double) <= tolerance, name) }
            return
        }
        assertEquals(case["texts"].list.size, found.size, name)
        case["dimensions"]?.let { found.forEach { vector -> assertEquals(it.int, vector.size, name) } }
        for ((a, b) in same) assertTrue(cosine(found[a], found[b]) >= 0.9999, name)
        case["nearer"]?.let {
            val (a, b, c, d) = it.list.map { n -> n.int }
            assertTrue(cosine(found[a], found[b]) > cosine(found[c], found[d]), name)
        }
        val all = found.flatMap { it.asList() }
        case["begins"].list.forEachIndexed { i, number -> assertTrue(abs(all[i] - number.double) <= tolerance, name) }
    }

    private fun cosine(a: FloatArray, b: FloatArray): Double {
        fun dot(x: FloatArray, y: FloatArray) = x.indices.sumOf { x[it].toDouble() * y[it] }
        return dot(a, b) / sqrt(dot(a, a) * dot(b, b))
    }
}
