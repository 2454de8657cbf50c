// Options are values; the library's own object of them lives as long as the call that they are used for.
import CQask

/// Options with an object in the library.
protocol LibraryOptions {
    static func new(_ object: Out?, _ error: Out?) -> qask_status
    static func free(_ object: OpaquePointer?)
    func apply(to object: Setter) throws
}

extension LibraryOptions {
    /// Makes the library's object of these options, for as long as `body` runs.
    func use<R>(_ body: (OpaquePointer) throws -> R) throws -> R {
        let object = try made { Self.new($0, $1) }
        defer { Self.free(object) }
        try apply(to: Setter(object: object))
        return try body(object)
    }
}

/// Sets what is not nil. Each line that uses it names an option and its function, and `tools/users.py` reads these lines.
struct Setter {
    let object: OpaquePointer

    /// A value that the library takes as it is.
    func set<V>(_ name: String, _ value: V?, _ function: (OpaquePointer?, V, Out?) -> qask_status) throws {
        guard let value else { return }
        try check { function(object, value, $0) }
    }

    /// A whole number.
    func set<N: FixedWidthInteger>(_ name: String, _ value: Int?, _ function: (OpaquePointer?, N, Out?) -> qask_status) throws {
        guard let value else { return }
        let number: N = try fitting(value, name)
        try check { function(object, number, $0) }
    }

    /// A word for one of the header's numbers.
    func set<C: Constant>(_ name: String, _ value: C?, _ function: (OpaquePointer?, Int32, Out?) -> qask_status) throws {
        guard let value else { return }
        try check { function(object, value.rawValue, $0) }
    }

    /// A time, in milliseconds, rounded up.
    func set<N: FixedWidthInteger>(
        _ name: String, _ value: Duration?, _ function: (OpaquePointer?, N, Out?) -> qask_status
    ) throws {
        guard let value else { return }
        let (seconds, attoseconds) = value.components
        let part = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        guard seconds.magnitude < 1 << 40 else { throw QaskError.range("\(name) is \(value), which is too long") }
        try set(name, Int(seconds * 1000 + part), function)
    }

    /// A name, which ends with NUL.
    func set(_ name: String, _ value: String?, _ function: (OpaquePointer?, UnsafePointer<CChar>?, Out?) -> qask_status) throws {
        guard let value else { return }
        try lendName(value) { text in try check { function(object, text, $0) } }
    }

    /// A content.
    func set(
        _ name: String, _ value: String?, _ function: (OpaquePointer?, UnsafePointer<CChar>?, Int, Out?) -> qask_status
    ) throws {
        guard let value else { return }
        try lend(value) { text, length in try check { function(object, text, length, $0) } }
    }
}
