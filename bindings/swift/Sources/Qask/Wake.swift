// How a task waits for a stream: the library calls back when there is something to read, so that no thread waits.
import CQask

/// Wakes the one task that reads a stream.
final class Wake: Sendable {
    private enum State {
        case quiet
        case rung
        case waiting(CheckedContinuation<Void, any Error>)
        case over
    }

    private let state = Locked(State.quiet)

    /// Has a stream ring.
    func listen(to stream: OpaquePointer) throws {
        let context = Unmanaged.passRetained(self).toOpaque()
        try check { qask_stream_set_wake(stream, ringBell, context, release, $0) }
    }

    /// Something may be there to read: called on a thread of the library.
    func ring() {
        let waiting: CheckedContinuation<Void, any Error>? = state.with {
            switch $0 {
            case .waiting(let continuation):
                $0 = .quiet
                return continuation
            case .quiet:
                $0 = .rung
                return nil
            case .rung, .over:
                return nil
            }
        }
        waiting?.resume()
    }

    /// Waits until it rings, or has rung since the last time. Throws `CancellationError` when the task is cancelled.
    func wait() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { wait($0) }
        } onCancel: {
            end()
        }
    }

    private func wait(_ continuation: CheckedContinuation<Void, any Error>) {
        let result: Result<Void, any Error>? = state.with {
            switch $0 {
            case .quiet:
                $0 = .waiting(continuation)
                return nil
            case .rung:
                $0 = .quiet
                return .success(())
            case .waiting:
                return .failure(QaskError.busy("two tasks wait for one stream"))
            case .over:
                return .failure(CancellationError())
            }
        }
        if let result { continuation.resume(with: result) }
    }

    private func end() {
        let waiting: CheckedContinuation<Void, any Error>? = state.with { state in
            defer { state = .over }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        waiting?.resume(throwing: CancellationError())
    }
}

private let ringBell: qask_wake_callback = { Unmanaged<Wake>.fromOpaque($0!).takeUnretainedValue().ring() }
