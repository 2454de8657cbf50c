// Calls that wait. Swift's own threads must never wait for the library: such calls run on threads of the binding, and a task
// that is cancelled ends its call.
import CQask
import Foundation

/// Runs a call on a thread of the binding.
func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Workers.run { continuation.resume(with: Result { try body() }) }
    }
}

/// Runs a call that takes a cancel flag. It has returned when this returns, also when the task was cancelled.
func cancellable<T: Sendable>(_ body: @escaping @Sendable (CancelFlag) throws -> T) async throws -> T {
    try Task.checkCancellation()
    let flag = try CancelFlag()
    return try await withTaskCancellationHandler {
        do {
            return try await onThread { try body(flag) }
        } catch QaskError.cancelled where Task.isCancelled {
            throw CancellationError()
        }
    } onCancel: {
        flag.raise()
    }
}

/// Makes a call again that waits at most so many milliseconds, until it no longer says that its time was too short.
func patient(_ body: @escaping @Sendable (Int64) throws -> qask_status) async throws {
    while try await onThread({ try body(50) }) == QASK_TIMEOUT { try Task.checkCancellation() }
}

/// A flag of the library that ends the calls which got it.
final class CancelFlag: Sendable {
    private let handle: Handle

    init() throws { handle = Handle(try made(qask_cancel_new), qask_cancel_free) }

    func use<R>(_ body: (OpaquePointer) throws -> R) rethrows -> R { try handle.use(body) }

    func raise() { handle.use { _ = qask_cancel_raise($0, nil) } }
}

/// Threads for calls that wait: as many as there are such calls, so that none waits for another one's end. One that has had
/// nothing to do for some seconds ends.
enum Workers {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var idle = 0
    }

    private final class Pool: @unchecked Sendable {
        let condition = NSCondition()
        var state = State()
    }

    private static let pool = Pool()

    static func run(_ job: @escaping @Sendable () -> Void) {
        pool.condition.lock()
        defer { pool.condition.unlock() }
        pool.state.jobs.append(job)
        if pool.state.idle >= pool.state.jobs.count {
            pool.condition.signal()
        } else {
            Thread.detachNewThread { work() }
        }
    }

    private static func work() {
        while let job = next() { job() }
    }

    private static func next() -> (@Sendable () -> Void)? {
        let end = Date(timeIntervalSinceNow: 5)
        pool.condition.lock()
        defer { pool.condition.unlock() }
        pool.state.idle += 1
        defer { pool.state.idle -= 1 }
        while pool.state.jobs.isEmpty {
            if !pool.condition.wait(until: end) && pool.state.jobs.isEmpty { return nil }
        }
        return pool.state.jobs.removeFirst()
    }
}
