#!/usr/bin/env bash
# C examples and tests under valgrind: what is read or written where nothing is, what depends on memory that was never
# written, what is lost. Usage: valgrind.sh LIBRARY_FOLDER MODEL.gguf EMBEDDING_MODEL.gguf
# The library must not use AVX-512, which valgrind does not know: that of `make dist`.
set -euo pipefail
cd "$(dirname "$0")/../.."
lib=$(realpath "$1") model=$2 embedding_model=$3
out=$(mktemp -d "${TMPDIR:-/tmp}/qask-valgrind.XXXXXX")
trap 'rm -rf "$out"' EXIT
CC=${CC:-cc}
link=(-L"$lib" -lqask "-Wl,-rpath,$lib" -lpthread -lm)
# One thread computes here, and threads that wait must not spin.
export OMP_WAIT_POLICY=passive
check=(valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite
    --suppressions=tests/c/valgrind.supp --fair-sched=yes)

fail() {
    echo "tests/c: $*" >&2
    exit 1
}
build() { # source, program
    $CC -std=c11 -D_GNU_SOURCE -O1 -g -Iinclude -Itests/c "$1" -o "$out/$2" "${link[@]}"
}
run() { # program, arguments
    local began=$SECONDS
    timeout 3000 "${check[@]}" "$out/$1" "${@:2}" >"$out/log" 2>&1 || { cat "$out/log" >&2; fail "$1 under valgrind"; }
    echo "valgrind: $1, $((SECONDS - began)) s"
}

# First the proof that it sees something, inside the library and outside.
build tests/c/planted.c planted
for bug in overflow:'Invalid read' leak:'definitely lost'; do
    if "${check[@]}" "$out/planted" "${bug%%:*}" >"$out/log" 2>&1; then fail "valgrind missed a planted ${bug%%:*}"; fi
    grep -q "${bug#*:}" "$out/log" || { cat "$out/log" >&2; fail "no report of a planted ${bug%%:*}"; }
done

for stem in inspect chat parallel embed score templates plan; do build "examples/c/$stem.c" "$stem"; done
for stem in lifecycle content; do build "tests/c/$stem.c" "test-$stem"; done
run inspect "$model"
run plan "$model" 320
run templates "$model"
run chat --once "$model" 'Complete the sentence: the capital of France is'
run score "$model"
run embed "$embedding_model" 'a sleeping animal' 'The cat naps.' 'Rates went up.'
run parallel "$model"
run test-content "$model"
run test-lifecycle "$model"
echo 'valgrind: clean'
