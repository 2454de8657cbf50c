// JSON schemas of Swift types: what a type wants to decode says what it is made of.
import Foundation

/// The JSON schema of a `Decodable` type: properties in their order, required where they are not optional. A string enum has to be
/// `CaseIterable`. ``SchemaHints`` say more. A type that no schema describes (one that holds itself, a `Date`, an enum with
/// associated values) is ``QaskError/json(_:)``.
public func schema<T: Decodable>(of type: T.Type) throws -> String { try shape(of: type, depth: 0).schema.text }

/// A type whose schema says more of its properties than their types do.
///
///     struct Person: Codable, SchemaHints {
///         let name: String
///         let age: Int
///         static let schemaHints = ["age": SchemaHint("in years", minimum: 0, maximum: 150)]
///     }
public protocol SchemaHints {
    /// Hints by the names that properties have in JSON.
    static var schemaHints: [String: SchemaHint] { get }
}

/// What a schema says of a property besides its type. What is nil is not said.
public struct SchemaHint: Sendable {
    private let fields: [(String, JSON)]

    /// A description, which the model may read; the least and the largest number; how long a text or a list may be; a regular
    /// expression that a text has to match.
    public init(
        _ description: String? = nil, minimum: Int? = nil, maximum: Int? = nil, minLength: Int? = nil, maxLength: Int? = nil,
        minItems: Int? = nil, maxItems: Int? = nil, pattern: String? = nil
    ) {
        let all: [(String, JSON?)] = [
            ("description", description.map(JSON.string)), ("minimum", minimum.map(JSON.int)),
            ("maximum", maximum.map(JSON.int)), ("minLength", minLength.map(JSON.int)),
            ("maxLength", maxLength.map(JSON.int)), ("minItems", minItems.map(JSON.int)), ("maxItems", maxItems.map(JSON.int)),
            ("pattern", pattern.map(JSON.string)),
        ]
        fields = all.compactMap { name, value in value.map { (name, $0) } }
    }

    /// The schema with what is said; of an optional it is said of what is there.
    func said(of schema: JSON) -> JSON {
        guard case .object(let was) = schema else { return schema }
        if case ("anyOf", .array(let choices))? = was.first, let first = choices.first {
            return .object([("anyOf", .array([said(of: first)] + choices.dropFirst()))])
        }
        return .object(was + fields)
    }
}

/// A schema, and some value that stands for the type while what holds it is looked at.
struct Shape<T> {
    let schema: JSON
    let value: T

    init(_ schema: JSON, _ value: T) { (self.schema, self.value) = (schema, value) }
}

func shape<T: Decodable>(of type: T.Type, depth: Int) throws -> Shape<T> {
    if depth > 32 { throw QaskError.json("\(type) has no JSON schema: it holds itself") }
    // As JSON it would be a number that nobody can write.
    if type == Date.self { throw QaskError.json("a Date has no JSON schema: take a String") }
    if let simple = simple(type) { return simple }
    if let special = type as? any Shaped.Type, let found = try special.anyShape(depth) as? Shape<T> { return found }
    if let cases = type as? any CaseIterable.Type, let found = choice(type, try rawValues(cases)) { return found }
    let record = Record()
    let value: T
    do {
        value = try T(from: Probe(record: record, depth: depth))
    } catch let error as QaskError {
        throw error
    } catch {
        throw QaskError.json("\(type) has no JSON schema: it does not say what it is made of")
    }
    return Shape(record.schema(hints: (type as? any SchemaHints.Type)?.schemaHints ?? [:]), value)
}

private func simple<T>(_ type: T.Type) -> Shape<T>? {
    func one(_ name: String, _ value: Any, _ more: [(String, JSON)] = []) -> Shape<T>? {
        (value as? T).map { Shape(.object([("type", .string(name))] + more), $0) }
    }
    switch type {
    case is String.Type: return one("string", "")
    case is Bool.Type: return one("boolean", false)
    case is Double.Type: return one("number", 0.0)
    case is Float.Type: return one("number", Float(0))
    case is URL.Type: return one("string", URL(fileURLWithPath: "/"), [("format", .string("uri"))])
    case is UUID.Type: return one("string", UUID(), [("format", .string("uuid"))])
    case let integers as any FixedWidthInteger.Type: return one("integer", integers.init())
    default: return nil
    }
}

/// The raw values of an enum.
private func rawValues<C: CaseIterable>(_ type: C.Type) throws -> [(value: Any, raw: JSON)] {
    try type.allCases.map { value in
        switch (value as? any RawRepresentable)?.rawValue {
        case let text as String: return (value, .string(text))
        case let number as Int: return (value, .int(number))
        default: throw QaskError.json("\(type) has no JSON schema: its cases have no raw values that are texts or numbers")
        }
    }
}

private func choice<T>(_ type: T.Type, _ cases: [(value: Any, raw: JSON)]) -> Shape<T>? {
    guard let first = cases.first?.value as? T else { return nil }
    return Shape(.object([("enum", .array(cases.map(\.raw)))]), first)
}

/// A type of the standard library that holds others.
private protocol Shaped {
    static func anyShape(_ depth: Int) throws -> Any
}

extension Optional: Shaped where Wrapped: Decodable {
    fileprivate static func anyShape(_ depth: Int) throws -> Any {
        let inner = try shape(of: Wrapped.self, depth: depth + 1).schema
        return Shape<Self>(.object([("anyOf", .array([inner, .object([("type", .string("null"))])]))]), nil)
    }
}

extension Array: Shaped where Element: Decodable {
    fileprivate static func anyShape(_ depth: Int) throws -> Any {
        let inner = try shape(of: Element.self, depth: depth + 1).schema
        return Shape<Self>(.object([("type", .string("array")), ("items", inner)]), [])
    }
}

extension Dictionary: Shaped where Key == String, Value: Decodable {
    fileprivate static func anyShape(_ depth: Int) throws -> Any {
        let inner = try shape(of: Value.self, depth: depth + 1).schema
        return Shape<Self>(.object([("type", .string("object")), ("additionalProperties", inner)]), [:])
    }
}
