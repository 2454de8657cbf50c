// Finds the native library, and says what it is.
package io.github.qask

import java.io.File
import kotlin.io.path.createTempDirectory

/** Loads the native library: the file that is named, else that in the jar, else what the system finds (Android). */
internal object Library {
    private const val NAME = "qask_jni"

    fun load() {
        val named = System.getProperty("qask.library") ?: System.getenv("QASK_JNI_LIBRARY")
        val inJar = "/native/${system()}-${machine()}"
        when {
            named != null -> System.load(File(named).absolutePath)
            Library::class.java.getResource("$inJar/${System.mapLibraryName(NAME)}") != null -> System.load(unpacked(inJar).absolutePath)
            else -> System.loadLibrary(NAME)
        }
    }

    /** With the worker of isolated engines, which is looked for beside it. */
    private fun unpacked(folder: String): File {
        val to = createTempDirectory("qask").toFile()
        // What is told first goes last: the folder has to be empty by then.
        to.deleteOnExit()
        val (library, worker) = listOf(System.mapLibraryName(NAME), "qask-worker").map { name ->
            File(to, name).also { file ->
                file.deleteOnExit()
                Library::class.java.getResourceAsStream("$folder/$name")?.use { from -> file.outputStream().use { from.copyTo(it) } }
            }
        }
        worker.setExecutable(true)
        return library
    }

    private fun system() = System.getProperty("os.name").orEmpty().lowercase().let {
        if (it.startsWith("mac")) "macos" else it.substringBefore(' ')
    }

    private fun machine() = when (val it = System.getProperty("os.arch").orEmpty()) {
        "amd64" -> "x86_64"
        "arm64" -> "aarch64"
        else -> it
    }
}

/** The library as a whole. */
object Qask {
    /** The library's version and the kernels that it chose for this CPU, such as "0.1.0+cpu.v3". */
    @JvmStatic
    val version: String get() = Raw.version().orEmpty()

    /** Whether this build can do something: "cuda", "metal", "vulkan", "rocm", "opencl", "native". */
    @JvmStatic
    fun supports(feature: String): Boolean = Raw.supports(feature)

    /**
     * How many objects of the library there are in this process. One of them is the queue that wakes coroutines, once
     * there was one that waited.
     */
    @JvmStatic
    val liveHandles: Long get() = Raw.liveHandles()

    /**
     * Sends the library's log, from a level on, to `sink`, in the place of the one before; null ends it. Lines never hold
     * prompts or answers.
     */
    @JvmStatic
    fun logTo(level: LogLevel, sink: LogSink?) = Log.set(level, sink)
}
