#!/usr/bin/env python3
"""Makes the reference pages: docs.py OUT [RUSTDOC]

Writes OUT/pages (the pages of docs/, and the C reference from include/qask.h) and OUT/mkdocs.yml, builds OUT/site with
mkdocs, which fails on a dead link, and looks for anything that a page would fetch from elsewhere. RUSTDOC is the folder
that `cargo doc` made. MKDOCS is the program ("mkdocs").
"""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from header import chapters, contract

ROOT = Path(__file__).resolve().parent.parent
# The pages that have an order; others in docs/ follow.
FIRST = ["index.md", "tutorial-c.md", "tutorial-rust.md", "own-documents.md", "install.md", "threads-and-memory.md", "memory.md",
         "errors.md"]
GROUPS = {1: "argument", 2: "model", 3: "generation", 4: "input/output and state", 9: "internal"}
FETCHED = re.compile(r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//
    |<link\b(?=[^>]*\brel=["']?(?:stylesheet|preload|preconnect|icon))[^>]*\bhref=["']?(?:https?:)?//
    |@import\s+["']?(?:url\()?["']?https?:|url\(["']?https?:""", re.I | re.X)


def codes():
    """The table of src/error.rs."""
    source = (ROOT / "src/error.rs").read_text()
    names = dict(re.findall(r'Code::(\w+) => "(\w+)"', source))
    rows = []
    for doc, variant, number in re.findall(r"((?:    /// .*\n)+)    (\w+) = (\d+),", source):
        text = " ".join(line.strip().removeprefix("/// ") for line in doc.strip().split("\n"))
        group = GROUPS[int(number) // 100]
        rows.append(f"| {number} | `QASK_ERR_{names[variant]}` | `Code::{variant}` | {group} | {text} |")
    if len(rows) < 20 or len(rows) != len(names):
        sys.exit(f"docs: src/error.rs is not as expected: {len(rows)} codes, {len(names)} names")
    return "| number | C | Rust | group | meaning |\n|---|---|---|---|---|\n" + "\n".join(rows)


class Reference:
    """The C reference: a page for each chapter of the header."""

    def __init__(self, header):
        self.chapters = chapters(header)
        self.contract = contract(header)
        self.page_of = {}
        for chapter in self.chapters:
            for item in chapter.nouns + chapter.constants + chapter.types + chapter.functions:
                self.page_of[item.name] = f"{chapter.slug}.md"

    def link(self, text, page=""):
        """Names of the header become links; code blocks stay."""
        def one(match):
            name = match.group(1)
            target = self.page_of.get(name)
            return f"[`{match.group(0)[1:-1]}`]({target}#{name.lower()})" if target else match.group(0)
        parts = re.split(r"((?:^    .*\n?)+)", text, flags=re.M)
        return "".join(p if p.startswith("    ") else re.sub(r"`(\w+)(?:\(\))?`", one, p) for p in parts)

    def prose(self, doc):
        """A comment as Markdown: "Typical use" opens a block of C."""
        doc = re.sub(r"((?:^    .*\n?|^\n(?=    ))+)", lambda m: "\n```c\n" + re.sub(r"^    ", "", m.group(1), flags=re.M)
                     .strip("\n") + "\n```\n", doc, flags=re.M)
        pieces = re.split(r"(```c\n.*?\n```)", doc, flags=re.S)
        return "".join(p if p.startswith("```") else self.link(p) for p in pieces)

    def page(self, chapter):
        out = [f"# {chapter.title}"]
        for noun in chapter.nouns:
            out += [f"## {noun.name}", self.prose(noun.doc)]
        if chapter.constants:
            out += ["## Constants"]
            for constant in chapter.constants:
                value = constant.code.split(None, 2)[2]
                out += [f"### {constant.name} {{ #{constant.name.lower()} }}", f"`{value}`: " + self.prose(constant.doc)]
        if chapter.types:
            out += ["## Types"]
            for kind in chapter.types:
                out += [f"### {kind.name}", f"```c\n{kind.code}\n```", self.prose(kind.doc)]
        if chapter.functions:
            out += ["## Functions"]
            for f in chapter.functions:
                out += [f"### {f.name}", f"```c\n{f.code}\n```", self.prose(f.doc)]
        return "\n\n".join(out) + "\n"

    def contract_page(self):
        return "# The contract\n\nThis opens the header, and holds for every function unless its own text says " \
            "otherwise.\n\n" + self.prose(self.contract) + "\n"

    def nouns(self):
        """Each noun with what its text says on threads."""
        rows = []
        for chapter in self.chapters:
            for noun in chapter.nouns:
                text = " ".join(noun.doc.partition("Typical use")[0].split())
                said = [s for s in re.split(r"(?<=\.) ", text) if re.search(r"\b[Tt]hread|One owner", s)]
                rows.append(f"| [`{noun.name}`](c/{chapter.slug}.md#{noun.name}) | {self.plain(said[-1])} |")
        return "| noun | threads |\n|---|---|\n" + "\n".join(rows)

    @staticmethod
    def plain(text):
        return text.replace("|", "\\|")


def main(out, rustdoc=None):
    out = Path(out).resolve()
    shutil.rmtree(out, ignore_errors=True)
    pages = out / "pages"
    (pages / "c").mkdir(parents=True)
    reference = Reference((ROOT / "include/qask.h").read_text())
    marks = {"<!-- codes -->": codes(), "<!-- nouns -->": reference.nouns()}
    own = sorted((ROOT / "docs").glob("*.md"), key=lambda p: (FIRST.index(p.name) if p.name in FIRST else 99, p.name))
    for page in own:
        text = page.read_text()
        for mark, generated in marks.items():
            text = text.replace(mark, generated)
        (pages / page.name).write_text(text)
    (pages / "c/contract.md").write_text(reference.contract_page())
    for chapter in reference.chapters:
        (pages / f"c/{chapter.slug}.md").write_text(reference.page(chapter))
    if rustdoc:
        shutil.copytree(rustdoc, pages / "rust")
    nav = [page.name for page in own]
    nav.append({"C reference": ["c/contract.md"] + [f"c/{c.slug}.md" for c in reference.chapters]})
    nav.append({"Rust reference": "rust/qask/index.html"})
    settings = (ROOT / "docs/mkdocs.yml").read_text()
    (out / "mkdocs.yml").write_text(f"{settings}docs_dir: pages\nsite_dir: site\nnav: {json.dumps(nav)}\n")
    subprocess.run([os.environ.get("MKDOCS", "mkdocs"), "build", "--quiet", "--strict", "-f", str(out / "mkdocs.yml")],
                   check=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})
    fetched = [f"{p}: {m.group(0)}" for p in (out / "site").rglob("*") if p.suffix in (".html", ".css")
               for m in [FETCHED.search(p.read_text(errors="replace"))] if m]
    if fetched:
        sys.exit("docs: pages would fetch something from elsewhere:\n" + "\n".join(fetched[:10]))
    print(f"{out}/site/index.html")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except subprocess.CalledProcessError as failure:
        sys.exit(f"docs: mkdocs failed ({failure.returncode})")
