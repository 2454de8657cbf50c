// An app with one screen: a conversation with a model of its bundle. It rests in the background.
import SwiftUI

@main
struct ChatApp: App {
    @Environment(\.scenePhase) private var phase
    @State private var chat = ChatModel()

    var body: some Scene {
        WindowGroup { ChatScreen(chat: chat).task { await chat.load() } }
            .onChange(of: phase) { chat.follow(phase) }
    }
}
