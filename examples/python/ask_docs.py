"""ask_docs EMBEDDING_MODEL.gguf CHAT_MODEL.gguf QUESTION FILE...: answers from what the files say, and names the places.

Files are cut into paragraphs; the three that are nearest to the question are put before the model."""

import sys
from pathlib import Path

import qask


def paragraphs(path: str) -> list[tuple[str, str]]:
    """The paragraphs of a file, each with its place. Long ones are cut, since an embedder reads some hundred tokens."""
    found = []
    for number, text in enumerate(Path(path).read_text(encoding="utf-8").split("\n\n"), 1):
        text = " ".join(text.split())
        found += [(f"{path}, paragraph {number}", text[i : i + 800]) for i in range(0, len(text), 800)]
    return found


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit("usage: ask_docs EMBEDDING_MODEL.gguf CHAT_MODEL.gguf QUESTION FILE...")
    question = sys.argv[3]
    places = [place for path in sys.argv[4:] for place in paragraphs(path)]
    embedder = qask.Model(sys.argv[1]).embedder(truncation="end")
    near = embedder.embed([text for _, text in places], purpose="document") @ embedder.embed(question, purpose="query")
    best = [places[i] for i in near.argsort()[::-1][:3]]

    quotes = "\n\n".join(f"[{i}] {text}" for i, (_, text) in enumerate(best, 1))
    chat = qask.Model(sys.argv[2]).chat(
        "Answer the question in one or two sentences, only from the quotes. Say so when they do not answer it.",
        max_tokens=150,
        temperature=0.0,
    )
    for piece in chat.stream(f"{quotes}\n\nQuestion: {question}"):
        print(piece, end="", flush=True)
    print()
    for i, (place, _) in enumerate(best, 1):
        print(f"[{i}] {place}")
