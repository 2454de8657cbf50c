"""Who uses which function of the header: for the table of bindings/README.md.

A line of Swift belongs to the last declarations that are less indented. What is public is named, as `Chat.send`; what only the
inside of the binding uses goes to its type or file. A line that sets an option (`object.set("topP", …`) names it, and a line of an
initialiser the property that it sets.
"""
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
SOURCES = HERE / "Sources/Qask"
TYPE = re.compile(r"^( *)(?:(?:public|private|fileprivate|final|indirect) )*(?:class|struct|enum|extension|protocol) (\w+)")
MEMBER = re.compile(r"^( *)((?:(?:public|private|fileprivate|static|mutating|override) )*)(?:func|var|let|init|deinit)\b *(\w*)")
USE = re.compile(r"\bqask_[a-z0-9_]+\b")
OPTION = re.compile(r'object\.set\("(\w+)"')
ASSIGNED = re.compile(r"^ +(\w+) = ")
CALLBACKS = {"qask_log_callback", "qask_destroy_callback", "qask_progress_callback", "qask_wake_callback", "qask_status"}


def hidden():
    lines = (HERE / "hidden.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def users():
    """By function of the header: the names of what uses it, in the order of the sources."""
    found = {}
    for path in sorted(SOURCES.glob("*.swift")):
        for function, name in uses(path):
            names = found.setdefault(function, [])
            if name not in names:
                names.append(name)
    return found


def uses(path):
    making = False
    scopes = []  # (indentation, name or "" where it says nothing, whether it is a member)
    for line in path.read_text(encoding="utf-8").splitlines():
        code = line.split("//")[0]
        if code.strip() and not code.strip().startswith(("}", ")")):
            depth = len(code) - len(code.lstrip())
            scopes = [s for s in scopes if s[0] < depth]
            declared, member = TYPE.match(code), MEMBER.match(code)
            if declared:
                scopes.append((depth, declared.group(2), False))
            elif member and not (scopes and scopes[-1][2]):
                public = "public" in member.group(2)
                scopes.append((depth, member.group(3) if public else "", True))
                making = "init(" in code
        option = OPTION.search(code) or (making and ASSIGNED.match(code))
        names = [s[1] for s in scopes if s[1]][:2]
        if option:
            names = names[:1] + [option.group(1)]
        for function in USE.findall(code):
            if function not in CALLBACKS:
                yield function, ".".join(names) or path.stem
