#!/usr/bin/env python3
"""Renders llama.cpp's chat templates with Python's jinja2, set up as transformers sets it up:

templates.py            writes tests/templates/expected.json: a digest of each text
templates.py --verify   compares instead of writing
templates.py --show TEMPLATE CASE   prints one text

jinja2 is installed into a folder of the cache, in the versions of templates-requirements.txt. Exit status as models.py.
"""
import copy
import datetime
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import vectors
from models import Failure, cache, say

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT / "tests/templates/cases.json"
EXPECTED = ROOT / "tests/templates/expected.json"
REQUIREMENTS = ROOT / "tools/templates-requirements.txt"
CONTINUED = "CONTINUE_FINAL_MESSAGE_TAG "
NOW = datetime.datetime(2024, 7, 26, 12, 34, 56)


def enter_environment():
    """Goes on under a Python that has jinja2 in the pinned versions."""
    wanted = REQUIREMENTS.read_text()
    home = cache() / f"jinja2-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    if Path(sys.prefix) == home:
        return
    python = home / "bin/python"
    if not (home / "complete").exists():
        say("jinja2: " + ", ".join(line for line in wanted.splitlines() if "==" in line))
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        run = subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r",
                              REQUIREMENTS], stderr=subprocess.PIPE, text=True)
        if run.returncode != 0:
            last = (run.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
            raise Failure(f"jinja2 cannot be installed: {last}", 3)
        (home / "complete").touch()
    os.execv(python, [python, *sys.argv])


def environment():
    from jinja2 import nodes
    from jinja2.exceptions import TemplateError
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """What the assistant says; a trainer marks it."""
        tags = {"generation"}

        def parse(self, parser):
            line = next(parser.stream).lineno
            body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
            return nodes.CallBlock(self.call_method("_keep"), [], [], body).set_lineno(line)

        def _keep(self, caller):
            return caller()

    def raise_exception(message):
        raise TemplateError(message)

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                          sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[Generation, loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def mark_end(message):
    """The tag behind the last text, as transformers marks where a continued message ends."""
    content = message["content"]
    if isinstance(content, list):
        last = [part for part in content if "text" in part][-1]
        last["text"] += CONTINUED
    else:
        message["content"] = content + CONTINUED


def render(template, case, tools):
    """The text, or an error's class."""
    messages = copy.deepcopy(case["messages"])
    continued = case.get("continue_final_message", False)
    if continued:
        mark_end(messages[-1])
    arguments = {"documents": None, "bos_token": "<s>", "eos_token": "</s>", **case.get("variables", {})}
    own = case.get("tools")
    text = template.render(messages=messages, tools=tools if own is True else own,
                           add_generation_prompt=case.get("add_generation_prompt", True), **arguments)
    if continued:
        at = text.rindex(CONTINUED.strip())
        whole = text[at:].startswith(CONTINUED)
        text = text[:at] if whole else text[:at].rstrip()
    return text


def digest(text):
    data = text.encode()
    return f"{len(data)} {hashlib.sha256(data).hexdigest()[:16]}"


def results(folder):
    """For each template and case the text, or None where it fails."""
    data = json.loads(CASES.read_text())
    env = environment()
    for path in sorted(folder.glob("*.jinja")):
        template = env.from_string(path.read_text())
        found = {}
        for case in data["cases"]:
            try:
                found[case["name"]] = render(template, case, data["tools"])
            except Exception:  # Whatever a template can make Python raise is the expected failure.
                found[case["name"]] = None
        yield path.stem, found


def main(arguments):
    enter_environment()
    folder = next(f for f in vectors.fetch() if f.name == vectors.TEMPLATES)
    if arguments[:1] == ["--show"]:
        text = dict(results(folder))[arguments[1]][arguments[2]]
        sys.stdout.write("(fails)\n" if text is None else text)
        return
    lines = []
    for name, texts in results(folder):
        cases = {case: None if text is None else digest(text) for case, text in texts.items()}
        lines.append(f"{json.dumps(name)}: {json.dumps(cases)}")
    made = "{\n" + ",\n".join(lines) + "\n}\n"
    if arguments == ["--verify"]:
        if made != EXPECTED.read_text():
            raise Failure(f"{EXPECTED.name} is not what jinja2 gives: run tools/templates.py")
    else:
        EXPECTED.write_text(made)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failure as failure:
        say(f"templates: {failure}")
        sys.exit(failure.status)
