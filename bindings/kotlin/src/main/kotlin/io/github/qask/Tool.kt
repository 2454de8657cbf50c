// Functions of the program that a model may call.
package io.github.qask

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject
import kotlinx.serialization.serializer

/** A function for tools that takes the arguments' JSON and gives what the model is told. */
fun interface ToolFunction {
    /** Called on the thread of whoever collects [Chat.run]; the model is told the message of what it throws. */
    fun call(argumentsJson: String): String
}

/** Something that the model may call. */
class Tool @PublishedApi internal constructor(
    /** Its name. */
    val name: String,
    /** What it is for. */
    val description: String,
    /** The JSON schema of its arguments. */
    val parameters: String,
    internal val function: (suspend (String) -> String)?,
) {
    internal fun json(): String = buildJsonObject {
        put("type", "function")
        putJsonObject("function") {
            put("name", name)
            put("description", description)
            if (parameters.isNotEmpty()) put("parameters", parsed(parameters))
        }
    }.toString()

    private fun parsed(json: String) = try {
        Json.parseToJsonElement(json)
    } catch (e: kotlinx.serialization.SerializationException) {
        throw QaskException.Json("the parameters of tool $name are not JSON")
    }

    /** Other ways to make one. */
    companion object {
        /** A tool with the schema of its arguments; one without a function is for the caller to answer. */
        @JvmStatic
        @JvmOverloads
        fun of(name: String, description: String, parameters: String, function: ToolFunction? = null): Tool {
            val call: suspend (String) -> String = { arguments -> function!!.call(arguments) }
            return Tool(name, description, parameters, if (function == null) null else call)
        }
    }
}

/**
 * A tool made of a function: the schema of its arguments is that of `In`, a `@Serializable` class, see [schemaOf]. A result
 * that is a String is given to the model as it is, any other as JSON.
 *
 *     val weather = tool("get_weather", "The weather in a city, now") { place: Place -> forecast(place.city) }
 */
inline fun <reified In, reified Out> tool(
    name: String, description: String, crossinline function: suspend (In) -> Out,
): Tool = Tool(name, description, schemaOf<In>()) { arguments ->
    val result = function(Json.decodeFromString(serializer<In>(), arguments))
    if (result is String) result else Json.encodeToString(serializer<Out>(), result)
}
