// What is asked for.
package io.github.qask

import kotlinx.serialization.json.JsonElement

/** Makes a request: `request { user("Hello!"); maxTokens = 100 }`. */
inline fun request(block: Request.() -> Unit): Request = Request().apply(block)

/**
 * What is asked for: messages or a prompt, how the answer is drawn, its limits, its shape. It can be used again and again:
 * each use takes a copy. What is wrong with it is told by the call that it is used for. One owner at a time.
 */
class Request : Sampling() {
    private var json: String? = null
    internal val tools = LinkedHashMap<String, Tool>()

    /** Uses a Jinja chat template instead of the model's own. It is compiled when the request is submitted. */
    var template: String? by Setting(Raw::requestSetTemplate)

    /** At most this many new tokens; 0 only evaluates the prompt. Default: until the context is full. */
    var maxTokens: Int? by count(Raw::requestSetMaxTokens)

    /** Neither an end-of-generation token nor a stop text ends the answer before so many new tokens. Default 0. */
    var minTokens: Int? by count(Raw::requestSetMinTokens)

    /** Never choose an end-of-generation token (for measuring). Default false. */
    var ignoreEos: Boolean? by Setting(Raw::requestSetIgnoreEos)

    /**
     * Report the log-probability of every new token, and of this many of the likeliest beside it: 0 to 20. Default:
     * none.
     */
    var topLogprobs: Int? by count(Raw::requestSetTopLogprobs)

    /** How many answers to the one prompt, each with its [Event.choice]: 1 to 64. Default 1. */
    var answers: Int? by count(Raw::requestSetN)

    /** Put the ids of new tokens on text events. Default false. */
    var returnTokens: Boolean? by Setting(Raw::requestSetReturnTokens)

    /** Higher goes first in the queue: -1,000 to 1,000. Default 0. */
    var priority: Int? by Setting(Raw::requestSetPriority)

    /**
     * End with [FinishReason.DEADLINE] when so many milliseconds have passed since submit: 1 or more; -1 for none, the
     * default.
     */
    var deadlineMillis: Long? by Setting(Raw::requestSetDeadlineMs)

    /** What happens when the context is full. Default [ContextPolicy.ERROR]. */
    var contextPolicy: ContextPolicy? by Setting<ContextPolicy> { to, it -> Raw.requestSetContextPolicy(to, it.value) }

    /** With [ContextPolicy.SHIFT]: so many tokens at the beginning of the prompt are never dropped. Default 0. */
    var shiftKeep: Int? by count(Raw::requestSetShiftKeep)

    /** The last message is the assistant's and is continued rather than answered. Default false. */
    var continueFinalMessage: Boolean? by Setting(Raw::requestSetContinueFinalMessage)

    /**
     * JSON may be laid out freely, with whitespace and line breaks. Default false: one line, a space after `,` and
     * `:`, which leaves fewer tokens to choose.
     */
    var jsonWhitespace: Boolean? by Setting(Raw::requestSetJsonWhitespace)

    /**
     * Token healing: the prompt's last tokens are taken back, and the answer begins by spelling their text anew, so
     * that a prompt may end inside a token. That text is not repeated. Default false.
     */
    var heal: Boolean? by Setting(Raw::requestSetHeal)

    /**
     * Whether tools are called: "auto" (the default), "none" (the model does not see them), or "required" (at least
     * one call; its arguments keep to the tool's schema).
     */
    var toolChoice: String? by Setting(Raw::requestSetToolChoice)

    /** Whether an answer may hold more than one call. Default true; otherwise it ends with its first. */
    var parallelToolCalls: Boolean? by Setting(Raw::requestSetParallelToolCalls)

    /**
     * How the model writes calls: a name of the table in docs/tools.md, such as "hermes". Default: as its chat
     * template says. An unknown name is [QaskException.Range] when the request is submitted.
     */
    var toolFormat: String? by Setting(Raw::requestSetToolFormat)

    /** Whether a model that can do both thinks before it answers. Default: as its chat template has it. */
    var thinking: Boolean? by Setting(Raw::requestSetThinking)

    /** After so many tokens of thought it is closed, and the answer begins. Default: no limit. */
    var reasoningBudget: Int? by count(Raw::requestSetReasoningBudget)

    /**
     * Whether thoughts are events of their own ([Event.Reasoning]). Default true; otherwise they are text, with their marks.
     */
    var splitReasoning: Boolean? by Setting(Raw::requestSetSplitReasoning)

    /** Only requests with the same key share cached prompt prefixes: at most 256 bytes. Default "". */
    var cacheKey: String? by Setting(Raw::requestSetCacheKey)

    /** Adds a system message, which comes first. */
    fun system(text: String): Request = message("system", text)

    /** Adds a user's message. */
    fun user(text: String): Request = message("user", text)

    /** Adds an answer. */
    fun assistant(text: String): Request = message("assistant", text)

    private fun message(role: String, text: String) = also { step { Raw.requestAddMessage(it, role, text) } }

    /** Adds a message. */
    fun message(message: Message): Request = also { step { Raw.requestAddMessageJson(it, message.toJson()) } }

    /** Adds messages. */
    fun messages(messages: List<Message>): Request = also { messages.forEach(::message) }

    /**
     * A raw prompt in place of messages. `parseSpecial` turns texts of special tokens into those tokens: leave it false
     * for text from outside.
     */
    @JvmOverloads
    fun prompt(text: String, parseSpecial: Boolean = false): Request =
        also { step("prompt") { Raw.requestSetPrompt(it, text, parseSpecial) } }

    /** A prompt of tokens. */
    fun promptTokens(vararg tokens: Int): Request = also { step("prompt") { Raw.requestSetPromptTokens(it, tokens) } }

    /** What stands between two texts is asked for, of a model that [Model.supportsInfill]. */
    fun infill(prefix: String, suffix: String): Request = also { step("prompt") { Raw.requestSetInfill(it, prefix, suffix) } }

    /** Adds texts that end the answer and are not part of it: at most 64 of 1 to 4,096 bytes. */
    fun stop(vararg texts: String): Request = also { texts.forEach { text -> step { Raw.requestAddStop(it, text) } } }

    /** Adds `bias` to the logit of a token; negative infinity forbids it. */
    fun logitBias(token: Int, bias: Float): Request = also { step { Raw.requestAddLogitBias(it, token, bias) } }

    /** The texts that end a repeat for DRY: at most 64 of 1 to 128 bytes. */
    fun drySequenceBreakers(vararg texts: String): Request = also {
        val breakers = arrayOf(*texts)
        step("breakers") { Raw.requestSetDrySequenceBreakers(it, breakers) }
    }

    /** Gives the template a variable, such as "enable_thinking". */
    fun templateVariable(name: String, value: JsonElement): Request = templateVariableJson(name, value.toString())

    /** Gives the template a variable whose value is JSON. */
    fun templateVariableJson(name: String, json: String): Request =
        also { step { Raw.requestSetTemplateVariable(it, name, json) } }

    /** Answers with an adapter, by this share. */
    @JvmOverloads
    fun adapter(adapter: Adapter, scale: Float = 1f): Request =
        also { step { to -> adapter.call { Raw.requestAddAdapter(to, it, scale) } } }

    /** Takes away the adapters that were added. */
    fun withoutAdapters(): Request = also { step { Raw.requestClearAdapters(it) } }

    /** Shows tools to the model. [Chat.run] calls those that have functions. */
    fun tools(vararg tools: Tool): Request = also {
        for (tool in tools) {
            this.tools[tool.name] = tool
            step { Raw.requestAddToolJson(it, tool.json()) }
        }
    }

    /** Adds a tool in the JSON of OpenAI's API. */
    fun toolJson(json: String): Request = also { step { Raw.requestAddToolJson(it, json) } }

    /** This tool is called. */
    fun toolChoiceFunction(name: String): Request = also {
        toolChoice = null
        step("toolChoiceFunction") { Raw.requestSetToolChoiceFunction(it, name) }
    }

    /**
     * The answer must be JSON that is valid under this schema. A request has one constraint: the last that was set. It is
     * compiled when the request is used; one that cannot be used is [QaskException.Grammar].
     */
    fun jsonSchema(schema: String): Request = constraint { Raw.requestSetJsonSchema(it, schema) }

    /** The answer must be JSON: an object, or any value. */
    @JvmOverloads
    fun json(anObject: Boolean = false): Request = constraint { Raw.requestSetJson(it, anObject) }

    /** The whole answer must match this regular expression, in the syntax of Rust's regex crate without anchors. */
    fun regex(pattern: String): Request = constraint { Raw.requestSetRegex(it, pattern) }

    /** The answer must follow this grammar in llama.cpp's GBNF; its first rule is `root`. */
    fun grammar(gbnf: String): Request = constraint { Raw.requestSetGrammar(it, gbnf) }

    /** The answer must follow this grammar in llguidance's variant of Lark's syntax; its first rule is `start`. */
    fun lark(grammar: String): Request = constraint { Raw.requestSetLark(it, grammar) }

    /** The answer must be one of these texts: 1 to 10,000. */
    fun choices(vararg texts: String): Request = constraint { to ->
        // None would be no constraint.
        if (texts.isEmpty()) throw QaskException.Grammar("choice: there are 0 texts; 1 to 10000 are allowed")
        texts.forEach { Raw.requestAddChoice(to, it) }
    }

    private fun constraint(set: (Long) -> Unit) = also { step("constraint", set) }

    /** The constraint begins behind the first of these texts that the model writes: at most 16 of 1 to 256 bytes. */
    fun constraintTriggers(vararg texts: String): Request =
        also { texts.forEach { text -> step { Raw.requestAddConstraintTrigger(it, text) } } }

    /** Whether a text is what the constraint asks for. Needs no model. */
    fun accepts(text: String): Boolean = use { Raw.requestAccepts(it, text) }

    /** A copy that goes its own way. */
    fun copy(): Request = Request().also {
        it.json = json
        it.tools.putAll(tools)
        it.takeOver(this)
    }

    internal inline fun <T> use(block: (Long) -> T): T =
        with({ json?.let { Raw.requestFromJson(it) } ?: Raw.requestNew() }, Raw::requestFree, block)

    /** Other ways to make one. */
    companion object {
        /** A request in the JSON of OpenAI's chat completions; options may be added. */
        @JvmStatic
        fun fromJson(json: String): Request = Request().also {
            it.json = json
            it.use { }
        }
    }
}
