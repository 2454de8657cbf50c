"""Every program of examples/python, as a user runs it. (ray_batch.py needs Ray: `make python-ecosystem`.)"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import REPOSITORY, path_of

FOLDER = REPOSITORY / "examples/python"


def run(stem: str, *arguments: str, stdin: str = "", status: int = 0) -> subprocess.CompletedProcess[str]:
    found = subprocess.run(
        [sys.executable, str(FOLDER / f"{stem}.py"), *arguments], input=stdin, capture_output=True, text=True, timeout=300
    )
    assert found.returncode == status, found.stderr
    return found


def test_every_example_is_run() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    for path in FOLDER.glob("*.py"):
        assert f'"{path.stem}"' in source, path
        assert run_without_arguments(path).startswith("usage: "), path


def run_without_arguments(path: Path) -> str:
    if path.stem == "ray_batch":
        return "usage: "
    return run(path.stem, status=1).stderr


def test_chat(smol: str, tmp_path: Path) -> None:
    question = "Complete the sentence: the capital of France is"
    # What is drawn at random says something else now and then, though not three times.
    assert any("Paris" in run("chat", smol, question).stdout for _ in range(3))
    assert any("Paris" in run("chat", "--once", smol, question).stdout for _ in range(3))
    saved = str(tmp_path / "saved.json")
    lines = ["My name is Tom. Say hello to me.", f"/save {saved}", "/load no-such-file.json", "/regenerate"]
    lines += [f"/load {saved}", "What is my name?", f"/save {saved}.2", "/quit", "never read"]
    found = run("chat", smol, stdin="".join(f"{line}\n" for line in lines))
    first, second = (json.loads(Path(p).read_text())["messages"] for p in (saved, f"{saved}.2"))
    assert [m["role"] for m in second] == ["user", "assistant"] * 2 and second[:2] == first
    assert "no-such-file.json" in found.stderr and "[2 messages]" in found.stderr
    assert re.search(r"[1-9]\d* of them cached", found.stderr)
    assert "no-such-model.gguf" in run("chat", "no-such-model.gguf", "x", status=1).stderr


def test_parallel(smol: str) -> None:
    assert len(re.findall(r"\[\d+ of \d+ prompt tokens cached\]$", run("parallel", smol).stdout, re.M)) == 16


def test_cancel(smol: str) -> None:
    lines = run("cancel", smol).stdout.splitlines()
    assert re.match(r"cancelled: \d", lines[0]) and re.match(r"deadline: \d", lines[1]) and len(lines) == 4


def test_json_answer() -> None:
    out = run("json_answer", path_of("qwen2.5-coder-0.5b")).stdout
    assert out.startswith("Person(name='Ada Lovelace', born=1815, places=[")


def test_tools() -> None:
    out = run("tools", path_of("qwen2.5-coder-0.5b")).stdout.splitlines()
    assert re.match(r'get_weather\(\{"city": ".*"\}\)', out[0]) and len(out) > 1


def test_embed(minilm_path: str) -> None:
    out = run("embed", minilm_path, "a sleeping animal", "The cat naps.", "Rates went up.").stdout.splitlines()
    assert re.match(r"0\.[3-9]\d\d The cat naps\.$", out[0]) and len(out) == 2


def test_ask_docs(minilm_path: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Cats sleep.\n\nThe office opens at nine o'clock.\n\nRates went up.\n\nIt rained.\n")
    found = run("ask_docs", minilm_path, path_of("qwen2.5-coder-0.5b"), "When does the office open?", str(page)).stdout
    assert f"[1] {page}, paragraph 2" in found and re.search("nine|9", found)


needs_ray = pytest.mark.skipif(os.environ.get("QASK_RAY") != "1", reason="needs Ray and minutes: make python-ecosystem")


@needs_ray
def test_ray_batch_survives_a_killed_worker(smol: str, minilm_path: str, tmp_path: Path) -> None:
    found = run("ray_batch", smol, "100", "--embed", minilm_path, "--out", str(tmp_path), "--kill").stdout
    assert "0 blocks were there" in found and "lost 0, twice 0, killed 1" in found
    rows = [json.loads(line) for path in tmp_path.glob("*.jsonl") for line in path.read_text().splitlines()]
    assert sorted(row["id"] for row in rows) == list(range(100))
    assert all(row["answer"] and len(row["vector"]) == 384 for row in rows)


@needs_ray
def test_ray_batch_goes_on_after_its_driver_was_killed(smol: str, tmp_path: Path) -> None:
    arguments = [smol, "160", "--out", str(tmp_path)]
    driver = subprocess.Popen([sys.executable, str(FOLDER / "ray_batch.py"), *arguments], stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 200
        while len(list(tmp_path.glob("*.jsonl"))) < 3:
            assert driver.poll() is None and time.monotonic() < until
            time.sleep(0.05)
    finally:
        driver.kill()
        driver.wait()
    # Its workers go when they miss it.
    for worker in (tmp_path / "pids").iterdir():
        while Path(f"/proc/{worker.name}").exists():
            assert time.monotonic() < until
            time.sleep(0.1)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.jsonl")}
    assert 3 <= len(before) < 20
    found = run("ray_batch", *arguments).stdout
    assert "160 answers by 2 workers" in found and f"{len(before)} blocks were there" in found
    assert "lost 0, twice 0" in found and len(list(tmp_path.glob("*.jsonl"))) == 20
    assert before == {path: path.stat().st_mtime_ns for path in before}
