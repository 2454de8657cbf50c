"""chat [--once] MODEL.gguf [PROMPT]: one answer, streamed as it is made, or at once when it is whole. Without a prompt a
conversation, a line a message; /save FILE, /load FILE, /regenerate and /quit are commands."""

import sys
from pathlib import Path

import qask


def answer(stream: qask.Stream, once: bool) -> None:
    with stream:
        if once:
            print(stream.reply())
        else:
            for piece in stream:
                print(piece, end="", flush=True)
            print()
        done = stream.done
    if done:
        u = done.usage
        print(
            f"[{done.finish_reason}: {u.prompt_tokens} prompt tokens, {u.cached_tokens} of them cached, {u.output_tokens} "
            f"new ones, first after {u.first_token * 1000:.0f} ms, then {u.tokens_per_second:.1f} a second]",
            file=sys.stderr,
        )


def conversation(chat: qask.Chat, once: bool) -> None:
    for line in map(str.strip, sys.stdin):
        command, _, path = line.partition(" ")
        # In a conversation an error is told, and the conversation goes on.
        try:
            if command == "/quit":
                return
            elif command == "/save":
                Path(path).write_text(chat.export_json(), encoding="utf-8")
            elif command == "/load":
                chat.import_json(Path(path).read_text(encoding="utf-8"))
                print(f"{path} [{len(chat)} messages]", file=sys.stderr)
            elif command == "/regenerate":
                answer(chat.regenerate(), once)
            elif line:
                answer(chat.stream(line), once)
        except (qask.QaskError, OSError) as e:
            print(e, file=sys.stderr)


def main(arguments: list[str]) -> None:
    once = arguments[:1] == ["--once"]
    arguments = arguments[once:]
    if not arguments:
        sys.exit("usage: chat [--once] MODEL.gguf [PROMPT]")
    chat = qask.Model(arguments[0]).chat()
    if len(arguments) > 1:
        answer(chat.stream(arguments[1], max_tokens=200), once)
    else:
        conversation(chat, once)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except qask.QaskError as e:
        sys.exit(str(e))
