// What can go wrong, as classes: one for each code of the header, in its groups.
package io.github.qask

/**
 * What the library found wrong: the message says what, where, and what to do; it never holds a prompt or an answer.
 *
 * Catch a group, such as [ModelError], or a class, such as [ContextFull].
 */
sealed class QaskException(
    /** The code, as in the header: treat one that you do not know by its hundred. */
    val code: Int,
    message: String,
) : RuntimeException(message) {
    /** The code's name in the header, such as "QASK_ERR_BUSY". */
    val codeName: String get() = Raw.statusName(code).orEmpty()

    /** The 100s: the call was wrong. */
    sealed class ArgumentError(code: Int, message: String) : QaskException(code, message)

    /** The 200s: the model cannot be used. */
    sealed class ModelError(code: Int, message: String) : QaskException(code, message)

    /** The 300s: the answer failed. */
    sealed class GenerationError(code: Int, message: String) : QaskException(code, message)

    /** The 400s: files and saved state. */
    sealed class StateError(code: Int, message: String) : QaskException(code, message)

    /** The 900s: something inside failed, or is not there. */
    sealed class InternalError(code: Int, message: String) : QaskException(code, message)

    /** A required argument was missing. */
    class Null internal constructor(message: String) : ArgumentError(Raw.ERR_NULL, message)

    /** Text was not valid Unicode. */
    class Utf8 internal constructor(message: String) : ArgumentError(Raw.ERR_UTF8, message)

    /** A value is outside what is allowed. */
    class Range internal constructor(message: String) : ArgumentError(Raw.ERR_RANGE, message)

    /** The object was freed while it was used. */
    class Handle internal constructor(message: String) : ArgumentError(Raw.ERR_HANDLE, message)

    /** The object is in use. */
    class Busy internal constructor(message: String) : ArgumentError(Raw.ERR_BUSY, message)

    /** The object was closed. */
    class Closed internal constructor(message: String) : ArgumentError(Raw.ERR_CLOSED, message)

    /** The process forked after the library was used. */
    class Forked internal constructor(message: String) : ArgumentError(Raw.ERR_FORKED, message)

    /** JSON that does not parse, or does not describe what was expected. */
    class Json internal constructor(message: String) : ArgumentError(Raw.ERR_JSON, message)

    /** No such file. */
    class NotFound internal constructor(message: String) : ModelError(Raw.ERR_NOT_FOUND, message)

    /** The file is not a model that can be used. */
    class Invalid internal constructor(message: String) : ModelError(Raw.ERR_INVALID, message)

    /** A model of an architecture that the engine does not know. */
    class UnsupportedArchitecture internal constructor(message: String) : ModelError(Raw.ERR_UNSUPPORTED_ARCH, message)

    /** It does not fit into memory, or into the budget. */
    class TooLarge internal constructor(message: String) : ModelError(Raw.ERR_TOO_LARGE, message)

    /** The chat template is missing, does not compile, or failed. */
    class Template internal constructor(message: String) : ModelError(Raw.ERR_TEMPLATE, message)

    /** The prompt does not fit into the context. */
    class ContextFull internal constructor(message: String) : GenerationError(Raw.ERR_CONTEXT_FULL, message)

    /** The grammar, schema or regular expression is not usable. */
    class Grammar internal constructor(message: String) : GenerationError(Raw.ERR_GRAMMAR, message)

    /** A text is longer than what can be processed, or an answer ended before it was complete. */
    class TooLong internal constructor(message: String) : GenerationError(Raw.ERR_TOO_LONG, message)

    /** An image or a sound cannot be decoded. */
    class Media internal constructor(message: String) : GenerationError(Raw.ERR_MEDIA, message)

    /** Cancelled. A coroutine that is cancelled gets its CancellationException instead. */
    class Cancelled internal constructor(message: String) : GenerationError(Raw.ERR_CANCELLED, message)

    /** The deadline passed. */
    class Deadline internal constructor(message: String) : GenerationError(Raw.ERR_DEADLINE, message)

    /** The engine's queue is full. */
    class QueueFull internal constructor(message: String) : GenerationError(Raw.ERR_QUEUE_FULL, message)

    /** Reading or writing failed. */
    class Io internal constructor(message: String) : StateError(Raw.ERR_IO, message)

    /** Saved state that is damaged. */
    class StateInvalid internal constructor(message: String) : StateError(Raw.ERR_STATE_INVALID, message)

    /** Saved state of another model or another build. */
    class StateMismatch internal constructor(message: String) : StateError(Raw.ERR_STATE_MISMATCH, message)

    /** A checksum does not match. */
    class Checksum internal constructor(message: String) : StateError(Raw.ERR_CHECKSUM, message)

    /** A download failed. */
    class Network internal constructor(message: String) : StateError(Raw.ERR_NETWORK, message)

    /** A bug in qask. */
    class Panic internal constructor(message: String) : InternalError(Raw.ERR_PANIC, message)

    /** llama.cpp failed inside: the engine is lost, the process and other engines are not. */
    class EngineFault internal constructor(message: String) : InternalError(Raw.ERR_ENGINE_FAULT, message)

    /** This build or this machine cannot do it. */
    class Unsupported internal constructor(message: String) : InternalError(Raw.ERR_UNSUPPORTED, message)

    /** Memory could not be allocated. */
    class OutOfMemory internal constructor(message: String) : InternalError(Raw.ERR_OUT_OF_MEMORY, message)

    /** A code in the 100s that this binding does not know. */
    class OtherArgument internal constructor(code: Int, message: String) : ArgumentError(code, message)

    /** A code in the 200s that this binding does not know. */
    class OtherModel internal constructor(code: Int, message: String) : ModelError(code, message)

    /** A code in the 300s that this binding does not know. */
    class OtherGeneration internal constructor(code: Int, message: String) : GenerationError(code, message)

    /** A code in the 400s that this binding does not know. */
    class OtherState internal constructor(code: Int, message: String) : StateError(code, message)

    /** Any other code that this binding does not know. */
    class Other internal constructor(code: Int, message: String) : InternalError(code, message)

    internal companion object {
        private val classes: Map<Int, (String) -> QaskException> = mapOf(
            Raw.ERR_NULL to ::Null, Raw.ERR_UTF8 to ::Utf8, Raw.ERR_RANGE to ::Range, Raw.ERR_HANDLE to ::Handle,
            Raw.ERR_BUSY to ::Busy, Raw.ERR_CLOSED to ::Closed, Raw.ERR_FORKED to ::Forked, Raw.ERR_JSON to ::Json,
            Raw.ERR_NOT_FOUND to ::NotFound, Raw.ERR_INVALID to ::Invalid,
            Raw.ERR_UNSUPPORTED_ARCH to ::UnsupportedArchitecture, Raw.ERR_TOO_LARGE to ::TooLarge,
            Raw.ERR_TEMPLATE to ::Template, Raw.ERR_CONTEXT_FULL to ::ContextFull, Raw.ERR_GRAMMAR to ::Grammar,
            Raw.ERR_TOO_LONG to ::TooLong, Raw.ERR_MEDIA to ::Media, Raw.ERR_CANCELLED to ::Cancelled,
            Raw.ERR_DEADLINE to ::Deadline, Raw.ERR_QUEUE_FULL to ::QueueFull, Raw.ERR_IO to ::Io,
            Raw.ERR_STATE_INVALID to ::StateInvalid, Raw.ERR_STATE_MISMATCH to ::StateMismatch,
            Raw.ERR_CHECKSUM to ::Checksum, Raw.ERR_NETWORK to ::Network, Raw.ERR_PANIC to ::Panic,
            Raw.ERR_ENGINE_FAULT to ::EngineFault, Raw.ERR_UNSUPPORTED to ::Unsupported,
            Raw.ERR_OUT_OF_MEMORY to ::OutOfMemory,
        )

        /** The exception of a code: called by the shim, too. */
        @JvmStatic
        @JvmName("of")
        internal fun of(code: Int, message: String): QaskException = classes[code]?.invoke(message) ?: when (code / 100) {
            1 -> OtherArgument(code, message)
            2 -> OtherModel(code, message)
            3 -> OtherGeneration(code, message)
            4 -> OtherState(code, message)
            else -> Other(code, message)
        }
    }
}
