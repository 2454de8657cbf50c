// plan MODEL.gguf [MEGABYTES]: how much memory an engine over a model would take, before anything is loaded; and the largest
// context that fits into so much.
import io.github.qask.MemoryPart
import io.github.qask.Plan
import kotlinx.coroutines.runBlocking

fun main(arguments: Array<String>): Unit = runBlocking {
    arguments.orUsage(1, "plan MODEL.gguf [MEGABYTES]")
    Plan.engine(arguments[0]).use { plan ->
        println("%.0f MB for a context of %d tokens".format(plan.total / 1e6, plan.contextTokens))
        for (part in MemoryPart.entries) println("  %-8s %8.1f MB".format(part.name.lowercase(), plan.bytes(part) / 1e6))
        arguments.getOrNull(1)?.let { println("largest context: ${plan.largestContext(it.toLong() * 1_000_000)}") }
    }
}
