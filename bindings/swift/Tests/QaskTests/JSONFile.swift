// JSON files as the cases of tests/conformance are: objects keep their order, and every value its source.
import Foundation

struct Json: Sendable {
    enum Kind: Sendable {
        case null
        case bool(Bool)
        case number(Double)
        case string(String)
        case list([Json])
        case object([(String, Json)])
    }

    let kind: Kind
    /// As it stands in the file.
    let source: String

    subscript(key: String) -> Json? {
        if case .object(let fields) = kind { return fields.first { $0.0 == key }?.1 }
        return nil
    }

    var text: String {
        if case .string(let text) = kind { return text }
        return source
    }
    var list: [Json] {
        if case .list(let list) = kind { return list }
        return []
    }
    var number: Double {
        if case .number(let number) = kind { return number }
        return .nan
    }
    var int: Int { Int(number) }
    var isTrue: Bool {
        if case .bool(true) = kind { return true }
        return false
    }
    var isNull: Bool {
        if case .null = kind { return true }
        return false
    }

    init(_ text: String) {
        var reader = Reader(bytes: Array(text.utf8))
        self = reader.value()
    }

    private init(_ kind: Kind, _ bytes: ArraySlice<UInt8>) {
        self.kind = kind
        source = String(decoding: bytes, as: UTF8.self)
    }

    /// The files are good JSON: whatever is not traps.
    private struct Reader {
        let bytes: [UInt8]
        var at = 0

        mutating func skip() { while at < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[at]) { at += 1 } }

        mutating func take(_ character: Character) -> Bool {
            skip()
            guard bytes[at] == character.asciiValue! else { return false }
            at += 1
            return true
        }

        mutating func value() -> Json {
            skip()
            let start = at
            let kind = kindOf()
            return Json(kind, bytes[start..<at])
        }

        private mutating func kindOf() -> Kind {
            switch bytes[at] {
            case UInt8(ascii: "{"):
                at += 1
                var fields: [(String, Json)] = []
                if take("}") { return .object(fields) }
                repeat {
                    let name = value().text
                    precondition(take(":"))
                    fields.append((name, value()))
                } while take(",")
                precondition(take("}"))
                return .object(fields)
            case UInt8(ascii: "["):
                at += 1
                var list: [Json] = []
                if take("]") { return .list(list) }
                repeat { list.append(value()) } while take(",")
                precondition(take("]"))
                return .list(list)
            case UInt8(ascii: "\""):
                let start = at
                at += 1
                while bytes[at] != UInt8(ascii: "\"") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
                at += 1
                return .string(try! JSONDecoder().decode(String.self, from: Data(bytes[start..<at])))
            default:
                let start = at
                while at < bytes.count, !",]} \n\r\t".utf8.contains(bytes[at]) { at += 1 }
                switch String(decoding: bytes[start..<at], as: UTF8.self) {
                case "null": return .null
                case "true": return .bool(true)
                case "false": return .bool(false)
                case let number: return .number(Double(number)!)
                }
            }
        }
    }
}

extension Json: Equatable {
    /// Whatever the order, and 3 is 3.0.
    static func == (a: Json, b: Json) -> Bool {
        switch (a.kind, b.kind) {
        case (.null, .null): true
        case (.bool(let x), .bool(let y)): x == y
        case (.number(let x), .number(let y)): x == y
        case (.string(let x), .string(let y)): x == y
        case (.list(let x), .list(let y)): x == y
        case (.object(let x), .object): x.count == b.count && x.allSatisfy { b[$0.0] == $0.1 }
        default: false
        }
    }

    private var count: Int {
        if case .object(let fields) = kind { return fields.count }
        return 0
    }
}
