#!/usr/bin/env bash
# Compiles and runs every program of docs/*.md and README.md. Usage: run.sh LIBRARIES RUST_RELEASE_FOLDER MODEL.gguf
# Rust programs are compiled against libqask.rlib, which Cargo builds.
set -euo pipefail
cd "$(dirname "$0")/../.."
lib=$(realpath "$1") rust=$(realpath "$2") model=$(realpath "$3")
out=$(mktemp -d "${TMPDIR:-/tmp}/qask-docs.XXXXXX")
trap 'rm -rf "$out"' EXIT
CC=${CC:-cc} CXX=${CXX:-c++}
strict=(-Wall -Wextra -Wpedantic -Werror -Iinclude)
shared=(-L"$lib" -lqask "-Wl,-rpath,$lib")
ln -s "$model" "$out/model.gguf"

fail() {
    cat "$out/log" >&2
    echo "tests/docs: $*" >&2
    exit 1
}
: >"$out/log"
count=0
for page in README.md docs/*.md; do
    for source in $(python3 tests/docs/snippets.py "$page" "$out"); do
        name=$(basename "$source") program=$source.out
        case $name in
        *.c) $CC -std=c99 "${strict[@]}" "$source" -o "$program" "${shared[@]}" ;;
        *.cpp) $CXX -std=c++17 "${strict[@]}" "$source" -o "$program" "${shared[@]}" ;;
        *.rs) rustc --edition 2021 -D warnings "$source" -o "$program" --extern "qask=$rust/libqask.rlib" \
            -L "dependency=$rust/deps" ;;
        esac
        (cd "$out" && timeout 120 "$program" </dev/null >log 2>errors) || { cat "$out/errors" >&2; fail "$name failed"; }
        [ -s "$out/log" ] || fail "$name printed nothing"
        count=$((count + 1))
    done
done
[ "$count" -ge 8 ] || fail "only $count programs were found"
echo "ok: $count programs of the documentation"
