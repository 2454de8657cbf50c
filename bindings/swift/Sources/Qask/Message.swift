// Messages of a conversation, in the JSON of OpenAI's API.
import Foundation

/// A call that a model makes.
public struct ToolCall: Sendable, Hashable {
    /// Which of the answer's calls, from 0.
    public let index: Int
    /// Names the call in the message that answers it.
    public let id: String
    /// The tool.
    public let name: String
    /// A JSON object; of a part that is on its way, what is new.
    public let arguments: String
    /// Which of the answers to one prompt it belongs to.
    public let choice: Int

    /// A call as a program makes one up, for a history.
    public init(id: String, name: String, arguments: String, index: Int = 0) {
        (self.index, self.id, self.name, self.arguments, choice) = (index, id, name, arguments, 0)
    }
}

/// A message of a conversation. Its `Codable` form is that of OpenAI's API.
public struct Message: Sendable, Hashable {
    /// Who says it.
    public enum Role: String, Sendable, Codable {
        /// What the model is told to be.
        case system
        /// The user.
        case user
        /// The model.
        case assistant
        /// What a tool gave.
        case tool
    }

    /// Who says it.
    public var role: Role
    /// What is said.
    public var content: String
    /// What was thought before it was said.
    public var reasoning: String
    /// The calls of an assistant's message.
    public var toolCalls: [ToolCall]
    /// Of a tool's message: the call that it answers.
    public var toolCallID: String?
    /// Who says it, where there are several.
    public var name: String?

    /// A message with whatever it has.
    public init(
        role: Role, _ content: String, reasoning: String = "", toolCalls: [ToolCall] = [], toolCallID: String? = nil,
        name: String? = nil
    ) {
        (self.role, self.content, self.reasoning) = (role, content, reasoning)
        (self.toolCalls, self.toolCallID, self.name) = (toolCalls, toolCallID, name)
    }

    /// A system message.
    public static func system(_ text: String) -> Message { Message(role: .system, text) }

    /// A user's message.
    public static func user(_ text: String) -> Message { Message(role: .user, text) }

    /// An answer.
    public static func assistant(_ text: String) -> Message { Message(role: .assistant, text) }

    /// What a tool gave for a call.
    public static func tool(_ callID: String, _ text: String) -> Message { Message(role: .tool, text, toolCallID: callID) }

    /// Reads the JSON of OpenAI's API. Throws ``QaskError/json(_:)``.
    public init(json: String) throws {
        do {
            self = try JSONDecoder().decode(Message.self, from: Data(json.utf8))
        } catch {
            // The decoder's own words might quote the message.
            throw QaskError.json("a message that is not JSON, or of another shape than OpenAI's")
        }
    }

    /// The JSON of OpenAI's API.
    public var json: String { encoded(self) }
}

extension Message: Codable {
    private enum Key: String, CodingKey {
        case role, content, name
        case reasoning = "reasoning_content"
        case toolCalls = "tool_calls"
        case toolCallID = "tool_call_id"
    }

    private struct Call: Codable {
        struct Function: Codable {
            let name: String
            let arguments: String
        }

        let id: String?
        var type: String? = "function"
        let function: Function
    }

    private struct Part: Decodable {
        let text: String?
    }

    /// Reads what `encode` writes, and content that is null or a list of text parts.
    public init(from decoder: any Decoder) throws {
        let json = try decoder.container(keyedBy: Key.self)
        role = try json.decode(Role.self, forKey: .role)
        if let parts = try? json.decodeIfPresent([Part].self, forKey: .content) {
            content = parts.map { $0.text ?? "" }.joined()
        } else {
            content = try json.decodeIfPresent(String.self, forKey: .content) ?? ""
        }
        reasoning = try json.decodeIfPresent(String.self, forKey: .reasoning) ?? ""
        toolCalls = (try json.decodeIfPresent([Call].self, forKey: .toolCalls) ?? []).enumerated().map {
            ToolCall(id: $1.id ?? "", name: $1.function.name, arguments: $1.function.arguments, index: $0)
        }
        toolCallID = try json.decodeIfPresent(String.self, forKey: .toolCallID)
        name = try json.decodeIfPresent(String.self, forKey: .name)
    }

    /// Writes the JSON of OpenAI's API.
    public func encode(to encoder: any Encoder) throws {
        var json = encoder.container(keyedBy: Key.self)
        try json.encode(role, forKey: .role)
        try json.encode(content, forKey: .content)
        if !reasoning.isEmpty { try json.encode(reasoning, forKey: .reasoning) }
        try json.encodeIfPresent(name, forKey: .name)
        try json.encodeIfPresent(toolCallID, forKey: .toolCallID)
        if !toolCalls.isEmpty {
            let calls = toolCalls.map { Call(id: $0.id, function: .init(name: $0.name, arguments: $0.arguments)) }
            try json.encode(calls, forKey: .toolCalls)
        }
    }
}
