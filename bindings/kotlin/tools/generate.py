#!/usr/bin/env python3
"""From include/qask.h to the raw layer: Raw.kt, which declares a native method for each function of the header, and
raw.c, which calls the function. What hidden.tsv names is left out.

    generate.py             writes both
    generate.py --verify    fails when they are not what the header says

How C becomes Kotlin:

    a handle                        Long; 0 is none
    text, with or without length    String; without length it must not have a NUL in it
    texts, with or without lengths  Array<String>
    uint32_t, uint64_t, size_t      Long; a negative one is RANGE where the function can fail
    numbers and their count         IntArray
    numbers to be filled in         FloatArray or IntArray; null counts only
    a callback with user_data       an object with a method `call`, see Callbacks.kt
    `error`                         a QaskException is thrown
    one out-parameter               the result; a qask_string is a String and is freed
    more of them                    LongArray, or DoubleArray where one is a fraction
    with timeout_ms                 the status is the result, and out-parameters go into a LongArray
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from header import chapters  # noqa: E402

KOTLIN = HERE / "src/main/kotlin/io/github/qask/Raw.kt"
C = HERE / "src/main/native/raw.c"
# C type: Kotlin's, JNI's, the signature's letter.
LONG = ("Long", "jlong", "J")
SCALARS = {
    "bool": ("Boolean", "jboolean", "Z"), "int32_t": ("Int", "jint", "I"), "qask_status": ("Int", "jint", "I"),
    "uint32_t": LONG, "int64_t": LONG, "uint64_t": LONG, "size_t": LONG,
    "float": ("Float", "jfloat", "F"), "double": ("Double", "jdouble", "D"),
}
STRING = ("String", "jstring", "Ljava/lang/String;")
STRINGS = ("Array<String>", "jobjectArray", "[Ljava/lang/String;")
INTS, LONGS = ("IntArray", "jintArray", "[I"), ("LongArray", "jlongArray", "[J")
FLOATS, DOUBLES = ("FloatArray", "jfloatArray", "[F"), ("DoubleArray", "jdoubleArray", "[D")
UNIT = ("Unit", "void", "V")
MOST = {"uint32_t": "UINT32_MAX", "uint64_t": "INT64_MAX", "size_t": "INT64_MAX"}


def camel(name):
    first, *rest = name.split("_")
    if name in ("object", "fun", "val", "in", "is", "when"):  # words of Kotlin
        return f"`{name}`"
    return first + "".join(word.capitalize() for word in rest)


class Method:
    """One native method. `inputs` are (name, type); `before` and `after` stand around the call in C."""

    def __init__(self, function):
        self.f, self.name = function, function.name.removeprefix("qask_")
        self.inputs, self.arguments, self.outs = [], [], []
        self.declare, self.ready, self.after = [], [], []
        self.statusful = any(p.name == "timeout_ms" for p in function.parameters)
        self.parameters(list(function.parameters))
        self.results()

    def parameters(self, left):
        while left:
            p = left.pop(0)
            following = [q.name for q in left[:2]]
            if p.name == "error" and p.stars == 2:
                self.arguments.append("&error")
            elif p.base.endswith("_callback"):
                self.callback(p, left)
            elif p.handle:
                self.take(p.name, LONG, f"(void *) (uintptr_t) {p.name}")
            elif p.base == "char" and p.stars == 2:
                self.texts(p, left)
            elif p.text:
                self.text(p, left)
            elif p.stars == 1 and p.const and following[:1] == ["count"]:
                left.pop(0)
                self.take(p.name, INTS, f"{p.name}_.data", f"{p.name}_.count")
                self.held("ints", p.name)
            elif p.stars == 1 and following[:1] == ["capacity"]:
                left.pop(0)
                kind = FLOATS if p.base == "float" else INTS
                self.take(p.name, (kind[0] + "?", *kind[1:]), f"{p.name}_.data", f"{p.name}_.count")
                self.held("floats" if p.base == "float" else "ints", p.name, "!(*env)->ExceptionCheck(env)")
            elif p.stars:
                self.out(p)
            elif p.base in SCALARS:
                self.take(p.name, SCALARS[p.base], f"({p.base}) {p.name}")
                if p.base in MOST and self.f.fallible:
                    word = self.name.split("_set_")[-1] if p.name == "value" else p.name
                    self.ready.append(f'number_in(env, {p.name}, {MOST[p.base]}, "{word}")')
            else:
                raise ValueError(f"{self.f.name}: no way to pass {p.name}")

    def take(self, name, kind, *arguments):
        self.inputs.append((name, kind))
        self.arguments += arguments

    def held(self, what, name, commit="false"):
        self.declare.append(f"struct {what} {name}_ = {{0}};")
        self.ready.append(f"{what}_in(env, {name}, &{name}_)")
        self.after.append(f"{what}_end(env, {name}, &{name}_, {commit});")

    def text(self, p, left):
        content = bool(left) and left[0].name.endswith("length") and left[0].stars == 0
        self.take(p.name, STRING, f"{p.name}_.data")
        if content:
            left.pop(0)
            self.arguments.append(f"{p.name}_.length")
        self.declare.append(f"struct text {p.name}_ = {{0}};")
        named = "NULL" if content else f'"{p.name}"'
        self.ready.append(f"text_in(env, {p.name}, {named}, &{p.name}_)")
        self.after.append(f"text_end(&{p.name}_);")

    def texts(self, p, left):
        lengths = left[0].name == "lengths"
        del left[: 2 if lengths else 1]
        self.take(p.name, STRINGS, f"(const char *const *) {p.name}_.data")
        self.arguments += [f"{p.name}_.lengths"] * lengths + [f"{p.name}_.count"]
        self.declare.append(f"struct texts {p.name}_ = {{0}};")
        named = "NULL" if lengths else f'"{p.name}"'
        self.ready.append(f"texts_in(env, {p.name}, {named}, &{p.name}_)")
        self.after.append(f"texts_end(&{p.name}_);")

    def callback(self, p, left):
        del left[:2]  # user_data and destroy
        kind = p.base.removeprefix("qask_")
        name = camel("_" + kind)
        self.take("callback", (name + "?", "jobject", f"Lio/github/qask/{name};"))
        self.arguments += [f"callback ? on_{kind} : NULL", "held", "on_destroy"]
        self.declare.append("jobject held = NULL;")
        self.ready.append("callback_in(env, callback, &held)")

    def out(self, p):
        kind = p.base + " *" if p.base.startswith("qask_") and p.base != "qask_status" else p.base
        const = "const " if p.const else ""
        zero = "NULL" if kind.endswith("*") else "0"
        self.declare.append(f"{const}{kind}{'' if kind.endswith('*') else ' '}{p.name} = {zero};")
        self.arguments.append(f"&{p.name}")
        self.outs.append((p.name, p.base))

    def value(self, name, base, kind="jlong"):
        return f"({kind}) (intptr_t) {name}" if base.startswith("qask_") else f"({kind}) {name}"

    def results(self):
        f, outs = self.f, self.outs
        self.result, self.give, self.store = UNIT, [], []
        if f.fallible:
            self.declare.append("qask_error *error = NULL;")
            if self.statusful:
                self.result, self.give = ("Int", "jint", "I"), ["return status;"]
                if outs:
                    self.inputs.append(("out", LONGS))
                    values = ", ".join(self.value(*o) for o in outs)
                    self.store = [f"if (status == QASK_OK) longs_out(env, out, (jlong[]) {{{values}}}, {len(outs)});"]
            elif len(outs) == 1:
                self.single(*outs[0])
            elif outs:
                fraction = any(base in ("double", "float") for _, base in outs)
                self.result = DOUBLES if fraction else LONGS
                letter = "double" if fraction else "long"
                values = ", ".join(self.value(*o, kind="j" + letter) for o in outs)
                self.give = [f"return {letter}s_made(env, (j{letter}[]) {{{values}}}, {len(outs)});"]
        else:
            self.plain()

    def single(self, name, base):
        if base == "qask_string":
            self.result, self.give = STRING, [f"return string_taken(env, {name});"]
        elif base.startswith("qask_"):
            self.result, self.give = LONG, [f"return {self.value(name, base)};"]
        else:
            self.result = SCALARS[base]
            self.give = [f"return ({self.result[1]}) {name};"]

    def plain(self):
        """A getter: it cannot fail."""
        returns, outs = self.f.returns.removeprefix("const ").strip(), self.outs
        if returns == "void":
            return
        if returns == "char *":
            self.result = ("String?", *STRING[1:])
            counted = [name for name, _ in outs if name == "length"]
            self.give = [f"return string_made(env, value, {'length' if counted else 'value ? strlen(value) : 0'});"]
            others = [o for o in outs if o[0] != "length"]
            if others:
                self.inputs.append(("out", LONGS))
                self.store = [f"longs_out(env, out, (jlong[]) {{{', '.join(self.value(*o) for o in others)}}}, {len(others)});"]
        elif returns in ("int32_t *", "float *"):
            kind, made = (INTS, "ints_made") if returns.startswith("int32") else (FLOATS, "floats_made")
            self.result, self.give = (kind[0] + "?", *kind[1:]), [f"return {made}(env, value, {outs[0][0]});"]
        elif outs:
            self.result = (DOUBLES[0] + "?", *DOUBLES[1:])
            values = ", ".join(self.value(*o, kind="jdouble") for o in outs)
            self.give = [f"return value ? doubles_made(env, (jdouble[]) {{{values}}}, {len(outs)}) : NULL;"]
        else:
            self.result = SCALARS[returns]
            self.give = [f"return ({self.result[1]}) value;"]

    def kotlin(self):
        inputs = ", ".join(f"{camel(name)}: {kind[0]}" for name, kind in self.inputs)
        returns = "" if self.result is UNIT else f": {self.result[0]}"
        return f"    @JvmStatic external fun {camel(self.name)}({inputs}){returns}"

    def signature(self):
        return "(" + "".join(kind[2] for _, kind in self.inputs) + ")" + self.result[2]

    def c(self):
        inputs = "".join(f", {kind[1]} {name}" for name, kind in self.inputs)
        call = f"{self.f.name}({', '.join(self.arguments)})"
        if self.f.fallible:
            work = [f"status = {call};", "check(env, status, error);", *self.store]
            self.declare.append("qask_status status = QASK_ERR_NULL;")
        elif self.f.returns == "void":
            work = [f"{call};"]
        else:
            star = self.f.returns if self.f.returns.endswith("*") else self.f.returns + " "
            self.declare.append(f"{star}value = 0;")
            work = [f"value = {call};", *self.store]
        lines = list(self.declare)
        if self.ready:
            lines.append(f"if ({' && '.join(self.ready)}) {{")
            lines += ["    " + line for line in work] + ["}"]
        else:
            lines += work
        lines += self.after + self.give
        body = "".join(f"    {line}\n" for line in lines)
        unused = "    (void) env;\n" if "env" not in body else ""
        return f"static {self.result[1]} JNICALL q_{self.name}(JNIEnv *env, jclass raw{inputs}) {{\n    (void) raw;\n{unused}{body}}}\n"


def generate():
    header = (ROOT / "include/qask.h").read_text(encoding="utf-8")
    hidden = {line.split("\t")[0] for line in (HERE / "hidden.tsv").read_text(encoding="utf-8").splitlines()}
    all_chapters = chapters(header)
    unknown = hidden - {f.name for c in all_chapters for f in c.functions}
    if unknown:
        sys.exit(f"bindings/kotlin/hidden.tsv: not in the header: {', '.join(sorted(unknown))}")
    methods = [Method(f) for c in all_chapters for f in c.functions if f.name not in hidden]
    constants = [k.code.split()[1:3] for c in all_chapters for k in c.constants]
    note = "made from include/qask.h by tools/generate.py: do not edit"
    kotlin = f"// The raw layer, {note}.\npackage io.github.qask\n\n"
    kotlin += "/** The header's functions, each by its own name. How types come over: tools/generate.py. */\ninternal object Raw {\n"
    kotlin += "    init {\n        Library.load()\n    }\n\n"
    kotlin += "".join(f"    const val {name.removeprefix('QASK_')} = {value}\n" for name, value in constants)
    kotlin += "\n" + "\n".join(m.kotlin() for m in methods) + "\n}\n"
    c = f"/* The raw layer, {note}. */\n#include \"shim.h\"\n\n"
    c += "\n".join(m.c() for m in methods)
    c += "\nconst JNINativeMethod raw_methods[] = {\n"
    c += "".join(f'    {{"{camel(m.name)}", "{m.signature()}", (void *) q_{m.name}}},\n' for m in methods)
    c += "};\nconst jint raw_methods_count = sizeof raw_methods / sizeof *raw_methods;\n"
    return {KOTLIN: kotlin, C: c}


def main():
    made = generate()
    if "--verify" not in sys.argv[1:]:
        for path, text in made.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [p for p, text in made.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not what include/qask.h says: make header", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
