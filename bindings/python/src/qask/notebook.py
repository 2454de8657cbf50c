"""How things look in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .chat import Chat
    from .facts import Facts
    from .stream import Stream


def facts(model: Facts) -> str:
    """A model as a table."""
    rows = {
        "name": model.name or "",
        "architecture": model.architecture,
        "parameters": f"{model.parameters:,}",
        "quantization": model.quantization,
        "context": f"{model.context_length:,} tokens",
        "vocabulary": f"{model.vocabulary_size:,} tokens",
        "file": f"{model.file_size / 1e6:,.1f} MB",
    }
    cells = "".join(f"<tr><th>{k}</th><td>{escape(v)}</td></tr>" for k, v in rows.items())
    return f"<table>{cells}</table>"


def history(chat: Chat) -> str:
    """A conversation as a table of roles and texts."""
    rows = "".join(
        f"<tr><th>{escape(m['role'])}</th><td style='text-align:left;white-space:pre-wrap'>"
        f"{escape(str(m.get('content') or ''))}</td></tr>"
        for m in chat
    )
    return f"<table>{rows}</table>"


def show(stream: Stream) -> None:
    """Shows an answer while it comes: a stream as the last expression of a cell does that by itself."""
    from IPython.display import display  # type: ignore[import-not-found,unused-ignore]  # pyright: ignore

    def as_text() -> dict[str, str]:
        return {"text/markdown": stream.text, "text/plain": stream.text}

    handle = display(as_text(), raw=True, display_id=True)  # type: ignore[no-untyped-call,unused-ignore]
    for _ in stream:
        handle.update(as_text(), raw=True)
