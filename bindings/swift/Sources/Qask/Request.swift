// What is asked for.

/// What is asked for: messages or a prompt, how the answer is drawn, its limits, its shape. It is a value: it can be copied,
/// changed and used again. What is nil is as the model recommends, else the default. What is wrong with it is told by the call
/// that it is used for.
public struct Request: Sendable {
    // ---- what is said ----

    /// The conversation to answer.
    public var messages: [Message] = []

    /// A prompt in place of messages.
    public var prompt: Prompt?

    /// The last message is the assistant's and is continued rather than answered. Default false.
    public var continueFinalMessage: Bool?

    /// Uses a Jinja chat template instead of the model's own. It is compiled when the request is used.
    public var template: String?

    /// Variables of the template, such as "enable_thinking"; the values are JSON.
    public var templateVariables: [String: String] = [:]

    /// Token healing: the prompt's last tokens are taken back, and the answer begins by spelling their text anew, so that a
    /// prompt may end inside a token. That text is not repeated. Default false.
    public var heal: Bool?

    // ---- how long ----

    /// At most this many new tokens; 0 only evaluates the prompt. Default: until the context is full.
    public var maxTokens: Int?

    /// Neither an end-of-generation token nor a stop text ends the answer before so many new tokens. Default 0.
    public var minTokens: Int?

    /// Texts that end the answer and are not part of it: at most 64 of 1 to 4,096 bytes.
    public var stop: [String] = []

    /// Never choose an end-of-generation token (for measuring). Default false.
    public var ignoreEOS: Bool?

    /// End with ``FinishReason/deadline`` when so much time has passed since it was asked: 1 ms or more. Default: none.
    public var deadline: Duration?

    /// What happens when the context is full. Default ``ContextPolicy/error``.
    public var contextPolicy: ContextPolicy?

    /// With ``ContextPolicy/shift``: so many tokens at the beginning of the prompt are never dropped. Default 0.
    public var shiftKeep: Int?

    // ---- what the answer must look like ----

    /// What the answer must be. It is compiled when the request is used; one that cannot be used is ``QaskError/grammar(_:)``.
    public var constraint: Constraint?

    /// The constraint begins behind the first of these texts that the model writes: at most 16 of 1 to 256 bytes.
    public var constraintTriggers: [String] = []

    /// JSON may be laid out freely, with whitespace and line breaks. Default false: one line, a space after `,` and `:`, which
    /// leaves fewer tokens to choose.
    public var jsonWhitespace: Bool?

    // ---- tools and thoughts ----

    /// What the model may call. ``Chat/run(_:)`` calls those that have closures.
    public var tools: [Tool] = []

    /// Whether tools are called. Default ``ToolChoice/auto``.
    public var toolChoice: ToolChoice?

    /// Whether an answer may hold more than one call. Default true; otherwise it ends with its first.
    public var parallelToolCalls: Bool?

    /// How the model writes calls: a name of the table in docs/tools.md, such as "hermes". Default: as its chat template says. An
    /// unknown name is ``QaskError/range(_:)``.
    public var toolFormat: String?

    /// Whether a model that can do both thinks before it answers. Default: as its chat template has it.
    public var thinking: Bool?

    /// After so many tokens of thought it is closed, and the answer begins. Default: no limit.
    public var reasoningBudget: Int?

    /// Whether thoughts are events of their own (``Event/reasoning(_:)``). Default true; otherwise they are text, with their
    /// marks.
    public var splitReasoning: Bool?

    // ---- what is reported, and who waits ----

    /// How many answers to the one prompt, each with its ``Event/choice``: 1 to 64. Default 1.
    public var answers: Int?

    /// Report the log-probability of every new token, and of this many of the likeliest beside it: 0 to 20. Default: none.
    public var topLogprobs: Int?

    /// Put the ids of new tokens on text events. Default false.
    public var returnTokens: Bool?

    /// Higher goes first in the queue: -1,000 to 1,000. Default 0.
    public var priority: Int?

    /// Only requests with the same key share cached prompt prefixes: at most 256 bytes. Default "".
    public var cacheKey: String?

    /// Adapters that act on the answer together, each with its scale.
    public var adapters: [(adapter: Adapter, scale: Float)] = []

    // ---- how the next token is drawn ----

    /// 0 is greedy, always the likeliest token: 0 to 100. Default: the model's own recommendation, else 0.8.
    public var temperature: Float?

    /// Nucleus sampling (arXiv:1904.09751): 0 to 1. Default: the model's, else 0.95; 1 = off.
    public var topP: Float?

    /// Keep the k likeliest: 0 to 1,000,000. Default: the model's, else 40; 0 = off.
    public var topK: Int?

    /// Drop what is less likely than this share of the best: 0 to 1. Default: the model's, else 0.05; 0 = off.
    public var minP: Float?

    /// Locally typical sampling (arXiv:2202.00666): 0 to 1. Default 1 = off.
    public var typicalP: Float?

    /// Keep logits within n standard deviations of the best (arXiv:2411.07641): -1 to 100. Default -1 = off.
    public var topNSigma: Float?

    /// How many tokens the truncating samplers keep at least: 0 to 1,000,000. Default 0.
    public var minKeep: Int?

    /// Seed of the draw. Default: drawn anew for each use, and reported on ``Event/done(_:)``.
    public var seed: UInt32?

    /// Divides the logits of past tokens: above 0, to 100. Default: the model's, else 1 = off.
    public var repeatPenalty: Float?

    /// Taken off a past token's logit for each time it stands there: -100 to 100. Default 0.
    public var frequencyPenalty: Float?

    /// Taken off a past token's logit once: -100 to 100. Default 0.
    public var presencePenalty: Float?

    /// How many past tokens the penalties look at: -1 (the whole context) to 1,000,000. Default: the model's, else 64; 0 = off.
    public var penaltyLastN: Int?

    /// Added to the logits of tokens; negative infinity forbids one. At most 65,536 tokens.
    public var logitBias: [Token: Float] = [:]

    /// Half-width of dynamic temperature (arXiv:2309.02772): 0 to 100. Default 0 = off.
    public var dynatempRange: Float?

    /// Exponent of dynamic temperature: 0 to 100. Default 1.
    public var dynatempExponent: Float?

    /// Chance that XTC (exclude top choices) acts: 0 to 1. Default 0 = off.
    public var xtcProbability: Float?

    /// XTC removes all but the least likely of the tokens above this: 0 to 1. Default 0.1.
    public var xtcThreshold: Float?

    /// Strength of DRY (don't repeat yourself): 0 to 100. Default 0 = off.
    public var dryMultiplier: Float?

    /// Base of DRY's exponential: 1 to 100. Default 1.75.
    public var dryBase: Float?

    /// Repeats up to this length are free under DRY: 0 to 1,000,000. Default 2.
    public var dryAllowedLength: Int?

    /// How many past tokens DRY looks at: -1 (the whole context) to 1,000,000. Default -1; 0 = off.
    public var dryPenaltyLastN: Int?

    /// The texts that end a repeat for DRY: at most 64 of 1 to 128 bytes. Default: newline, colon, quotation mark, asterisk.
    public var drySequenceBreakers: [String]?

    /// Mirostat version (arXiv:2007.14966): 0 = off, 1 or 2. Default 0.
    public var mirostat: Int?

    /// Mirostat's target surprise: 0 to 100. Default 5.
    public var mirostatTau: Float?

    /// Mirostat's learning rate: 0 to 1. Default 0.1.
    public var mirostatEta: Float?

    // ---- making one ----

    /// The JSON that the request begins with.
    let base: String?

    /// A request for nothing yet.
    public init() { base = nil }

    /// A request that is made here: `Request { $0.user("Hello!"); $0.maxTokens = 100 }`.
    public init(_ set: (inout Request) throws -> Void) rethrows {
        self.init()
        try set(&self)
    }

    /// A request in the JSON of OpenAI's chat completions; llama.cpp's names for samplers work too, and options may be set
    /// besides. An unknown field is an error.
    ///
    /// Throws ``QaskError/json(_:)``, ``QaskError/range(_:)``, ``QaskError/unsupported(_:)``.
    public init(json: String) throws {
        base = json
        try use { _ in }
    }

    /// Adds a system message, which comes first.
    public mutating func system(_ text: String) { messages.append(.system(text)) }

    /// Adds a user's message.
    public mutating func user(_ text: String) { messages.append(.user(text)) }

    /// Adds an answer.
    public mutating func assistant(_ text: String) { messages.append(.assistant(text)) }
}

/// A prompt in place of messages.
public enum Prompt: Sendable, Hashable {
    /// A text, in which texts of special tokens are nothing special.
    case text(String)
    /// A text in which texts of special tokens become those tokens: never one from outside.
    case special(String)
    /// Tokens, exactly as given.
    case tokens([Token])
    /// What stands between two texts is asked for, of a model that ``Model/supportsInfill``.
    case infill(prefix: String, suffix: String)
}

/// What an answer must be.
public enum Constraint: Sendable, Hashable {
    /// JSON that is valid under this schema (draft 2020-12, 2019-09, 7, 6 or 4); ``schema(of:)`` makes one of a type.
    case jsonSchema(String)
    /// Any JSON.
    case json
    /// A JSON object.
    case jsonObject
    /// The answer as a whole matches this regular expression, in the syntax of Rust's regex crate without anchors, lazy repeats
    /// and look-around.
    case regex(String)
    /// This grammar in llama.cpp's GBNF; its first rule is `root`.
    case grammar(String)
    /// This grammar in llguidance's variant of Lark's syntax; its first rule is `start`.
    case lark(String)
    /// One of these texts: 1 to 10,000.
    case choice([String])
}

/// Whether tools are called.
public enum ToolChoice: Sendable, Hashable {
    /// The model decides.
    case auto
    /// The model does not see them (OpenAI's "none", which Swift would take for nil).
    case off
    /// At least one call; its arguments keep to the tool's schema.
    case required
    /// The tool of this name is called; its arguments keep to its schema.
    case function(String)
}
