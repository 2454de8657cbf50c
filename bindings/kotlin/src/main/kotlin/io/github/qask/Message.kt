// Messages of a conversation, in the JSON of OpenAI's API.
package io.github.qask

import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.addJsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray
import kotlinx.serialization.json.putJsonObject

/** A call that a model makes. */
data class ToolCall(
    /** Which of the answer's calls, from 0. */
    val index: Int,
    /** Names the call in the message that answers it. */
    val id: String,
    /** The tool. */
    val name: String,
    /** A JSON object; of a part that is on its way, what is new. */
    val arguments: String,
)

/** A message of a conversation. */
data class Message @JvmOverloads constructor(
    /** "system", "user", "assistant" or "tool". */
    val role: String,
    /** What is said. */
    val content: String,
    /** What was thought before it was said. */
    val reasoning: String = "",
    /** The calls of an assistant's message. */
    val toolCalls: List<ToolCall> = emptyList(),
    /** Of a tool's message: the call that it answers. */
    val toolCallId: String? = null,
    /** Who says it, where there are several. */
    val name: String? = null,
) {
    /** The message in the JSON of OpenAI's API. */
    fun toJson(): String = buildJsonObject {
        put("role", role)
        put("content", content)
        if (reasoning.isNotEmpty()) put("reasoning_content", reasoning)
        if (name != null) put("name", name)
        if (toolCallId != null) put("tool_call_id", toolCallId)
        if (toolCalls.isNotEmpty()) putJsonArray("tool_calls") {
            for (call in toolCalls) addJsonObject {
                put("id", call.id)
                put("type", "function")
                putJsonObject("function") {
                    put("name", call.name)
                    put("arguments", call.arguments)
                }
            }
        }
    }.toString()

    /** Messages by their roles. */
    companion object {
        /** A system message. */
        @JvmStatic
        fun system(text: String) = Message("system", text)

        /** A user's message. */
        @JvmStatic
        fun user(text: String) = Message("user", text)

        /** An answer. */
        @JvmStatic
        fun assistant(text: String) = Message("assistant", text)

        /** What a tool gave for a call. */
        @JvmStatic
        fun tool(callId: String, text: String) = Message("tool", text, toolCallId = callId)

        /** Reads what [toJson] writes, and content that is null or a list of text parts. */
        @JvmStatic
        fun fromJson(json: String): Message = try {
            read(Json.parseToJsonElement(json).jsonObject)
        } catch (e: SerializationException) {
            throw QaskException.Json("a message: ${e.message?.lineSequence()?.first()}")
        } catch (e: IllegalArgumentException) {
            throw QaskException.Json("a message of another shape: ${e.message?.lineSequence()?.first()}")
        }

        private fun read(json: JsonObject) = Message(
            role = json.text("role").orEmpty(),
            content = contentOf(json["content"]),
            reasoning = json.text("reasoning_content").orEmpty(),
            toolCalls = (json["tool_calls"] as? JsonArray).orEmpty().mapIndexed { i, call ->
                val function = call.jsonObject.getValue("function").jsonObject
                ToolCall(i, call.jsonObject.text("id").orEmpty(), function.text("name").orEmpty(), function.text("arguments").orEmpty())
            },
            toolCallId = json.text("tool_call_id"),
            name = json.text("name"),
        )

        private fun JsonObject.text(key: String) = this[key]?.jsonPrimitive?.contentOrNull

        private fun contentOf(json: JsonElement?) = when (json) {
            null -> ""
            is JsonPrimitive -> json.contentOrNull.orEmpty()
            else -> json.jsonArray.joinToString("") { it.jsonObject.text("text").orEmpty() }
        }
    }
}
