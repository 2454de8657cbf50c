"""include/qask.h as data: chapters with their nouns, constants, callbacks and functions. Used by the checks, by the
reference pages and by tests/c/misuse.py.
"""
import re

RULE = re.compile(r"^// -{60,}\n// (.*)\n// -{60,}\n", re.M)


class Function:
    def __init__(self, returns, name, parameters, doc="", code=""):
        self.returns, self.name, self.parameters, self.doc, self.code = returns, name, parameters, doc, code

    @property
    def fallible(self):
        return self.returns == "qask_status" and any(p.name == "error" and p.stars == 2 for p in self.parameters)


class Parameter:
    def __init__(self, text):
        m = re.fullmatch(r"(.*?)(\**)\s*(\w+)", text.strip())
        base, stars, self.name = m.group(1).strip(), m.group(2), m.group(3)
        self.const = base.startswith("const ")
        self.base = base.removeprefix("const ").strip()
        self.stars = len(stars)
        if self.base.endswith("* const") or "*const" in self.base:  # const char *const *paths
            self.base, self.stars = self.base.split("*")[0].strip(), self.stars + 1
        self.pointer = self.stars > 0 or self.base.endswith("_callback")
        self.handle = self.stars == 1 and self.base.startswith("qask_")
        self.out = self.stars == 2 and self.base.startswith("qask_") and self.name != "error"
        self.text = self.stars == 1 and self.base == "char"


class Named:
    """A constant, a callback type or a noun."""

    def __init__(self, name, doc, code=""):
        self.name, self.doc, self.code = name, doc, code


class Chapter:
    def __init__(self, title):
        self.title, self.nouns, self.constants, self.types, self.functions = title, [], [], [], []

    @property
    def slug(self):
        return re.sub(r"\W+", "-", self.title).strip("-").lower()


def function(doc, code):
    m = re.fullmatch(r"([\w ]+?[\w*])\s*\b(qask_\w+)\(([^()]*)\);", " ".join(code.split()))
    if not m:
        raise ValueError(f"header: not a declaration: {code}")
    inside = m.group(3).strip()
    parameters = [] if inside == "void" else [Parameter(p) for p in inside.split(",")]
    return Function(m.group(1).strip(), m.group(2), parameters, doc, code)


def chapters(header):
    parts = RULE.split(header)
    found = []
    for title, body in zip(parts[1::2], parts[2::2]):
        chapter = Chapter(title)
        for paragraph in body.split("#ifdef __cplusplus")[0].split("\n\n"):
            lines = paragraph.strip().split("\n")
            doc = "\n".join(line[3:] for line in lines if line.startswith("//"))
            code = "\n".join(line for line in lines if line and not line.startswith("//"))
            if not code and doc:
                name, _, text = doc.partition("\n")
                chapter.nouns.append(Named(name, text.strip("\n")))
            elif code.startswith("#define"):
                chapter.constants.append(Named(code.split()[1], doc, code))
            elif code.startswith("typedef"):
                name = re.search(r"\(\*(\w+)\)", code) or re.search(r"(\w+);$", code)
                chapter.types.append(Named(name.group(1), doc, code))
            elif code:
                chapter.functions.append(function(doc, code))
        found.append(chapter)
    return found


def functions(header):
    return [f for chapter in chapters(header) for f in chapter.functions]


def contract(header):
    """The prose that opens the header, without its frame and its list of chapters."""
    lines = [line[3:] if line.startswith(" * ") else "" for line in header.split("*/")[0].splitlines()[1:]]
    return "\n".join(lines).split("\nCHAPTERS\n")[0].strip("\n")
