"""Writes GGUF files (version 3) with nothing but the standard library: the same bytes every time, so that a result can
be checked by its hash."""
import struct

U8, I32, U32, F32, BOOL, STR, ARRAY = 0, 5, 4, 6, 7, 8, 9
TENSOR_F32, TENSOR_Q4_0 = 0, 2
ALIGNMENT = 32

PACKED = {U8: "B", I32: "i", U32: "I", F32: "f", BOOL: "?"}


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(data)) + data


def scalar(kind, value):
    return text(value) if kind == STR else struct.pack("<" + PACKED[kind], value)


class Writer:
    def __init__(self, architecture):
        self.keys, self.tensors = [], []
        self.architecture = architecture
        self.key("general.architecture", STR, architecture)

    def key(self, name, kind, value):
        """`value` may be a list; a name that begins with a dot belongs to the architecture."""
        name = self.architecture + name if name.startswith(".") else name
        if isinstance(value, (list, bytes)):
            body = bytes(value) if kind == U8 else b"".join(scalar(kind, v) for v in value)
            self.keys.append(text(name) + struct.pack("<IIQ", ARRAY, kind, len(value)) + body)
        else:
            self.keys.append(text(name) + struct.pack("<I", kind) + scalar(kind, value))

    def tensor(self, name, shape, kind, data):
        """`shape` as in numpy, the longest stride first."""
        self.tensors.append((name, shape[::-1], kind, data))

    def write(self, path):
        head = b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(self.keys)) + b"".join(self.keys)
        offset = 0
        for name, dims, kind, data in self.tensors:
            head += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)
            offset += -(-len(data) // ALIGNMENT) * ALIGNMENT
        with open(path, "wb") as out:
            for part in [head] + [t[3] for t in self.tensors]:
                out.write(part)
                out.write(bytes(-len(part) % ALIGNMENT))
