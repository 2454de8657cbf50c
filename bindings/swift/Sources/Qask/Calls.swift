// Calls of the header: what fails is thrown, texts and arrays become pointers, pointers become texts and arrays.
import CQask

/// Where a call puts an error, or an object.
typealias Out = UnsafeMutablePointer<OpaquePointer?>

/// Makes a call; throws what it reports, otherwise gives the status (one below 100 is no error).
@discardableResult
func check(_ call: (Out) throws -> qask_status) throws -> qask_status {
    var error: OpaquePointer?
    let status = try call(&error)
    if status < 100 { return status }
    throw QaskError(taking: error, of: status)
}

/// Makes a call that gives an object.
func made(_ call: (Out, Out) throws -> qask_status) throws -> OpaquePointer {
    try Library.matches.get()
    var object: OpaquePointer?
    try check { error in try call(&object, error) }
    guard let object else { throw QaskError.null("the library gave no object") }
    return object
}

/// Makes a call that gives a text.
func madeText(_ call: (Out, Out) throws -> qask_status) throws -> String {
    let string = try made(call)
    defer { qask_string_free(string) }
    return text { qask_string_data(string, $0) } ?? ""
}

/// Copies a text that the library lends.
func text(_ getter: (UnsafeMutablePointer<Int>) -> UnsafePointer<CChar>?) -> String? {
    var length = 0
    guard let data = getter(&length) else { return nil }
    return String(decoding: UnsafeRawBufferPointer(start: data, count: length), as: UTF8.self)
}

/// Copies numbers that the library lends.
func numbers<N>(_ getter: (UnsafeMutablePointer<Int>) -> UnsafePointer<N>?) -> [N] {
    var count = 0
    guard let data = getter(&count) else { return [] }
    return Array(UnsafeBufferPointer(start: data, count: count))
}

/// Lends a content: a pointer and a length.
@discardableResult
func lend<R>(_ text: String, _ body: (UnsafePointer<CChar>?, Int) throws -> R) rethrows -> R {
    var text = text
    return try text.withUTF8 { bytes in
        try bytes.withMemoryRebound(to: CChar.self) { try body($0.baseAddress, $0.count) }
    }
}

/// Lends a path or a name, which ends with NUL.
@discardableResult
func lendName<R>(_ name: String, _ body: (UnsafePointer<CChar>) throws -> R) throws -> R {
    if name.utf8.contains(0) { throw QaskError.range("a path or name has a NUL in it") }
    return try name.withCString(body)
}

/// Lends several texts: pointers, lengths, and how many they are.
@discardableResult
func lend<R>(
    _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int>?, Int) throws -> R
) rethrows -> R {
    var bytes: [CChar] = []
    var lengths: [Int] = []
    for text in texts {
        let before = bytes.count
        bytes.append(contentsOf: text.utf8.lazy.map { CChar(bitPattern: $0) })
        lengths.append(bytes.count - before)
    }
    return try bytes.withUnsafeBufferPointer { buffer in
        var place = 0
        var pointers: [UnsafePointer<CChar>?] = []
        for length in lengths {
            pointers.append(buffer.baseAddress.map { $0 + place })
            place += length
        }
        return try body(pointers, lengths, texts.count)
    }
}

/// A number for the library, whose own range is narrower than that of `Int`.
func fitting<N: FixedWidthInteger>(_ value: Int, _ name: String) throws -> N {
    guard let number = N(exactly: value) else {
        throw QaskError.range("\(name) is \(value), which is \(value < 0 ? "negative" : "too large")")
    }
    return number
}
