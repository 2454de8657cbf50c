// score MODEL.gguf [PROMPT CONTINUATION...]: which continuation of a prompt is the likeliest.
import io.github.qask.Model
import kotlinx.coroutines.runBlocking

fun main(arguments: Array<String>): Unit = runBlocking {
    arguments.orUsage(1, "score MODEL.gguf [PROMPT CONTINUATION...]")
    val prompt = arguments.getOrNull(1) ?: "The capital of France is"
    val continuations = arguments.drop(2).ifEmpty { listOf(" Berlin", " Paris", " Rome") }
    val scorer = Model.load(arguments[0]).scorer()
    val scores = scorer.score(prompt, continuations)
    scores.all.zip(continuations).forEach { (score, text) -> System.err.println("%8.3f%s".format(score.logProbability(), text)) }
    println(prompt + continuations[scores.likeliest()!!])
    scorer.shutdown()
}
