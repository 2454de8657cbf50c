// A decoder of nothing, for Schema.swift: it notes what a type asks for, and gives it some value.

/// What a type asked to decode.
final class Record {
    private var properties: [(name: String, schema: JSON, required: Bool)] = []
    private var single: JSON?

    func add(_ name: String, _ schema: JSON, required: Bool) {
        if !properties.contains(where: { $0.name == name }) { properties.append((name, schema, required)) }
    }

    func set(_ schema: JSON) { single = schema }

    func schema(hints: [String: SchemaHint]) -> JSON {
        if let single { return single }
        return .object([
            ("type", .string("object")),
            ("properties", .object(properties.map { ($0.name, hints[$0.name]?.said(of: $0.schema) ?? $0.schema) })),
            ("required", .array(properties.filter(\.required).map { .string($0.name) })),
            ("additionalProperties", .bool(false)),
        ])
    }
}

/// Decodes from nothing, and notes what is asked for.
struct Probe: Decoder {
    let record: Record
    let depth: Int
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Keyed<Key>(probe: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw unknown }

    func singleValueContainer() -> any SingleValueDecodingContainer { Single(probe: self) }

    var unknown: QaskError { .json("a type that decodes lists or nested objects by hand has no JSON schema") }
}

private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let probe: Probe
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }

    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) -> Bool { false }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        let found = try shape(of: type, depth: probe.depth + 1)
        probe.record.add(key.stringValue, found.schema, required: true)
        return found.value
    }

    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
        probe.record.add(key.stringValue, try shape(of: T?.self, depth: probe.depth + 1).schema, required: false)
        return nil
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
        throw probe.unknown
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw probe.unknown }
    func superDecoder() throws -> any Decoder { throw probe.unknown }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw probe.unknown }

    // The standard library's own types have functions of their own.
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try plain(key) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try plain(key) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try plain(key) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try plain(key) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try plain(key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try plain(key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try plain(key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try plain(key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try plain(key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try plain(key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try plain(key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try plain(key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try plain(key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try plain(key) }

    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try maybe(key) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try maybe(key) }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try maybe(key) }
    func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? { try maybe(key) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try maybe(key) }
    func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { try maybe(key) }
    func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { try maybe(key) }
    func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { try maybe(key) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { try maybe(key) }
    func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { try maybe(key) }
    func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? { try maybe(key) }
    func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? { try maybe(key) }
    func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { try maybe(key) }
    func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { try maybe(key) }

    private func plain<T: Decodable>(_ key: Key) throws -> T {
        let found = try shape(of: T.self, depth: probe.depth + 1)
        probe.record.add(key.stringValue, found.schema, required: true)
        return found.value
    }

    private func maybe<T: Decodable>(_ key: Key) throws -> T? {
        probe.record.add(key.stringValue, try shape(of: T?.self, depth: probe.depth + 1).schema, required: false)
        return nil
    }
}

private struct Single: SingleValueDecodingContainer {
    let probe: Probe
    var codingPath: [any CodingKey] { [] }

    func decodeNil() -> Bool { false }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let found = try shape(of: type, depth: probe.depth + 1)
        probe.record.set(found.schema)
        return found.value
    }

    func decode(_ type: Bool.Type) throws -> Bool { try plain() }
    func decode(_ type: String.Type) throws -> String { try plain() }
    func decode(_ type: Double.Type) throws -> Double { try plain() }
    func decode(_ type: Float.Type) throws -> Float { try plain() }
    func decode(_ type: Int.Type) throws -> Int { try plain() }
    func decode(_ type: Int8.Type) throws -> Int8 { try plain() }
    func decode(_ type: Int16.Type) throws -> Int16 { try plain() }
    func decode(_ type: Int32.Type) throws -> Int32 { try plain() }
    func decode(_ type: Int64.Type) throws -> Int64 { try plain() }
    func decode(_ type: UInt.Type) throws -> UInt { try plain() }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try plain() }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try plain() }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try plain() }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try plain() }

    private func plain<T: Decodable>() throws -> T {
        let found = try shape(of: T.self, depth: probe.depth + 1)
        probe.record.set(found.schema)
        return found.value
    }
}
