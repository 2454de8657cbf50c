// Words for the header's constants.
package io.github.qask

/** What happens when the context is full. */
enum class ContextPolicy(internal val value: Int) {
    /** The prompt must fit; an answer ends with [FinishReason.LENGTH]. */
    ERROR(Raw.CONTEXT_ERROR),

    /** The oldest tokens are dropped, and the answer goes on. */
    SHIFT(Raw.CONTEXT_SHIFT),

    /** The oldest turns are left out of the prompt. */
    DROP_OLDEST(Raw.CONTEXT_DROP_OLDEST),
}

/** A format of the KV cache. */
enum class CacheType(internal val value: Int) {
    /** 16-bit floats. */
    F16(Raw.CACHE_F16),

    /** 8.5 bits a number. */
    Q8_0(Raw.CACHE_Q8_0),

    /** 4.5 bits a number. */
    Q4_0(Raw.CACHE_Q4_0),
}

/** What [Engine.trim] lets go of; each level includes those before it. */
enum class Trim(internal val value: Int) {
    /** Prefixes that are kept for later requests, except pinned ones. */
    CACHE(Raw.TRIM_CACHE),

    /**
     * The whole context when nothing runs; the next request makes it anew. In a paused engine nothing runs: what was in the
     * middle is computed again.
     */
    CONTEXT(Raw.TRIM_CONTEXT),

    /** Pages of the mapped model file, which are read again when they are needed. */
    WEIGHTS(Raw.TRIM_WEIGHTS),
}

/** Flash attention. */
enum class FlashAttention(internal val value: Int) {
    /** Where the model and the device support it. */
    AUTO(Raw.FLASH_AUTO),

    /** Never. */
    OFF(Raw.FLASH_OFF),

    /** Always. */
    ON(Raw.FLASH_ON),
}

/** How the vectors of a text's tokens become one. */
enum class Pooling(internal val value: Int) {
    /** They do not: a vector for each token. */
    NONE(Raw.POOLING_NONE),

    /** Their mean. */
    MEAN(Raw.POOLING_MEAN),

    /** The first token's. */
    CLS(Raw.POOLING_CLS),

    /** The last token's. */
    LAST(Raw.POOLING_LAST),

    /** A score, by a model that ranks. */
    RANK(Raw.POOLING_RANK),
}

/** What happens to a text that is too long for an embedder. */
enum class Truncation(internal val value: Int) {
    /** [QaskException.TooLong]. */
    REFUSE(Raw.TRUNCATE_REFUSE),

    /** Its end is cut off. */
    END(Raw.TRUNCATE_END),

    /** Its beginning is cut off. */
    START(Raw.TRUNCATE_START),
}

/** What a text is embedded for. */
enum class Purpose(internal val value: Int) {
    /** The text as it is. */
    PLAIN(Raw.PURPOSE_PLAIN),

    /** With the prefix of queries. */
    QUERY(Raw.PURPOSE_QUERY),

    /** With the prefix of documents. */
    DOCUMENT(Raw.PURPOSE_DOCUMENT),
}

/** How a score takes the length of a continuation out. */
enum class Normalization(internal val value: Int) {
    /** Not at all. */
    NONE(Raw.NORMALIZE_NONE),

    /** By its tokens. */
    TOKENS(Raw.NORMALIZE_TOKENS),

    /** By its bytes. */
    BYTES(Raw.NORMALIZE_BYTES),
}

/** Why an answer ended. */
enum class FinishReason(internal val value: Int, private val word: String) {
    /** An end-of-generation token or a stop text. */
    STOP(Raw.FINISH_STOP, "stop"),

    /** The token limit, or the context is full. */
    LENGTH(Raw.FINISH_LENGTH, "length"),

    /** It ended with at least one tool call. */
    TOOL_CALLS(Raw.FINISH_TOOL_CALLS, "tool_calls"),

    /** It was cancelled. */
    CANCELLED(Raw.FINISH_CANCELLED, "cancelled"),

    /** The deadline passed. */
    DEADLINE(Raw.FINISH_DEADLINE, "deadline"),

    /** It failed. */
    ERROR(Raw.FINISH_ERROR, "error"),

    /** A reason that this binding does not know. */
    OTHER(-1, "other");

    /** As OpenAI's API names it: "stop", "length", "tool_calls"; and "cancelled", "deadline", "error". */
    override fun toString(): String = word

    internal companion object {
        fun of(value: Int) = entries.firstOrNull { it.value == value } ?: OTHER
    }
}

/** What an adapter is. */
enum class AdapterKind(internal val value: Int) {
    /** A LoRA. */
    LORA(Raw.ADAPTER_LORA),

    /** A LoRA that is on from certain tokens on. */
    ACTIVATED_LORA(Raw.ADAPTER_ACTIVATED_LORA),

    /** A control vector. */
    CONTROL_VECTOR(Raw.ADAPTER_CONTROL_VECTOR),
}

/** A part of a memory plan. */
enum class MemoryPart(internal val value: Int) {
    /** The model's file, mapped. */
    MAPPED(Raw.PART_MAPPED),

    /** Weights that were copied. */
    WEIGHTS(Raw.PART_WEIGHTS),

    /** The KV cache. */
    KV(Raw.PART_KV),

    /** Recurrent states. */
    STATE(Raw.PART_STATE),

    /** Buffers to compute in. */
    COMPUTE(Raw.PART_COMPUTE),

    /** Logits and embeddings. */
    OUTPUT(Raw.PART_OUTPUT),

    /** The vocabulary, bookkeeping, code. */
    OTHER(Raw.PART_OTHER),
}
