// The conversation, apart from the screen. Everything here is the main actor's; the library's work is not.
import Foundation
import Observation
import Qask
import SwiftUI

@MainActor
@Observable
final class ChatModel {
    /// One line of the screen.
    struct Line: Identifiable {
        let id = UUID()
        let mine: Bool
        var text: String
    }

    private(set) var lines: [Line] = []

    /// What goes on: a load's share, an error; nil when there is nothing to say.
    private(set) var notice: String? = "loading"

    private(set) var answering = false

    @ObservationIgnored private var chat: Chat?
    @ObservationIgnored private var answer: Task<Void, Never>?
    @ObservationIgnored private var watching: [Task<Void, Never>] = []

    func load() async {
        guard chat == nil else { return }
        guard let file = Bundle.main.url(forResource: "model", withExtension: "gguf") else {
            notice = "put a model into the app as model.gguf"
            return
        }
        do {
            let model = try await Model.load(file) { share in
                Task { @MainActor [weak self] in self?.notice = "loading \(Int(share * 100))%" }
            }
            let engine = try await model.engine { $0.contextTokens = 2048 }
            chat = try engine.chat {
                $0.system("You are brief.")
                $0.contextPolicy = .dropOldest
            }
            watch(engine)
            notice = nil
        } catch {
            notice = error.localizedDescription
        }
    }

    /// Says something; the answer grows in the last line.
    func say(_ text: String) {
        guard let chat, !answering else { return }
        answering = true
        lines += [Line(mine: true, text: text), Line(mine: false, text: "")]
        answer = Task {
            defer { answering = false }
            do {
                for try await piece in chat.send(text).text { lines[lines.count - 1].text += piece }
            } catch is CancellationError {
                // What was said stays.
            } catch {
                notice = error.localizedDescription
            }
        }
    }

    /// Ends the answer within a step.
    func stop() { answer?.cancel() }

    /// No step is computed in the background, and what can be made again is let go of. None of this waits.
    func follow(_ phase: ScenePhase) {
        guard let engine = chat?.engine else { return }
        switch phase {
        case .background:
            try? engine.pauseSoon()
            try? engine.trimSoon(.weights)
        case .active: try? engine.resume()
        default: break
        }
    }

    /// Lets go of memory when the system asks for it, and computes with fewer threads when the device is hot.
    private func watch(_ engine: Engine) {
        let notes = NotificationCenter.default
        watching = [
            Task {
                for await _ in notes.notifications(named: UIApplication.didReceiveMemoryWarningNotification) {
                    try? engine.trimSoon(.context)
                }
            },
            Task {
                for await _ in notes.notifications(named: ProcessInfo.thermalStateDidChangeNotification) {
                    let hot = ProcessInfo.processInfo.thermalState.rawValue >= ProcessInfo.ThermalState.serious.rawValue
                    try? engine.setThreads(hot ? 1 : 2)
                }
            },
        ]
    }
}
