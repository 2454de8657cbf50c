#!/usr/bin/env python3
"""Adds llama.cpp to a list of components in the CycloneDX format: sbom.py LIST.json OUTPUT.json

Tools that read Cargo.lock do not see it: its sources lie inside the package llama-cpp-sys-2.
"""
import json
import re
import subprocess
import sys
from pathlib import Path


def engine():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--offline"]
    packages = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["packages"]
    return next(p for p in packages if p["name"] == "llama-cpp-sys-2")


def main(source, output):
    parts = json.loads(Path(source).read_text(encoding="utf-8"))
    package = engine()
    sources = Path(package["manifest_path"]).parent / "llama.cpp"
    if not (sources / "LICENSE").is_file():
        sys.exit(f"sbom: no llama.cpp in {package['name']} {package['version']}: say in {__file__} where it is now")
    holder = [c for c in parts["components"] if c["name"] == package["name"]]
    if len(holder) != 1:
        sys.exit(f"sbom: {source} names {package['name']} {len(holder)} times instead of once")
    ggml = (sources / "ggml" / "CMakeLists.txt").read_text(encoding="utf-8")
    version = ".".join(re.search(rf"GGML_VERSION_{part} (\d+)", ggml).group(1) for part in ("MAJOR", "MINOR", "PATCH"))
    parts["components"].append({
        "type": "library",
        "bom-ref": "llama.cpp",
        "name": "llama.cpp",
        "version": f"ggml {version}",
        "description": f"The engine, as the sources inside {package['name']} {package['version']}, built with them",
        "licenses": [{"license": {"id": "MIT"}}],
        "externalReferences": [{"type": "vcs", "url": "https://github.com/ggml-org/llama.cpp"}],
    })
    # The tool names this package by its folder, which is nobody's business.
    here = Path(__file__).resolve().parent.parent
    text = json.dumps(parts, indent=2).replace(f"path+file://{here}#", "") + "\n"
    if str(here) in text:
        sys.exit(f"sbom: {output} would name {here}")
    Path(output).write_text(text, encoding="utf-8")
    print(f"{output}: {len(parts['components'])} components")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
