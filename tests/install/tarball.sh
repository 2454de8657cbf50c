#!/usr/bin/env bash
# What a stranger does with the tarball of `make dist`: unpack it into a folder with a space in its name, and build and
# run consumers there. Usage: tarball.sh MODEL.gguf
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d "${TMPDIR:-/tmp}/qask tarball.XXXXXX")
trap 'rm -rf "$work"' EXIT
tarball=$(ls -t dist/qask-*-"$(uname -m)"-linux-gnu.tar.gz 2>/dev/null | head -1)
[ -n "$tarball" ] || { echo "tests/install: no tarball in dist: make dist" >&2; exit 1; }
(cd dist && sha256sum --quiet -c "$(basename "$tarball").sha256")
tar -xzf "$tarball" -C "$work"
folder=$(echo "$work"/qask-*)
for file in README.md INSTALL.txt CHANGELOG.md LICENSE-MIT LICENSE-APACHE THIRD-PARTY-LICENSES.txt; do
    [ -s "$folder/$file" ] || { echo "tests/install: $tarball has no $file" >&2; exit 1; }
done
if grep -rIlF -e "$PWD" -e "$HOME/" "$folder"; then echo "tests/install: these name a path of this machine" >&2; exit 1; fi
tools/check_binary.sh "$folder/lib"
tests/install/run.sh --unpacked "$folder" "$1"
