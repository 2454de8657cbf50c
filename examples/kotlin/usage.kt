import kotlin.system.exitProcess

/** Ends the program when there are too few arguments. */
internal fun Array<String>.orUsage(least: Int, usage: String) = also {
    if (size < least) {
        System.err.println("usage: $usage")
        exitProcess(2)
    }
}
