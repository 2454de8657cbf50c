#!/usr/bin/env python3
"""Every public declaration of the binding has a comment. What a protocol of ours asks for has the protocol's."""
import re
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent / "Sources/Qask"
DECLARED = re.compile(r"^ *public (?:(?:static|mutating|final|indirect) )*(?:class|struct|enum|protocol|func|var|let|init|typealias)\b *(\w*)")
CASE = re.compile(r"^    case (\w+)[^:]*$")
#: Of ModelFacts.
FACTS = {"architecture", "name", "quantization", "parameters", "contextLength", "vocabularySize", "fileSize", "chatTemplate", "metadata"}


def bare(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    of_facts = any("ModelFacts {" in line and "class" in line for line in lines)
    public_enum = False
    for number, line in enumerate(lines, 1):
        if line.startswith(("public enum", "    public enum")):
            public_enum = True
        elif line.startswith("}"):
            public_enum = False
        declared = DECLARED.match(line)
        case = public_enum and CASE.match(line)
        if not (declared or case) or declared and of_facts and declared.group(1) in FACTS:
            continue
        above = number - 2
        while above >= 0 and lines[above].strip().startswith("@"):
            above -= 1
        if not lines[above].strip().startswith("///"):
            yield f"{path.name}:{number}: {line.strip()}"


def main():
    files = sorted(SOURCES.glob("*.swift"))
    found = [fault for path in files for fault in bare(path)]
    for fault in found:
        print(f"no comment: {fault}", file=sys.stderr)
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
