// json MODEL.gguf [TEXT]: what a text says of a person, as a Kotlin class.
import io.github.qask.Description
import io.github.qask.Limits
import io.github.qask.Model
import io.github.qask.Size
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.Serializable

// The schema is made of the properties; the answer cannot be anything else.
@Serializable
class Person(
    @Size(most = 40) val name: String,
    @Limits(0, 150) val age: Int,
    @Description("what the person likes") @Size(most = 3) val likes: List<String>,
    val mood: Mood,
)

@Suppress("EnumEntryName")
@Serializable
enum class Mood { happy, sad, angry }

fun main(arguments: Array<String>): Unit = runBlocking {
    arguments.orUsage(1, "json MODEL.gguf [TEXT]")
    val text = arguments.getOrNull(1) ?: "Ada is 36 years old, laughs a lot, and likes bees and numbers."
    val engine = Model.load(arguments[0]).engine()
    val found: Person = engine.askFor {
        user("Describe the person as JSON: $text")
        temperature = 0f
        maxTokens = 200
    }
    println("name: ${found.name}\nage: ${found.age}\nlikes: ${found.likes}\nmood: ${found.mood}")
    engine.shutdown()
}
