// JSON whose objects keep their order, as a schema's properties must; and texts of values.
import Foundation

/// A piece of JSON to be written.
enum JSON: Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case string(String)
    case array([JSON])
    case object([(String, JSON)])

    /// In one line.
    var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .int(let value): String(value)
        case .string(let value): encoded(value)
        case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let fields): "{" + fields.map { encoded($0) + ":" + $1.text }.joined(separator: ",") + "}"
        }
    }
}

/// The JSON of a value of the binding's own types, which never fails.
func encoded(_ value: some Encodable) -> String { (try? jsonText(of: value)) ?? "null" }

/// The JSON of a value.
func jsonText(of value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

/// What an answer says, as a value.
func value<T: Decodable>(_ type: T.Type, of json: String) throws -> T {
    do {
        return try JSONDecoder().decode(type, from: Data(json.utf8))
    } catch {
        // The decoder's own words might quote the answer.
        throw QaskError.json("the answer does not fit into \(type)")
    }
}
