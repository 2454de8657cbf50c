// tools MODEL [QUESTION]: a model calls a function of this program, gets its result and answers.
import io.github.qask.Description
import io.github.qask.Event
import io.github.qask.Model
import io.github.qask.tool
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.Serializable

@Serializable
class Place(@Description("the name of the city") val city: String)

// The program's own function.
private fun weather(city: String) = if (city == "Paris") "21 degrees Celsius, clear sky" else "5 degrees Celsius, rain"

fun main(arguments: Array<String>): Unit = runBlocking {
    arguments.orUsage(1, "tools MODEL [QUESTION]")
    val question = arguments.getOrNull(1) ?: "What is the weather in Paris?"
    val engine = Model.load(arguments[0]).engine()
    val chat = engine.chat {
        tools(tool("get_weather", "The weather in a city, now") { place: Place -> weather(place.city) })
        // "auto" leaves it to the model whether it calls; so small a one is better told.
        toolChoice = "required"
        parallelToolCalls = false
        maxTokens = 200
        temperature = 0f
    }
    chat.run(question).collect { event ->
        when (event) {
            is Event.ToolCall -> println("${event.call.name}(${event.call.arguments})")
            is Event.Text -> print(event.text)
            else -> {}
        }
    }
    println()
    engine.shutdown()
}
