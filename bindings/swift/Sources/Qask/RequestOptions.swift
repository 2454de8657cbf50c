// A request, as the library's own object.
import CQask

extension Request: LibraryOptions {
    static func new(_ object: Out?, _ error: Out?) -> qask_status { qask_request_new(object, error) }
    static func free(_ object: OpaquePointer?) { qask_request_free(object) }

    /// The library's object of this request, for as long as `body` runs.
    func use<R>(_ body: (OpaquePointer) throws -> R) throws -> R {
        let object = try made { out, error in
            if let base { return lend(base) { qask_request_from_json($0, $1, out, error) } }
            return Self.new(out, error)
        }
        defer { Self.free(object) }
        try apply(to: Setter(object: object))
        return try body(object)
    }

    /// Whether a text is what the constraint asks for. Needs no model.
    ///
    /// Throws ``QaskError/grammar(_:)`` when the constraint cannot be used, and what else is wrong with the request.
    public func accepts(_ text: String) throws -> Bool {
        try use { request in
            var yes = false
            try lend(text) { data, length in try check { qask_request_accepts(request, data, length, &yes, $0) } }
            return yes
        }
    }

    func apply(to object: Setter) throws {
        for message in messages { try add(message, to: object) }
        if let prompt { try set(prompt, in: object) }
        try applyLimits(to: object)
        try applySampling(to: object)
        try applyTools(to: object)
        if let constraint { try set(constraint, in: object) }
        for text in constraintTriggers { try object.set("constraintTriggers", text, qask_request_add_constraint_trigger) }
    }

    private func add(_ message: Message, to object: Setter) throws {
        if message == Message(role: message.role, message.content) {
            let role = message.role.rawValue
            try object.set("messages", message.content) { qask_request_add_message($0, role, $1, $2, $3) }
        } else {
            try object.set("messages", message.json, qask_request_add_message_json)
        }
    }

    private func set(_ prompt: Prompt, in object: Setter) throws {
        switch prompt {
        case .text(let text): try object.set("prompt", text) { qask_request_set_prompt($0, $1, $2, false, $3) }
        case .special(let text): try object.set("prompt", text) { qask_request_set_prompt($0, $1, $2, true, $3) }
        case .tokens(let tokens): try object.set("prompt", tokens) { qask_request_set_prompt_tokens($0, $1, $1.count, $2) }
        case .infill(let prefix, let suffix):
            try lend(prefix) { prefix, length in
                try object.set("prompt", suffix) { qask_request_set_infill($0, prefix, length, $1, $2, $3) }
            }
        }
    }

    private func applyLimits(to object: Setter) throws {
        try object.set("continueFinalMessage", continueFinalMessage, qask_request_set_continue_final_message)
        try object.set("template", template, qask_request_set_template)
        for (name, json) in templateVariables {
            try lendName(name) { name in
                try object.set("templateVariables", json) { qask_request_set_template_variable($0, name, $1, $2, $3) }
            }
        }
        try object.set("heal", heal, qask_request_set_heal)
        try object.set("maxTokens", maxTokens, qask_request_set_max_tokens)
        try object.set("minTokens", minTokens, qask_request_set_min_tokens)
        for text in stop { try object.set("stop", text, qask_request_add_stop) }
        try object.set("ignoreEOS", ignoreEOS, qask_request_set_ignore_eos)
        try object.set("deadline", deadline, qask_request_set_deadline_ms)
        try object.set("contextPolicy", contextPolicy, qask_request_set_context_policy)
        try object.set("shiftKeep", shiftKeep, qask_request_set_shift_keep)
        try object.set("answers", answers, qask_request_set_n)
        try object.set("topLogprobs", topLogprobs, qask_request_set_top_logprobs)
        try object.set("returnTokens", returnTokens, qask_request_set_return_tokens)
        try object.set("priority", priority, qask_request_set_priority)
        try object.set("cacheKey", cacheKey, qask_request_set_cache_key)
        for (adapter, scale) in adapters {
            try adapter.handle.use { adapter in
                try object.set("adapters", scale) { qask_request_add_adapter($0, adapter, $1, $2) }
            }
        }
    }

    private func applySampling(to object: Setter) throws {
        try object.set("temperature", temperature, qask_request_set_temperature)
        try object.set("topP", topP, qask_request_set_top_p)
        try object.set("topK", topK, qask_request_set_top_k)
        try object.set("minP", minP, qask_request_set_min_p)
        try object.set("typicalP", typicalP, qask_request_set_typical_p)
        try object.set("topNSigma", topNSigma, qask_request_set_top_n_sigma)
        try object.set("minKeep", minKeep, qask_request_set_min_keep)
        try object.set("seed", seed, qask_request_set_seed)
        try object.set("repeatPenalty", repeatPenalty, qask_request_set_repeat_penalty)
        try object.set("frequencyPenalty", frequencyPenalty, qask_request_set_frequency_penalty)
        try object.set("presencePenalty", presencePenalty, qask_request_set_presence_penalty)
        try object.set("penaltyLastN", penaltyLastN, qask_request_set_penalty_last_n)
        for (token, bias) in logitBias {
            try object.set("logitBias", bias) { qask_request_add_logit_bias($0, token, $1, $2) }
        }
        try object.set("dynatempRange", dynatempRange, qask_request_set_dynatemp_range)
        try object.set("dynatempExponent", dynatempExponent, qask_request_set_dynatemp_exponent)
        try object.set("xtcProbability", xtcProbability, qask_request_set_xtc_probability)
        try object.set("xtcThreshold", xtcThreshold, qask_request_set_xtc_threshold)
        try object.set("dryMultiplier", dryMultiplier, qask_request_set_dry_multiplier)
        try object.set("dryBase", dryBase, qask_request_set_dry_base)
        try object.set("dryAllowedLength", dryAllowedLength, qask_request_set_dry_allowed_length)
        try object.set("dryPenaltyLastN", dryPenaltyLastN, qask_request_set_dry_penalty_last_n)
        if let texts = drySequenceBreakers {
            if texts.contains(where: { $0.utf8.contains(0) }) { throw QaskError.range("drySequenceBreakers: a text has a NUL in it") }
            try lend(texts.map { $0 + "\0" }) { texts, _, count in
                try object.set("drySequenceBreakers", texts) { qask_request_set_dry_sequence_breakers($0, $1, count, $2) }
            }
        }
        try object.set("mirostat", mirostat, qask_request_set_mirostat)
        try object.set("mirostatTau", mirostatTau, qask_request_set_mirostat_tau)
        try object.set("mirostatEta", mirostatEta, qask_request_set_mirostat_eta)
    }

    private func applyTools(to object: Setter) throws {
        for tool in tools { try object.set("tools", try tool.json, qask_request_add_tool_json) }
        switch toolChoice {
        case nil: break
        case .auto: try object.set("toolChoice", "auto", qask_request_set_tool_choice)
        case .off: try object.set("toolChoice", "none", qask_request_set_tool_choice)
        case .required: try object.set("toolChoice", "required", qask_request_set_tool_choice)
        case .function(let name): try object.set("toolChoice", name, qask_request_set_tool_choice_function)
        }
        try object.set("parallelToolCalls", parallelToolCalls, qask_request_set_parallel_tool_calls)
        try object.set("toolFormat", toolFormat, qask_request_set_tool_format)
        try object.set("thinking", thinking, qask_request_set_thinking)
        try object.set("reasoningBudget", reasoningBudget, qask_request_set_reasoning_budget)
        try object.set("splitReasoning", splitReasoning, qask_request_set_split_reasoning)
        try object.set("jsonWhitespace", jsonWhitespace, qask_request_set_json_whitespace)
    }

    private func set(_ constraint: Constraint, in object: Setter) throws {
        switch constraint {
        case .jsonSchema(let schema): try object.set("constraint", schema, qask_request_set_json_schema)
        case .json: try object.set("constraint", false, qask_request_set_json)
        case .jsonObject: try object.set("constraint", true, qask_request_set_json)
        case .regex(let source): try object.set("constraint", source, qask_request_set_regex)
        case .grammar(let source): try object.set("constraint", source, qask_request_set_grammar)
        case .lark(let source): try object.set("constraint", source, qask_request_set_lark)
        case .choice(let texts):
            // None would be no constraint.
            if texts.isEmpty { throw QaskError.grammar("choice: there are 0 texts; 1 to 10000 are allowed") }
            for text in texts { try object.set("constraint", text, qask_request_add_choice) }
        }
    }
}
