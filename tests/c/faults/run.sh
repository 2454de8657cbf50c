#!/usr/bin/env bash
# Calls into the system that fail, against a built library. Usage: run.sh LIBRARY_FOLDER MODEL.gguf [--all] [KIND…]
# A few places of each kind, or with --all all of them. Linux with glibc.
set -euo pipefail
cd "$(dirname "$0")/../../.."
lib=$(realpath "$1") model=$2
shift 2
out=$(mktemp -d "${TMPDIR:-/tmp}/qask-faults.XXXXXX")
trap 'rm -rf "$out"' EXIT
CC=${CC:-cc}
flags=(-std=gnu11 -O1 -g1 -Wall -Wextra -Werror -Iinclude -Itests/c)
$CC "${flags[@]}" -shared -fPIC tests/c/faults/shim.c -o "$out/libshim.so" -ldl
for program in scenario clock; do
    $CC "${flags[@]}" "tests/c/faults/$program.c" -o "$out/$program" -L"$out" -lshim -L"$lib" -lqask \
        "-Wl,-rpath,$out:$lib" -lpthread
done
timeout 300 "$out/clock" "$model"
python3 tests/c/faults/walk.py "$out/scenario" "$model" "$@"
