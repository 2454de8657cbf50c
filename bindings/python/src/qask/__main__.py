"""python -m qask chat MODEL, and python -m qask inspect MODEL."""

from __future__ import annotations

import argparse
import os
import sys

import qask


def chat(arguments: argparse.Namespace) -> int:
    """A conversation from standard input, or one answer."""
    with qask.Model(arguments.model, progress=sys.stderr.isatty()) as model:
        talk = model.chat(arguments.system, temperature=arguments.temperature)
        if arguments.text:
            return answer(talk, " ".join(arguments.text))
        print(f"{model!r}. Say something; Ctrl-C ends an answer, Ctrl-D the conversation.", file=sys.stderr)
        while True:
            try:
                text = input("> " if sys.stdin.isatty() else "")
            except (EOFError, KeyboardInterrupt):
                return 0
            if text.strip():
                answer(talk, text)


def answer(talk: qask.Chat, text: str) -> int:
    try:
        with talk.stream(text) as stream:
            for piece in stream:
                print(piece, end="", flush=True)
    except KeyboardInterrupt:
        print(" [cancelled]", end="")
    except qask.QaskError as e:
        print(f"qask: {e}", file=sys.stderr)
        return 1
    print()
    return 0


def inspect(arguments: argparse.Namespace) -> int:
    """What a model file says of itself."""
    with qask.inspect(arguments.model) as found:
        print(found)
        print(f"{found.file_size / 1e6:,.1f} MB; {memory(arguments.model)}")
        for key, value in found.metadata.items():
            print(f"{key}: {value}")
    return 0


def memory(path: str) -> str:
    """What it takes in memory, with the defaults of the engine, or of the embedder where it gives no text."""
    try:
        plan, what = qask.Plan.engine(path), "an engine"
    except qask.Unsupported:
        plan, what = qask.Plan.embedder(path), "an embedder"
    with plan:
        return f"with {what} of {plan.n_ctx:,} tokens {plan.total / 1e6:,.0f} MB of memory"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m qask")
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("chat", help="talk with a model")
    one.add_argument("model", help="a GGUF file")
    one.add_argument("text", nargs="*", help="ask this, and leave")
    one.add_argument("--system", help="a system message")
    one.add_argument("--temperature", type=float)
    one.set_defaults(run=chat)
    two = commands.add_parser("inspect", help="show what a model file says of itself")
    two.add_argument("model", help="a GGUF file")
    two.set_defaults(run=inspect)
    arguments = parser.parse_args()
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Who reads it has had enough, as in `| head`. What is still in the buffer must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as a program that SIGPIPE ended
    except qask.QaskError as e:
        print(f"qask: {e}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
