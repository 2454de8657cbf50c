// embed MODEL.gguf QUERY TEXT...: how near each text is to the query in meaning.
import io.github.qask.Model
import io.github.qask.Purpose
import kotlinx.coroutines.runBlocking

fun main(arguments: Array<String>): Unit = runBlocking {
    arguments.orUsage(3, "embed MODEL.gguf QUERY TEXT...")
    val texts = arguments.drop(2)
    val embedder = Model.load(arguments[0]).embedder()
    val query = embedder.embed(arguments[1], Purpose.QUERY)
    embedder.embed(texts, Purpose.DOCUMENT).zip(texts).forEach { (vector, text) ->
        // The vectors have length 1, so this is the cosine of the angle between them.
        println("%.3f %s".format(query.indices.sumOf { query[it].toDouble() * vector[it] }, text))
    }
    embedder.shutdown()
}
