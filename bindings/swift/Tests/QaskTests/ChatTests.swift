// Conversations.
import CQask
import Foundation
import Testing

@testable import Qask

extension All {
    @Suite struct Chats {
        @Test func aRealAnswer() async throws {
            let chat = try await Smol.engine.chat { $0.maxTokens = 40; $0.temperature = 0 }
            let reply = try await chat.ask("Complete the sentence: the capital of France is")
            #expect(reply.text.contains("Paris"))
            #expect(try chat.messages.map(\.role) == [.user, .assistant])
            #expect(try chat.message(1) == reply.message)
            #expect(reply.done.usage.promptTokens > 10 && reply.done.usage.decodeTime > .zero)
        }

        @Test func history() async throws {
            let settings = Request {
                $0.messages = [.system("s"), .user("q"), .assistant("a")]
                $0.maxTokens = 4
                $0.contextPolicy = .dropOldest
            }
            let chat = try await Smol.engine.chat(settings)
            try chat.setSystem("你好 🎉")
            try chat.add(.user("q2"))
            try chat.add(.assistant("a2"))
            try chat.setMessage(3, .user("q3"))
            #expect(try chat.messages.map(\.content) == ["你好 🎉", "q", "a", "q3", "a2"])
            for try await _ in chat.regenerate() {}
            #expect(chat.count == 5)
            #expect(try chat.cutShort(4) == .length || chat.message(4).content != "a2")
            #expect(chat.cutShort(0) == nil && chat.droppedMessages == 0)
            try chat.dropTurn(1)
            #expect(chat.count == 3)
            try chat.clear()
            #expect(chat.count == 1)
            let fork = try chat.fork()
            _ = try await chat.ask("Hello")
            #expect(chat.count == 3 && fork.count == 1)
            try fork.importJSON(try chat.exportJSON())
            #expect(try fork.messages == chat.messages)
            guard case .range? = await failure("99", { _ = try chat.message(99) }) else { return miss("99") }
        }

        @Test(.timeLimit(.minutes(3))) func cancelledTextIsKeptAndTheChatGoesOn() async throws {
            let chat = try await Smol.engine.chat { $0.maxTokens = 3000; $0.ignoreEOS = true }
            for _ in 0..<5 {
                let task = Task { for try await _ in chat.send("Count.") {} }
                try await eventually { chat.isBusy }
                try await Task.sleep(for: .milliseconds(60))
                task.cancel()
                _ = await task.result
                // The next answer waits for the rest by itself; settings are changed between answers.
                try await chat.idle()
                try chat.change { $0.maxTokens = 2 }
                #expect(try await chat.ask("And?").done.reason == .length)
                try chat.change { $0.maxTokens = 3000 }
            }
            try chat.clear()
            for try await event in chat.send("Count.") where event.text != nil { break }
            let next = Task { for try await _ in chat.send("And?") {} }
            try await eventually { chat.count == 3 && chat.isBusy }
            next.cancel()
            _ = await next.result
            try await chat.idle()
            #expect(chat.cutShort(1) == .cancelled && !chat.isBusy)
        }

        @Test func oneAnswerAtATime() async throws {
            let chat = try await Smol.engine.chat { $0.maxTokens = 300; $0.ignoreEOS = true }
            let first = Task { try await chat.ask("Count.").done.reason }
            try await eventually { chat.isBusy }
            guard case .busy? = await failure("clear", { try chat.clear() }) else { return miss("clear") }
            guard case .busy? = await failure("ask", { _ = try await chat.ask("Me too.") }) else { return miss("ask") }
            #expect(try await first.value == .length)
        }

        @Test func onDisk() async throws {
            try await withFolder { folder in
                let path = folder + "/chat 🎉.session"
                let chat = try await Smol.engine.chat { $0.maxTokens = 8 }
                _ = try await chat.ask(String(repeating: "My name is Tom. ", count: 10))
                let saved = try await chat.save(path)
                let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? UInt64
                #expect(saved.tokens > 40 && saved.bytes == size)
                #expect(try await chat.save(path + ".z", compress: true).bytes < saved.bytes)
                let engine = try await Smol.model.engine { $0.contextTokens = 4096 }
                let other = try engine.chat { $0.maxTokens = 4 }
                #expect(try await other.restore(path) > 40)
                #expect(try other.exportJSON() == chat.exportJSON())
                #expect(try await other.ask("What is my name?").done.usage.cachedTokens > 40)
                let missing = await failure { try await other.restore(path + ".no") }
                #expect(missing?.codeName == "QASK_ERR_NOT_FOUND")
                let prefix = Request { $0.system(String(repeating: "You are a careful assistant. ", count: 8)) }
                #expect(try await engine.savePrefix(prefix, path + ".p").tokens > 40)
                let fresh = try await Smol.model.engine()
                #expect(try await fresh.restorePrefix(prefix, path + ".p") > 40)
            }
        }

        @Test func finishReasonsHaveTheLibrarysNames() async throws {
            let engine = try await Smol.engine
            let seen = Locked<[FinishReason: String]>([:])
            let requests = [
                endless(maxTokens: 1), Request { $0 = endless(); $0.deadline = .milliseconds(1) },
                Request { $0.prompt = .text("x"); $0.constraint = .choice(["y"]) },
            ]
            for request in requests {
                let stream: AsyncThrowingStream<Int, any Error> = events {
                    let object = try engine.handle.use { engine in
                        try request.use { request in try made { qask_engine_submit(engine, request, nil, $0, $1) } }
                    }
                    return try Answer(object, of: engine) { event in
                        if case .done(let done)? = Event(event) {
                            seen.with { $0[done.reason] = String(cString: qask_event_finish_reason_name(event)) }
                        }
                        return 0
                    }
                }
                for try await _ in stream {}
            }
            let found = seen.with { $0 }
            #expect(found.count == 3)
            for (reason, name) in found { #expect(reason.description == name) }
        }
    }
}
