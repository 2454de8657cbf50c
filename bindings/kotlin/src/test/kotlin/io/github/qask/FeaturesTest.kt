// What else there is: JSON of a type, tools, vectors, plans, facts, options.
package io.github.qask

import java.io.File
import java.io.RandomAccessFile
import kotlin.math.abs
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

@Serializable
data class Forecast(
    @Description("the city") @Size(most = 20) val city: String,
    val unit: Degrees,
    @Limits(1, 14) val days: Int,
    @Size(most = 2) val tags: List<String>,
    @Pattern("^[a-z]{3}$") val note: String? = null,
) {
    @Serializable
    enum class Degrees {
        @SerialName("celsius")
        CELSIUS,

        @SerialName("fahrenheit")
        FAHRENHEIT,
    }
}

@Serializable
data class Place(@Description("the name of the city") val city: String)

@Serializable
class Endless(val next: Endless?)

class FeaturesTest {
    @Test
    fun schemas() {
        val want = """{"type":"object","properties":{"city":{"type":"string","description":"the city","maxLength":20},
            "unit":{"enum":["celsius","fahrenheit"]},"days":{"type":"integer","minimum":1,"maximum":14},
            "tags":{"type":"array","items":{"type":"string"},"maxItems":2},
            "note":{"anyOf":[{"type":"string","pattern":"^[a-z]{3}${'$'}"},{"type":"null"}]}},
            "required":["city","unit","days","tags"],"additionalProperties":false}"""
        val got = schemaOf<Forecast>()
        assertEquals(Json.parseToJsonElement(want), Json.parseToJsonElement(got))
        assertTrue(got.indexOf("\"city\"") < got.indexOf("\"unit\""))
        assertEquals("""{"type":"object","additionalProperties":{"type":"number"}}""", schemaOf<Map<String, Double>>())
        assertThrows(QaskException.Json::class.java) { schemaOf<Endless>() }
        assertThrows(QaskException.Json::class.java) { schemaOf(kotlinx.serialization.PolymorphicSerializer(Any::class)) }
    }

    private fun check(answer: Forecast) {
        assertTrue(answer.city.length in 1..20 && answer.days in 1..14 && answer.tags.size <= 2, "$answer")
    }

    @Test
    fun answersOfAType() = within {
        check(Smol.engine.askFor { user("The weather in Paris, in celsius, for 3 days."); temperature = 0f; maxTokens = 200 })
        Smol.engine.chat { temperature = 0f; maxTokens = 200 }.use { chat ->
            check(chat.askFor("The weather in Rome."))
            assertEquals(2, chat.size)
        }
        val short = runCatching { Smol.engine.askJson(request { user("x"); maxTokens = 2 }, schemaOf<Forecast>()) }.exceptionOrNull()
        assertTrue(short is QaskException.TooLong, "$short")
        assertThrows(QaskException.Json::class.java) { valueOf("{\"secret\": 1}", Place.serializer()) }.let {
            assertFalse("secret" in it.message!!)
        }
    }

    @Test
    fun toolsAreCalled() = within {
        val asked = ArrayList<String>()
        val weather = tool("get_weather", "The weather in a city, now") { place: Place ->
            asked.add(place.city)
            delay(1)
            "21 degrees Celsius, clear sky"
        }
        Model.load(file(QWEN)).use { model ->
            val engine = model.engine { contextTokens = 2048 }
            val settings = request {
                tools(weather)
                toolChoice = "required"
                parallelToolCalls = false
                temperature = 0f
                maxTokens = 100
            }
            engine.chat(settings).use { chat ->
                val events = chat.run("What is the weather in Paris?").toList()
                // So small a model may ask the same again; then it has to answer.
                assertTrue(asked.size in 1..2 && asked[0] == "Paris", "$asked")
                val result = events.filterIsInstance<Event.ToolResult>().first()
                assertEquals("21 degrees Celsius, clear sky", result.content)
                assertEquals("tool", chat.message(2).role)
                assertEquals(result.content, chat.message(2).content)
                val calls = chat.message(1).toolCalls
                assertEquals(listOf("get_weather"), calls.map { it.name })
                assertEquals(calls[0].id, chat.message(2).toolCallId)
                assertTrue(events.filterIsInstance<Event.Text>().isNotEmpty())
                assertTrue(events.filterIsInstance<Event.ToolCallDelta>().joinToString("") { it.call.arguments }.startsWith(calls[0].arguments))
                assertEquals(2 + 2 * asked.size, chat.size)
                // The forced choice is in force again, and a tool without a function is handed back.
                chat.change {
                    tools(Tool.of("later", "", """{"type":"object","properties":{}}"""))
                    toolChoiceFunction("later")
                }
                val last = chat.run("Later.").toList().last()
                assertEquals(FinishReason.TOOL_CALLS, (last as Event.Done).reason)
            }
            // What a function throws is told to the model.
            val fails = tool<Place, Int>("fails", "Always called") { error("out of order") }
            engine.chat(request { tools(fails); toolChoice = "required"; temperature = 0f; maxTokens = 60 }).use { chat ->
                val result = chat.run("Paris").toList().filterIsInstance<Event.ToolResult>().first()
                assertEquals("error: out of order", result.content)
                assertTrue(result.error is IllegalStateException)
            }
            // Cancelled in the midst of a tool.
            val slow = tool<Place, String>("slow", "Always called") { delay(60_000); "never" }
            engine.chat(request { tools(slow); toolChoice = "required"; temperature = 0f; maxTokens = 60 }).use { chat ->
                val job = launch { chat.run("Paris").collect { } }
                while (chat.size < 2 || chat.isBusy) delay(5)
                job.cancel()
                job.join()
                assertEquals("tool_calls", chat.ask("Again.").reason.toString())
            }
            engine.shutdown()
        }
    }

    @Test
    fun vectors() = within {
        Model.load(file(MINILM)).use { model ->
            model.embedder { truncation = Truncation.END }.use { embedder ->
                val vectors = embedder.embed(listOf("A cat sits on the mat.", "The kitten rests on a rug.", "Rates went up.", ""))
                fun dot(a: FloatArray, b: FloatArray) = a.indices.sumOf { a[it].toDouble() * b[it] }
                assertEquals(384, embedder.dimensions)
                assertEquals(Pooling.MEAN, embedder.pooling)
                assertTrue(dot(vectors[0], vectors[1]) > 0.5 && dot(vectors[0], vectors[2]) < 0.3 && abs(dot(vectors[2], vectors[2]) - 1) < 1e-3)
                assertEquals(4, embedder.countTokens("A cat", Purpose.QUERY))
                assertTrue(embedder.maxTokens >= 128)
                assertThrows(QaskException.Utf8::class.java) { embedder.embedBlocking(listOf("\uDC00")) }
                embedder.shutdown()
                assertThrows(QaskException.Closed::class.java) { embedder.embedBlocking(listOf("x")) }
            }
            model.embedder { pooling = Pooling.NONE; normalize = false }.use {
                val rows = it.embedTokens("A cat")
                assertEquals(listOf(384, 384, 384, 384), rows.map { row -> row.size })
            }
        }
        Model.load(file(RANKER)).use { model ->
            model.embedder { pooling = Pooling.RANK }.use {
                val scores = it.rerank("a cat", listOf("The cat naps.", "Rates went up.", "The cat naps."))
                assertTrue(scores.size == 3 && scores[0] != scores[1] && abs(scores[0] - scores[2]) < 1e-3)
            }
        }
    }

    @Test
    fun facts() {
        val model = Smol.model
        Inspection.ofBlocking(file(SMOLLM)).use { file ->
            for (fact in listOf<(ModelFacts) -> Any>({ it.architecture }, { it.modelName }, { it.quantization }, { it.parameters }, { it.contextLength }, { it.vocabularySize }, { it.fileSize }, { it.chatTemplate }, { it.metadata })) {
                assertEquals(fact(file), fact(model))
            }
        }
        assertEquals("llama", model.architecture)
        assertEquals(49152, model.vocabularySize)
        assertEquals(8192, model.contextLength)
        assertEquals(File(file(SMOLLM)).length(), model.fileSize)
        assertEquals("llama", model.metadata["general.architecture"])
        assertTrue(model.devices.isNotEmpty() && model.devices.values.all { it > 0 })
        assertEquals(0, model.gpuLayers)
        assertFalse(model.supportsInfill || Qask.supports("cuda"))
        assertTrue(Qask.version.isNotEmpty())
        for (text in listOf("Hello, wörld! 你好 🎉", "", "a\n".repeat(100), "e\u0301".repeat(300))) {
            assertEquals(text, model.detokenize(model.tokenize(text)))
        }
        val special = model.tokenize("<|im_end|>", addSpecial = true, parseSpecial = true)
        assertTrue(model.endsGeneration(special.last()) && model.tokenize("<|im_end|>").size > 2)
        assertTrue(model.bos >= 0 && model.eos >= 0 && model.eot >= 0)
        assertEquals("", model.detokenize(intArrayOf(model.eos)))
        assertTrue(model.detokenize(intArrayOf(model.eos), renderSpecial = true).isNotEmpty())
        val request = request {
            system("s")
            user("Hi")
            template = "{{ messages[1].content }}-{{ mood }}"
            templateVariable("mood", JsonPrimitive("sunny"))
        }
        assertEquals("Hi-sunny", model.render(request))
    }

    @Test
    fun otherWaysToLoad(@TempDir folder: File) = within {
        Model.load(listOf(file(SMOLLM))).use { assertEquals("llama", it.architecture) }
        assertTrue(runCatching { Model.load(emptyList()) }.exceptionOrNull() is QaskException)
        // Inside another file, as an asset in a package: at an offset that can be mapped.
        val packed = File(folder, "package")
        packed.outputStream().use { out ->
            out.write(ByteArray(4096))
            File(file(SMOLLM)).inputStream().use { it.copyTo(out) }
            out.write(ByteArray(100))
        }
        RandomAccessFile(packed, "r").use {
            val descriptor = File("/proc/self/fd").listFiles()!!.first { link -> runCatching { link.canonicalPath }.getOrNull() == packed.canonicalPath }.name.toInt()
            val shares = ArrayList<Float>()
            val model = Model.load(descriptor, 4096, File(file(SMOLLM)).length(), ModelOptions().apply { mmap = false }) { share -> synchronized(shares) { shares.add(share) } }
            assertEquals(49152, model.vocabularySize)
            assertTrue(shares.isNotEmpty() && shares.last() > 0.9f && shares == shares.sorted(), "$shares")
            model.close()
            assertTrue(runCatching { Model.load(descriptor, 0, 0) }.exceptionOrNull() is QaskException.Invalid)
        }
    }

    @Test
    fun plans() = within {
        Plan.engine(file(SMOLLM), engine = EngineOptions().apply { contextTokens = 1024 }).use { plan ->
            assertEquals(1024, plan.contextTokens)
            assertTrue(plan.total > 90_000_000 && plan.sequenceBytes > 0)
            assertEquals(plan.total, MemoryPart.entries.sumOf { plan.bytes(it) })
            assertEquals("CPU", plan.devices[0].name)
            assertFalse(plan.devices[0].isGpu)
            assertEquals(plan.total, plan.devices.sumOf { it.bytes.values.sum() })
            assertTrue(plan.largestContext(plan.total + 100_000_000) >= 1024)
        }
        Plan.embedder(file(MINILM)).use { assertTrue(it.total > 50_000_000) }
        Smol.model.plan().use { assertTrue(it.bytes(MemoryPart.KV) > 0) }
        val refused = assertThrows(QaskException.TooLarge::class.java) { Smol.model.engineBlocking(EngineOptions().apply { memoryBudget = 1_000_000 }) }
        assertTrue(refused.message!!.isNotEmpty())
    }

    @Test
    fun likelihoods() = within {
        Smol.model.scorer().use { scorer ->
            val scores = scorer.score("The capital of France is", listOf(" Paris", " Berlin"))
            assertEquals(0, scores.likeliest())
            assertTrue(scores.all[0].logProbability() > scores.all[1].logProbability() && scores.all[0].logProbabilities.size == 1)
            assertTrue(scorer.perplexity("The cat sat on the mat.").perplexity > 1)
            assertTrue(scorer.maxTokens > 0)
            scorer.shutdown()
        }
    }

    @Test
    fun rests() = within {
        val engine = Smol.model.engine { threads = 1 }
        suspend fun count() = engine.ask { user("Complete the sentence: the capital of France is"); temperature = 0f; maxTokens = 8 }.text
        val expected = count()
        engine.pause()
        val steps = engine.stats().steps
        val answer = async { count() }
        delay(100)
        assertEquals(steps, engine.stats().steps)
        engine.trim(Trim.CONTEXT)
        engine.resume()
        assertEquals(expected, answer.await())
        for (level in Trim.entries) {
            engine.trim(level)
            assertEquals(expected, count())
        }
        engine.shutdown()
    }

    @Test
    fun prewarmed() = within {
        val engine = Smol.model.engine {
            contextTokens = 256
            kvTokens = 512
            batch = 128
            microBatch = 64
            threads = 2
            batchThreads = 2
            keyCache = CacheType.F16
            valueCache = CacheType.F16
            flashAttention = FlashAttention.AUTO
            unifiedKv = true
            maxStepMillis = 100
            maxQueue = 100
            prefixCache = true
            deterministic = false
            offloadKv = true
        }
        val system = "You are a careful assistant. ".repeat(8)
        engine.prewarm(request { system(system) }, pin = true)
        engine.setThreads(1, 2)
        engine.unpin()
        val reply = engine.ask { system(system); user("x"); maxTokens = 1 }
        assertTrue(reply.done.usage.cachedTokens > 20)
        assertEquals(listOf(256, 512), listOf(engine.contextTokens, engine.kvTokens))
        // The figures follow an answer.
        while (engine.stats().outputTokens == 0L) delay(1)
        val stats = engine.stats()
        assertTrue(stats.submitted >= 1L && stats.outputTokens == 1L && stats.threads == 1L && stats.threadsBatch == 2L && stats.kvTokensTotal == 512L)
        engine.shutdown()
    }

    @Test
    fun theFolderOfPrefixes(@TempDir folder: File) = within {
        val system = "You are a careful assistant, and you say nothing that you are not sure of. ".repeat(20)
        for (round in 0..1) Smol.model.engine { prefixCacheDir(File(folder, "prefixes").path, 100_000_000) }.use { engine ->
            for (question in listOf("One?", "Two?")) engine.ask { system(system); user(question); maxTokens = 1 }
            if (round == 1) assertTrue(engine.stats().diskTokens > 100, "${engine.stats().diskTokens}")
            engine.shutdown()
        }
    }

    @Test
    fun adapters(@TempDir folder: File) = within {
        val made = ProcessBuilder("python3", File(repository, "bindings/go/testdata/adapter.py").path, folder.path).inheritIO().start().waitFor()
        assertEquals(0, made)
        val engine = Smol.model.engine { prefixCache = false; contextTokens = 512 }
        suspend fun ask(more: Request.() -> Unit) = engine.ask(request { user("What is rain?"); temperature = 0f; maxTokens = 16 }.apply(more)).text
        val plain = ask { }
        for ((name, same) in mapOf("zero.gguf" to true, "noise.gguf" to false)) {
            Smol.model.adapter(File(folder, name).path).use {
                assertEquals(AdapterKind.LORA, it.kind)
                assertEquals(same, ask { adapter(it) } == plain, name)
                assertEquals(plain, ask { adapter(it, 1f); withoutAdapters() }, name)
            }
        }
        engine.shutdown()
    }

    /** Every option reaches the library: a value inside its range is taken, one outside is refused with the field's name. */
    @Test
    fun requestOptions() {
        val fine = request {
            minTokens = 1; answers = 2; priority = 3; shiftKeep = 4; continueFinalMessage = true; heal = true; thinking = false
            reasoningBudget = 9; splitReasoning = true; topK = 1; topP = 0.5f; minP = 0.1f; typicalP = 0.9f; topNSigma = 1f; seed = 4294967295
            minKeep = 1; repeatPenalty = 1.1f; frequencyPenalty = 0.1f; presencePenalty = 0.1f; penaltyLastN = -1; dynatempRange = 0.1f
            dynatempExponent = 1f; xtcProbability = 0.1f; xtcThreshold = 0.1f; dryMultiplier = 0.1f; dryBase = 1.5f; dryAllowedLength = 2
            dryPenaltyLastN = -1; mirostat = 2; mirostatTau = 5f; mirostatEta = 0.1f; cacheKey = "k"; toolFormat = "hermes"; topLogprobs = 1
            deadlineMillis = 1000; ignoreEos = true; returnTokens = true; jsonWhitespace = true; maxTokens = 3
            drySequenceBreakers("\n", ":"); logitBias(5, Float.NEGATIVE_INFINITY); stop("a", "b"); promptTokens(1, 2); infill("a", "b")
            prompt("x", parseSpecial = true); constraintTriggers("x"); withoutAdapters(); contextPolicy = ContextPolicy.SHIFT
        }
        assertTrue(fine.accepts("x"))
        assertEquals(4294967295, fine.copy().seed)
        val bad = mapOf<String, Request.() -> Unit>(
            "top_p" to { topP = 2f }, "min_p" to { minP = -1f }, "top_k" to { topK = 2_000_000 }, "typical_p" to { typicalP = 2f },
            "repeat_penalty" to { repeatPenalty = 0f }, "mirostat" to { mirostat = 3 }, "xtc_threshold" to { xtcThreshold = 2f },
            "dry_base" to { dryBase = 0f }, "priority" to { priority = 5000 }, "penalty_last_n" to { penaltyLastN = -2 }, "stop" to { stop("") },
            "dry_sequence_breakers" to { drySequenceBreakers("") }, "tool_choice" to { toolChoice = "maybe" }, "NUL" to { cacheKey = "a\u0000b" },
            "negative" to { maxTokens = -1 },
        )
        for ((word, set) in bad) {
            val error = assertThrows(QaskException.Range::class.java, { Request().apply { set() }.accepts("x") }, word)
            assertTrue(word in error.message!!, "$word: ${error.message}")
        }
        assertTrue(Request().apply { topP = 2f; topP = null }.accepts("x"))
        val json = Request.fromJson("""{"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}""").apply { temperature = 0f }
        assertTrue(Smol.engine.askBlocking(json).done.usage.outputTokens <= 3)
    }

    @Test
    fun messagesAreOpenAIs() {
        val message = Message("assistant", "你好 🎉", "hm", listOf(ToolCall(0, "a", "f", "{}")), null, "x")
        assertEquals(message, Message.fromJson(message.toJson()))
        assertEquals("ab", Message.fromJson("""{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}""").content)
        assertEquals("", Message.fromJson("""{"role":"assistant","content":null}""").content)
        val answer = Message.tool("a", "42")
        assertEquals(answer, Message.fromJson(answer.toJson()))
    }
}
