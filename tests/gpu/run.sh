#!/usr/bin/env bash
# How processes end, and what they are told when there is no memory, on a GPU: for a library made with GPU=cuda.
# Usage: run.sh LIBRARY_FOLDER MODEL.gguf EMBEDDING_MODEL.gguf; TIMES=20 exits of each kind.
set -uo pipefail
cd "$(dirname "$0")/../.."
lib=$(realpath "$1") model=$2 embedding_model=$3
out=$(mktemp -d "${TMPDIR:-/tmp}/qask-gpu.XXXXXX")
trap 'rm -rf "$out"' EXIT
wrong=0
build() {
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -g1 -Wall -Wextra -Werror -Iinclude "$1" -o "$2" -L"$lib" -lqask \
        "-Wl,-rpath,$lib" -lpthread -lm -ldl || exit 1
}
build tests/gpu/exits.c "$out/exits"
build tests/gpu/memory.c "$out/memory"

for mode in model idle freed freed-running held first-steps decoding embedding; do
    bad=
    for _ in $(seq "${TIMES:-20}"); do
        timeout 30 "$out/exits" "$model" $mode "$embedding_model" >"$out/log" 2>&1 || bad="$bad $?"
        [ ! -s "$out/log" ] || { cat "$out/log"; bad="$bad printed"; }
    done
    echo "exit, $mode: ${bad:-all as they should}"
    [ -z "$bad" ] || wrong=1
done
for case in kv load engine first long during embed-new embed-first; do
    timeout 60 "$out/memory" "$model" "$embedding_model" $case >"$out/log" 2>&1
    status=$?
    if [ $status = 0 ] && grep -q OUT_OF_MEMORY "$out/log" && ! grep -q ENGINE_FAULT "$out/log"; then
        echo "no memory, $case: OUT_OF_MEMORY"
    else
        echo "no memory, $case: status $status" && cat "$out/log"
        wrong=1
    fi
done
exit $wrong
