// Who frees an object of the library.
import CQask
import Foundation

/// An object of the library. It is freed when nobody refers to it any more, on whichever thread that is; the library lets
/// anything be freed from any thread at any time.
final class Handle: Sendable {
    /// The library looks it up in a table: it is a number rather than a pointer.
    private let value: UInt
    private let free: @Sendable (OpaquePointer?) -> Void

    init(_ object: OpaquePointer, _ free: @escaping @Sendable (OpaquePointer?) -> Void) {
        value = UInt(bitPattern: object)
        self.free = free
    }

    deinit { free(OpaquePointer(bitPattern: value)) }

    /// Calls the library with the object, which is not freed before that has returned.
    func use<R>(_ body: (OpaquePointer) throws -> R) rethrows -> R {
        try withExtendedLifetime(self) { try body(OpaquePointer(bitPattern: value)!) }
    }
}

/// A value that several threads change.
final class Locked<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func with<R>(_ body: (inout Value) throws -> R) rethrows -> R {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
