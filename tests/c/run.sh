#!/usr/bin/env bash
# Builds the C tests and examples against a built library and runs them.
# Usage: run.sh LIBRARY_FOLDER MODEL.gguf
# ASAN=1: the library was built with AddressSanitizer and test hooks (`make asan`); the programs are too.
set -euo pipefail
cd "$(dirname "$0")/../.."
lib=$(realpath "$1") model=$2
out=$(mktemp -d "${TMPDIR:-/tmp}/qask-c.XXXXXX")
trap 'rm -rf "$out"' EXIT
CC=${CC:-cc} CXX=${CXX:-c++}
strict=(-Wall -Wextra -Wpedantic -Werror)
# The tests use POSIX; the header itself needs nothing but C99.
flags=(-std=c11 -D_GNU_SOURCE -O1 -g1 "${strict[@]}" -Iinclude -Itests/c)
read -ra libs <"$lib/libqask.libs"
shared=(-L"$lib" -lqask "-Wl,-rpath,$lib" -lpthread -lm)
static=("$lib/libqask.a" "${libs[@]}")
limit="timeout 300"
tests=(lifecycle process content chat queue)

fail() {
    echo "tests/c: $*" >&2
    exit 1
}

# ---- the header by itself ----
echo '#include <qask.h>' >"$out/alone.c"
for standard in c99 c11 c17; do $CC "-std=$standard" "${strict[@]}" -Iinclude -fsyntax-only "$out/alone.c"; done
$CXX -x c++ -std=c++17 "${strict[@]}" -Iinclude -fsyntax-only "$out/alone.c"

# ---- programs ----
build() { # source, output, how to link
    local source=$1 output=$2
    shift 2
    $CC "${flags[@]}" "$source" -o "$output" "$@"
}

python3 tests/c/misuse.py include/qask.h >"$out/misuse.c"

if [ "${ASAN:-}" = 1 ]; then
    flags+=(-fsanitize=address)
    # First the proof that it would see something.
    build tests/c/planted.c "$out/planted" "${static[@]}"
    for bug in overflow leak; do
        if "$out/planted" "$bug" >"$out/log" 2>&1; then fail "the sanitizer missed a planted $bug"; fi
        grep -q AddressSanitizer "$out/log" || grep -q LeakSanitizer "$out/log" || fail "no report of a planted $bug"
    done
    # What is planted inside the library is seen too.
    tests+=(faults)
    for t in "${tests[@]}"; do
        build "tests/c/$t.c" "$out/$t" "${static[@]}"
        echo "asan: $t"
        $limit "$out/$t" "$model"
    done
    $CC "${flags[@]}" -Wno-unused-function "$out/misuse.c" -o "$out/misuse" "${static[@]}"
    timeout 1200 "$out/misuse" "$model"
    echo "asan: clean"
    exit 0
fi

for kind in shared static; do
    link=("${shared[@]}")
    [ $kind = shared ] || link=("${static[@]}")
    for t in "${tests[@]}"; do
        build "tests/c/$t.c" "$out/$t" "${link[@]}"
        # Each is silent unless something is wrong: the library prints nothing.
        $limit "$out/$t" "$model" >"$out/log" 2>&1 || { cat "$out/log" >&2; fail "$t ($kind) failed"; }
        [ ! -s "$out/log" ] || { cat "$out/log" >&2; fail "$t ($kind): the library printed something"; }
        echo "ok: $t ($kind)"
    done
done
$CC "${flags[@]}" -Wno-unused-function "$out/misuse.c" -o "$out/misuse" "${shared[@]}"
$limit "$out/misuse" "$model"

# ---- the README's program ----
sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d' >"$out/readme.c"
$CC -std=c99 "${strict[@]}" -Iinclude "$out/readme.c" -o "$out/readme" "${shared[@]}"
ln -s "$(realpath "$model")" "$out/model.gguf"
(cd "$out" && $limit ./readme) >"$out/log"
[ -s "$out/log" ] || fail "the README's program said nothing"
echo "ok: README"

# ---- examples: the same stems in C and Rust ----
for source in examples/rust/*.rs; do
    stem=$(basename "$source" .rs)
    [ -f "examples/c/$stem.c" ] || fail "examples/rust/$stem.rs has no twin in examples/c"
    [ -f "target/release/examples/$stem" ] || [ -f "${CARGO_TARGET_DIR:-target}/release/examples/$stem" ] ||
        fail "the Rust example $stem was not built"
done
for source in examples/c/*.c; do
    stem=$(basename "$source" .c)
    [ -f "examples/rust/$stem.rs" ] || fail "examples/c/$stem.c has no twin in examples/rust"
    $CC -std=c99 -O2 "${strict[@]}" -Iinclude "$source" -o "$out/$stem-c" "${shared[@]}"
    ln -sf "$(realpath "${CARGO_TARGET_DIR:-target}/release/examples/$stem")" "$out/$stem-rust"
done
expect() { # stem, number of matching lines, pattern, arguments before the model, "--", arguments after it
    local stem=$1 lines=$2 pattern=$3 before=()
    shift 3
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        before+=("$1")
        shift
    done
    [ $# = 0 ] || shift
    for language in c rust; do
        $limit "$out/$stem-$language" "${before[@]}" "$model" "$@" >"$out/log" 2>"$out/err" ||
            { cat "$out/log" "$out/err" >&2; fail "example $stem ($language) failed"; }
        local found
        found=$(grep -cE "$pattern" "$out/log" || true)
        [ "$found" = "$lines" ] ||
            { cat "$out/log" >&2; fail "example $stem ($language): $found lines like '$pattern', expected $lines"; }
    done
    echo "ok: example $stem (c, rust)"
}
expect chat 1 'Paris' -- 'Complete the sentence: the capital of France is'
expect chat 1 'Paris' --once -- 'Complete the sentence: the capital of France is'
# A conversation from standard input: history, saving and loading, and an error that does not end it.
$CXX -std=c++17 -O2 "${strict[@]}" -Iinclude examples/cpp/chat.cpp -o "$out/chat-cpp" "${shared[@]}"
for language in c cpp rust; do
    saved="$out/saved-$language.json"
    printf '%s\n' 'My name is Tom. Say hello to me.' "/save $saved" '/load no-such-file.json' '/regenerate' \
        "/load $saved" 'What is my name?' "/save $saved.2" '/quit' 'never read' >"$out/lines"
    env -u PROMPT $limit "$out/chat-$language" "$model" <"$out/lines" >"$out/log" 2>"$out/err" ||
        { cat "$out/log" "$out/err" >&2; fail "chat as a conversation ($language) failed"; }
    python3 - "$saved" "$saved.2" <<'END' || fail "chat ($language): what was saved is not the conversation"
import json, sys
first, second = (json.load(open(p, encoding="utf-8"))["messages"] for p in sys.argv[1:])
assert [m["role"] for m in second] == ["user", "assistant"] * 2 and second[:2] == first, second
assert second[2]["content"] == "What is my name?" and second[1]["content"] and second[3]["content"]
END
    grep -q 'no-such-file.json' "$out/err" || fail "chat ($language) does not name the missing file"
    grep -q '^.*\[2 messages\]$' "$out/err" || fail "chat ($language) does not say what it loaded"
    grep -qE '[1-9][0-9]* of them cached' "$out/err" || fail "chat ($language): nothing was cached"
done
echo "ok: chat as a conversation (c, cpp, rust)"
expect parallel 8 '\[[0-9]+ of [0-9]+ prompt tokens cached\]$'
expect inspect 1 '^vocabulary +49152$'
# How far they come until then depends on the machine.
expect templates 4 '^--- .* ---$'
expect templates 5 '^--- .* ---$' -- examples/own.jinja
expect templates 1 '^ASSISTANT \(in a sunny mood\):$' -- examples/own.jinja
expect templates 1 '^TOOLS: get_weather$' -- examples/own.jinja
expect templates 1 'the chat template failed at line 1: syntax error: for without its end'
expect cancel 1 '^cancelled: [0-9]'
expect cancel 1 '^deadline: [0-9]'
expect event_loop 3 '\[(stop|length), [0-9]+ pieces\]$'
expect event_loop 1 '^the clock ticked ([2-9]|[0-9]{2,}) times meanwhile$'
# A path that is wrong is an error with the path in it, not a crash.
for language in c rust; do
    if "$out/chat-$language" no-such-model.gguf hello >"$out/log" 2>&1; then fail "chat on no file succeeded"; fi
    grep -q 'no-such-model.gguf' "$out/log" || fail "chat ($language) does not name the missing file"
done
