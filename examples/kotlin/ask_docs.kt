// ask_docs CHAT.gguf EMBEDDER.gguf QUESTION FILE...: answers a question from the paragraphs of text files that are nearest
// to it in meaning, and names them.
import io.github.qask.Event
import io.github.qask.Model
import io.github.qask.Purpose
import io.github.qask.Truncation
import java.io.File
import kotlin.system.exitProcess
import kotlinx.coroutines.runBlocking

private class Paragraph(val source: String, val text: String)

/** How many paragraphs the model reads. */
private const val SHOWN = 3

fun main(arguments: Array<String>): Unit = runBlocking {
    arguments.orUsage(4, "ask_docs CHAT.gguf EMBEDDER.gguf QUESTION FILE...")
    val (chatModel, embedderModel, question) = arguments
    val found = nearest(embedderModel, question, paragraphs(arguments.drop(3)))
    found.forEachIndexed { i, (paragraph, near) -> println("[%d] %s (%.2f)".format(i + 1, paragraph.source, near)) }
    val notes = found.withIndex().joinToString("") { (i, it) -> "[${i + 1}] ${it.first.text}\n\n" }
    val engine = Model.load(chatModel).engine()
    val answer = engine.generate {
        user("Answer the question with nothing but these notes.\n\n${notes}Question: $question")
        maxTokens = 120
        temperature = 0f
    }
    answer.collect { if (it is Event.Text) print(it.text) }
    println()
    engine.shutdown()
}

private fun paragraphs(files: List<String>): List<Paragraph> {
    val all = files.flatMap { file ->
        File(file).readText().split("\n\n").mapIndexed { i, text -> Paragraph("$file, paragraph ${i + 1}", text.trim()) }
    }.filter { it.text.isNotEmpty() }
    if (all.isNotEmpty()) return all
    System.err.println("there is no text in the files")
    exitProcess(1)
}

/** The paragraphs that are nearest to the question, and how near. */
private suspend fun nearest(embedderModel: String, question: String, all: List<Paragraph>): List<Pair<Paragraph, Double>> =
    Model.load(embedderModel).use { model ->
        model.embedder { truncation = Truncation.END }.use { embedder ->
            val query = embedder.embed(question, Purpose.QUERY)
            val vectors = embedder.embed(all.map { it.text }, Purpose.DOCUMENT)
            val near = vectors.map { vector -> query.indices.sumOf { query[it].toDouble() * vector[it] } }
            all.zip(near).sortedByDescending { it.second }.take(SHOWN)
        }
    }
