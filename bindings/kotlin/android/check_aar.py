#!/usr/bin/env python3
"""What an AAR of qask must be: check_aar.py FILE.aar. Every ABI with one native file for that machine, on 16 KiB pages, that
exports JNI_OnLoad alone and needs nothing but Android's own libraries; the classes that the native file looks up; the rules
that keep them; no native file in the classes."""
import io
import struct
import sys
import zipfile

MACHINES = {"arm64-v8a": 183, "x86_64": 62}
ANDROIDS_OWN = {"libc.so", "libm.so", "libdl.so", "liblog.so"}
CLASSES = ["Raw", "QaskException", "ProgressCallback", "LogCallback", "Model", "Engine", "Chat"]
PT_LOAD, PT_DYNAMIC, DT_NEEDED, DT_STRTAB, SHT_DYNSYM = 1, 2, 1, 5, 11


class Elf:
    """As much of a 64-bit ELF file as is asked for."""

    def __init__(self, data):
        self.data = data
        if data[:5] != b"\x7fELF\x02":
            raise ValueError("not a 64-bit ELF file")
        self.machine = struct.unpack_from("<H", data, 18)[0]
        start, = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        # type, flags, offset, address, physical, size in the file, in memory, alignment
        self.segments = [struct.unpack_from("<IIQQQQQQ", data, start + i * size) for i in range(count)]

    def at(self, address):
        for kind, _, offset, start, _, size, *_ in self.segments:
            if kind == PT_LOAD and start <= address < start + size:
                return offset + address - start
        raise ValueError("an address outside every segment")

    def text(self, offset):
        return self.data[offset:self.data.index(0, offset)].decode()

    def dynamic(self):
        for kind, _, offset, _, _, size, *_ in self.segments:
            if kind == PT_DYNAMIC:
                return [struct.unpack_from("<qQ", self.data, offset + i) for i in range(0, size, 16)]
        return []

    def needed(self):
        entries = self.dynamic()
        strings = self.at(dict(entries)[DT_STRTAB])
        return {self.text(strings + value) for tag, value in entries if tag == DT_NEEDED}

    def exported(self):
        """Defined global symbols. Only the table of sections says where those end: what lies behind them is the linker's choice."""
        strings = self.at(dict(self.dynamic())[DT_STRTAB])
        start, = struct.unpack_from("<Q", self.data, 40)
        size, count = struct.unpack_from("<HH", self.data, 58)
        found = set()
        for i in range(count):
            _, kind, _, _, table, length = struct.unpack_from("<IIQQQQ", self.data, start + i * size)
            for offset in range(table, table + length, 24) if kind == SHT_DYNSYM else ():
                name, info, _, section = struct.unpack_from("<IBBH", self.data, offset)
                if section and info >> 4:
                    found.add(self.text(strings + name))
        return found

    def alignment(self):
        return min(s[7] for s in self.segments if s[0] == PT_LOAD)


def faults_of_library(abi, data):
    elf = Elf(data)
    if elf.machine != MACHINES[abi]:
        yield f"it is for machine {elf.machine}"
    if elf.alignment() < 16384:
        yield f"its segments are aligned to {elf.alignment()} bytes, not 16 KiB"
    if elf.needed() - ANDROIDS_OWN:
        yield f"it needs {', '.join(sorted(elf.needed() - ANDROIDS_OWN))}"
    if elf.exported() - {"qask_jni"} != {"JNI_OnLoad"}:
        yield f"it exports {', '.join(sorted(elf.exported())[:5]) or 'nothing'}"


def faults(path):
    with zipfile.ZipFile(path) as aar:
        names = set(aar.namelist())
        for name in sorted({"AndroidManifest.xml", "classes.jar", "proguard.txt"} - names):
            yield f"no {name}"
        wanted = {f"jni/{abi}/libqask_jni.so" for abi in MACHINES}
        found = {n for n in names if n.startswith("jni/") and not n.endswith("/")}
        for name in sorted(wanted ^ found):
            yield f"{'no' if name in wanted else 'a stray'} {name}"
        for name in sorted(wanted & found):
            yield from (f"{name}: {fault}" for fault in faults_of_library(name.split("/")[1], aar.read(name)))
        if "classes.jar" in names:
            with zipfile.ZipFile(io.BytesIO(aar.read("classes.jar"))) as classes:
                inside = set(classes.namelist())
            yield from (f"classes.jar: no {c}" for c in CLASSES if f"io/github/qask/{c}.class" not in inside)
            yield from (f"classes.jar: {n} belongs into jni/" for n in sorted(inside) if n.endswith(".so"))
        if "proguard.txt" in names:
            rules = aar.read("proguard.txt").decode()
            yield from (f"proguard.txt does not keep {c}" for c in CLASSES[:4] if f"io.github.qask.{c} " not in rules)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    wrong = list(faults(sys.argv[1]))
    for fault in wrong:
        print(f"{sys.argv[1]}: {fault}", file=sys.stderr)
    sys.exit(1 if wrong else 0)
