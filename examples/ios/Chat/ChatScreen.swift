// The screen: a list, a field, a button.
import SwiftUI

struct ChatScreen: View {
    let chat: ChatModel
    @State private var draft = ""

    var body: some View {
        VStack(spacing: 8) {
            ScrollViewReader { list in
                ScrollView {
                    LazyVStack(spacing: 8) { ForEach(chat.lines) { Bubble(line: $0).id($0.id) } }
                }
                .onChange(of: chat.lines.last?.text) { list.scrollTo(chat.lines.last?.id, anchor: .bottom) }
            }
            if let notice = chat.notice { Text(notice).foregroundStyle(.secondary) }
            HStack {
                TextField("Message", text: $draft, axis: .vertical).textFieldStyle(.roundedBorder)
                if chat.answering {
                    Button("Stop", action: chat.stop)
                } else {
                    Button("Send", action: send).disabled(draft.isEmpty || chat.notice != nil)
                }
            }
        }
        .padding()
    }

    private func send() {
        chat.say(draft)
        draft = ""
    }
}

private struct Bubble: View {
    let line: ChatModel.Line

    var body: some View {
        Text(line.text.isEmpty ? "…" : line.text)
            .padding(10)
            .background(line.mine ? Color.accentColor.opacity(0.2) : Color.secondary.opacity(0.15), in: .rect(cornerRadius: 12))
            .frame(maxWidth: .infinity, alignment: line.mine ? .trailing : .leading)
    }
}
