"""One side of peer.py: peer_worker.py {qask|llama_cpp} MODEL THREADS obeys lines on stdin, and answers each with a line:

    stream TOKENS       seconds a token of one raw completion, from the first token to the last
    turn SALT           ms to the first token of a conversation's second turn, behind a long first one; behind it the same
                        for its third turn, when another conversation came between
    users USERS TOKENS  seconds until USERS conversations, all asked at once, have their TOKENS each; behind it the mean
                        ms to the first token

Both sides have the same context, threads and greedy sampling, and else their defaults, but that qask is told how many
users there will be. llama-cpp-python computes one answer at a time: its users wait for a lock, as in its own server.
"""

import sys
import threading
import time
from typing import Any, Callable, Iterator

CONTEXT = 2048
SOME = ["river", "market", "window", "engine", "garden", "letter", "winter", "bridge"]

Messages = list[dict[str, Any]]


def words(salt: int, count: int) -> str:
    return " ".join(SOME[(w * 5 + w // 7 + salt) % 8] for w in range(count))


class Qask:
    def __init__(self, model: str, threads: int) -> None:
        import qask

        users = 8
        self.engine = qask.Model(model).engine(n_ctx=CONTEXT, kv_tokens=CONTEXT * users, max_sequences=users, threads=threads)

    def complete(self, prompt: str, tokens: int) -> Iterator[str]:
        yield from self.engine.stream([], prompt=prompt, max_tokens=tokens, temperature=0.0)

    def answer(self, messages: Messages, tokens: int) -> Iterator[str]:
        yield from self.engine.stream(messages, max_tokens=tokens, temperature=0.0)


class LlamaCpp:
    def __init__(self, model: str, threads: int) -> None:
        import llama_cpp

        self.lock = threading.Lock()
        self.llama = llama_cpp.Llama(model, n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, verbose=False)

    def complete(self, prompt: str, tokens: int) -> Iterator[str]:
        with self.lock:
            for chunk in self.llama.create_completion(prompt, max_tokens=tokens, temperature=0.0, stream=True):
                yield chunk["choices"][0]["text"]

    def answer(self, messages: Messages, tokens: int) -> Iterator[str]:
        with self.lock:
            for chunk in self.llama.create_chat_completion(messages, max_tokens=tokens, temperature=0.0, stream=True):
                yield chunk["choices"][0]["delta"].get("content") or ""


def stream(side: Any, tokens: int) -> str:
    times = [time.monotonic() for piece in side.complete(f"Stories about the {words(0, 35)}. Once upon a time there", tokens) if piece]
    # Characters of several tokens, or an early end, would be another measurement.
    if len(times) < tokens * 0.95:
        raise SystemExit(f"{len(times)} pieces of {tokens} tokens")
    return repr((times[-1] - times[0]) / (len(times) - 1))


def first_token(side: Any, messages: Messages, question: str) -> float:
    messages.append({"role": "user", "content": question})
    began = time.monotonic()
    pieces = side.answer(messages, 4)
    answer = ""
    while not answer:
        answer = next(pieces)
    took = time.monotonic() - began
    messages.append({"role": "assistant", "content": answer + "".join(pieces)})
    return took * 1e3


def conversation(side: Any, salt: int) -> Messages:
    """A long system message and a first turn."""
    messages: Messages = [{"role": "system", "content": f"{salt}. {words(salt, 600)}"}, {"role": "user", "content": "Tell a story."}]
    messages.append({"role": "assistant", "content": "".join(side.answer(messages, 64))})
    return messages


def turn(side: Any, salt: int) -> str:
    messages = conversation(side, 2 * salt)
    second = first_token(side, messages, "What happened then?")
    conversation(side, 2 * salt + 1)
    return f"{second!r} {first_token(side, messages, 'And what came after that?')!r}"


def users(side: Any, count: int, tokens: int) -> str:
    first: list[float] = []
    pieces: list[int] = []

    def one(i: int) -> None:
        asked, n = time.monotonic(), 0
        for piece in side.complete(f"{i + 3} stories about the {words(i, 35)}. Once upon a time there", tokens):
            if piece:
                n += 1
                if n == 1:
                    first.append(time.monotonic() - asked)
        pieces.append(n)

    began = time.monotonic()
    workers = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    took = time.monotonic() - began
    if min(pieces) < tokens * 0.95:
        raise SystemExit(f"{pieces} pieces of {tokens} tokens each")
    return f"{took!r} {sum(first) / len(first) * 1e3!r}"


if __name__ == "__main__":
    made = {"qask": Qask, "llama_cpp": LlamaCpp}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
    commands: dict[str, Callable[..., str]] = {"stream": stream, "turn": turn, "users": users}
    print("ready", flush=True)
    for line in sys.stdin:
        command, *numbers = line.split()
        print(commands[command](made, *map(int, numbers)), flush=True)
