#!/usr/bin/env python3
"""What takes how much room in the shared library: sizes.py FOLDER, where tools/finish_lib.sh put libqask.so.* and
libqask.map (the linker's list of what it took from where). A table in Markdown.

Sections are attributed to the crate or the part of llama.cpp that wrote them; Rust's generic code to where it is written,
not to who uses it. What no name tells (constants and tables of Rust, after its optimizer) stands by itself.
"""
import re
import sys
from collections import Counter
from pathlib import Path

# A section: its name (the rest may stand on the next line), address, size, the file that it came from.
SECTION = re.compile(r"^ (\.\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$", re.M)
# The same of the library itself: what is merged on the way is smaller there than its parts.
MERGED = re.compile(r"^\.(eh_frame|eh_frame_hdr|gcc_except_table)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)", re.M)
# Rust's two ways to write a path as a name.
LEGACY = re.compile(r"_ZN(\d+)([A-Za-z_].*17h[0-9a-f]{16}E)")
V0 = re.compile(r"_R\w*?C[sS][0-9A-Za-z]*_(\d+)([a-z]\w*)")
# What the crates are there for.
CRATES = {
    "JSON Schema, grammars, regular expressions (llguidance)": ["llguidance", "toktrie", "derivre", "regex_syntax", "referencing", "strum", "ahash", "anyhow", "fluent_uri", "bit_set", "bit_vec"],
    "chat templates (minijinja, chrono, indexmap)": ["minijinja", "chrono", "indexmap", "hashbrown", "iana_time_zone", "memo_map"],
    "JSON (serde)": ["serde", "serde_core", "serde_json", "itoa", "ryu", "zmij"],
    "text search (aho-corasick, memchr, regex)": ["aho_corasick", "memchr", "strsim", "regex", "regex_automata"],
    "checksums (blake3)": ["blake3", "arrayvec", "constant_time_eq"],
    "Rust's standard library": ["std", "core", "alloc", "gimli", "addr2line", "object", "miniz_oxide", "rustc_demangle", "compiler_builtins", "panic_unwind", "std_detect"],
}
OWN = {"template": "qask: chat templates", "constraint": "qask: constraints", "gguf": "qask: checks of model files", "capi": "qask: C interface",
       "output": "qask: tool calls and thoughts", "engine": "qask: engine", "asynchronous": "qask: async"}


def crate_of(section):
    """The crate and its module, of a mangled name."""
    newer = V0.search(section)
    if newer:
        return newer[2][:int(newer[1])], ""
    found = LEGACY.search(section)
    if not found:
        return None, None
    length = int(found[1])
    name, rest = found[2][:length], found[2][length:]
    if name.startswith("_$LT$"):
        # `<A as B>::f`: whoever wrote A, or B where A is no path, such as a number.
        for path in name[5:].split("$u20$as$u20$"):
            path = re.sub(r"^(?:impl\$u20\$|dyn\$u20\$|mut\$u20\$|const\$u20\$|\$RF\$|\$BP\$|\$u5b\$|\$LP\$)+", "", path)
            parts = path.split("$")[0].split("..")
            if len(parts) > 1:
                return parts[0], parts[1]
        return "core", ""
    module = re.match(r"(\d+)(\w+)", rest)
    return name, module[2][:int(module[1])] if module else ""


def part(section, origin):
    member = re.search(r"\(([^)]*)\)$", origin)
    member = member[1] if member else Path(origin).name
    crate, module = crate_of(section)
    if re.fullmatch(r"(v\d|armv8|dotprod|i8mm|choice)\.o", member):
        return f"kernels: {member[:-2]}" if member != "choice.o" else "llama.cpp: the rest"
    if section.startswith(".text.qask_"):
        return OWN["capi"]
    if crate == "qask":
        return OWN.get(module, "qask: the rest")
    for title, crates in CRATES.items():
        if crate in crates:
            return title
    if re.search(r"(zstd|huf|fse|hist|xxhash|entropy|debug|pool|error_private)\w*\.o$", member) or "ZSTD" in section:
        return "compression of sessions (zstd)"
    if "ggml" in member or re.search(r"(gguf|repack|ops|vec|quants|traits|sgemm|binary-ops|unary-ops|hbm|common)\.\w+\.o$", member):
        return "llama.cpp: ggml"
    if re.search(r"unity|llama|unicode|models?/|\.cpp\.o$|\.cxx\.o$", member):
        return "llama.cpp: models, vocabularies, samplers"
    if "qask" in member or ".rcgu." in member or "rlib" in origin:
        return "Rust: constants and tables without a name" if crate is None else "Rust: other crates"
    return "start code"


def main():
    folder = Path(sys.argv[1])
    library = next(p for p in sorted(folder.glob("libqask.so.*")) if not p.is_symlink())
    text = (folder / "libqask.map").read_text(errors="replace")
    # What comes before was thrown away.
    text = text[text.index("Memory map"):] if "Memory map" in text else text[text.index("memory map"):]
    text = re.sub(r"^( \.\S+)\n\s+", r"\1 ", text, flags=re.M)
    sizes = Counter({"tables for unwinding": sum(int(size, 16) for _, size in MERGED.findall(text))})
    for section, address, size, origin in SECTION.findall(text):
        kind = section.split(".")[1]
        # Without room in the file, or not loaded.
        if int(address, 16) and kind not in ("bss", "tbss", "debug_info", "comment", "note", "llvmbc", "symtab", "strtab"):
            if kind in ("eh_frame", "eh_frame_hdr", "gcc_except_table"):
                continue
            if kind in ("rela", "dynsym", "dynstr", "gnu", "plt", "got", "hash"):
                title = "relocations and names"
            else:
                title = part(section, origin)
            sizes[title] += int(size, 16)
    total = library.stat().st_size
    rest = total - sum(sizes.values())
    print(f"| part of {library.name} | bytes | of all |\n|---|---:|---:|")
    for title, size in sizes.most_common():
        if size:
            print(f"| {title} | {size:,} | {size / total:.1%} |")
    # The linker lists texts before it puts equal ones together.
    print(f"| gaps, less texts that are there once | {rest:,} | {rest / total:.1%} |")
    print(f"| **all, stripped** | {total:,} | {total / 2**20:.1f} MiB |")
    return 0 if -total / 50 <= rest < total / 4 else f"the list does not fit the library: {rest} bytes are left"


sys.exit(main())
