"""Who uses which function of the raw layer: for the table of bindings/README.md.

A line of Kotlin belongs to the last declaration that is less indented. Public ones are named, as `Chat.send`; what only the
inside of the binding uses goes to its class or file.
"""
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
SOURCES = HERE / "src/main/kotlin/io/github/qask"
WORDS = r"(?:(?:public|private|internal|protected|override|suspend|inline|data|sealed|abstract|open|enum|fun|annotation) )*"
CLASS = re.compile(rf"^( *)({WORDS})(?:class|interface|object) (\w+)")
COMPANION = re.compile(r"^( *)(?:\w+ )*companion object")
MEMBER = re.compile(rf"^( *)({WORDS})(?:fun|val|var) (?:<[^>]*> )?(?:(\w+)[.?])?(\w+)")
USE = re.compile(r"\bRaw(?:\.|::)([a-z]\w*)")


def hidden():
    lines = (HERE / "hidden.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def users():
    """By function of the header: the names of what uses it, in the order of the sources."""
    found = {}
    for path in sorted(SOURCES.glob("*.kt")):
        if path.name != "Raw.kt":
            for raw, name in uses(path):
                snake = "qask_" + re.sub(r"[A-Z]", lambda m: "_" + m.group().lower(), raw)
                names = found.setdefault(snake, [])
                if name not in names:
                    names.append(name)
    return found


def uses(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    public = {name for line in lines for _, words, _, name in [m.groups() for m in [MEMBER.match(line)] if m]
              if "private" not in words and "internal" not in words}
    scopes = []  # (indentation, name or "" where it says nothing, whether it is a function or property)
    for line in lines:
        if line.strip() and not line.strip().startswith(("*", "/*", "//", "}", ")")):
            depth = len(line) - len(line.lstrip())
            scopes = [s for s in scopes if s[0] < depth]
            declared, member = CLASS.match(line), MEMBER.match(line)
            if COMPANION.match(line):
                scopes.append((depth, "", False))
            elif declared:
                scopes.append((depth, declared.group(3), False))
            elif member and not (scopes and scopes[-1][2]):
                _, words, receiver, name = member.groups()
                inside = "private" in words or "internal" in words
                scopes.append((depth, (receiver or "") if inside and name not in public else name, True))
        for raw in USE.findall(line):
            yield raw, ".".join([s[1] for s in scopes if s[1]][:2]) or path.stem
