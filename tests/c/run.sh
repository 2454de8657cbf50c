#!/usr/bin/env bash
# Builds the C tests and examples against a built library and runs them.
# Usage: run.sh LIBRARY_FOLDER MODEL.gguf EMBEDDING_MODEL.gguf
# SANITIZER=address,undefined or thread: the library was built with it and test hooks (`make asan`, `make tsan`); the
# programs are too.
set -euo pipefail
cd "$(dirname "$0")/../.."
lib=$(realpath "$1") model=$2 embedding_model=$3
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
tests=(lifecycle process content chat queue adapters constraints tools threads storm embedder plan sessions scorer rest isolated)

# What a test is given: paths without spaces, as the cache's are.
models() {
    echo "$model"
    [[ "$1" != embedder && "$1" != plan ]] || echo "$embedding_model"
}

fail() {
    echo "tests/c: $*" >&2
    exit 1
}

# ---- the header by itself ----
echo '#include <qask.h>' >"$out/alone.c"
for standard in c99 c11 c17; do $CC "-std=$standard" "${strict[@]}" -Iinclude -fsyntax-only "$out/alone.c"; done
$CXX -x c++ -std=c++17 "${strict[@]}" -Iinclude -fsyntax-only "$out/alone.c"
echo '#include <qask.hpp>' >"$out/alone.cpp"
$CXX -std=c++17 "${strict[@]}" -Wshadow -Iinclude -fsyntax-only "$out/alone.cpp"

# ---- programs ----
build() { # source, output, how to link
    local source=$1 output=$2
    shift 2
    $CC "${flags[@]}" "$source" -o "$output" "$@"
}

python3 tests/c/misuse.py include/qask.h >"$out/misuse.c"

if [ -n "${SANITIZER:-}" ]; then
    flags+=("-fsanitize=$SANITIZER" -fno-sanitize-recover=undefined)
    # The engine is compiled to go on after a report; no test may.
    export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    case $SANITIZER in
    thread) bugs=(race:ThreadSanitizer) tests=(threads queue storm) ;;
    # What is planted inside the library is seen too.
    *) bugs=(overflow:AddressSanitizer leak:LeakSanitizer 'undefined:runtime error') tests+=(faults settings) ;;
    esac
    # First the proof that it would see something.
    build tests/c/planted.c "$out/planted" "${static[@]}"
    for bug in "${bugs[@]}"; do
        if "$out/planted" "${bug%%:*}" >"$out/log" 2>&1; then fail "the sanitizer missed a planted ${bug%%:*}"; fi
        grep -q "${bug#*:}" "$out/log" || { cat "$out/log" >&2; fail "no report of a planted ${bug%%:*}"; }
    done
    for t in "${tests[@]}"; do
        build "tests/c/$t.c" "$out/$t" "${static[@]}"
        echo "$SANITIZER: $t"
        # shellcheck disable=SC2046
        timeout "${QASK_PATIENCE:-1200}" "$out/$t" $(models "$t")
    done
    if [ "$SANITIZER" != thread ]; then
        $CC "${flags[@]}" -Wno-unused-function "$out/misuse.c" -o "$out/misuse" "${static[@]}"
        timeout 1200 "$out/misuse" "$model"
    fi
    echo "$SANITIZER: clean"
    exit 0
fi

for kind in shared static; do
    link=("${shared[@]}")
    [ $kind = shared ] || link=("${static[@]}")
    for t in "${tests[@]}"; do
        build "tests/c/$t.c" "$out/$t" "${link[@]}"
        # Each is silent unless something is wrong: the library prints nothing.
        # shellcheck disable=SC2046
        $limit "$out/$t" $(models "$t") >"$out/log" 2>&1 || { cat "$out/log" >&2; fail "$t ($kind) failed"; }
        [ ! -s "$out/log" ] || { cat "$out/log" >&2; fail "$t ($kind): the library printed something"; }
        echo "ok: $t ($kind)"
    done
done
# Many answers: once is enough.
build tests/c/settings.c "$out/settings" "${shared[@]}"
$limit "$out/settings" "$model" || fail "settings failed"
echo "ok: settings (shared)"
# C++ programs, and those that load it late.
for kind in shared static; do
    link=("${shared[@]}")
    [ $kind = shared ] || link=("${static[@]}")
    $CXX -std=c++17 -O1 "${strict[@]}" -Iinclude -Itests/c tests/c/terminate.cpp -o "$out/terminate" "${link[@]}"
    $limit "$out/terminate" "$model" || fail "terminate ($kind) failed"
    echo "ok: terminate ($kind)"
done
build tests/c/plugin.c "$out/plugin.so" -shared -fPIC "${shared[@]}"
build tests/c/unload.c "$out/unload" -ldl
$limit "$out/unload" "$out/plugin.so" "$model" || fail "unload failed"
if command -v readelf >/dev/null; then
    readelf -d "$lib/libqask.so" | grep -q NODELETE || fail "libqask.so goes away with dlclose(), under its own threads"
fi
echo "ok: unload (shared)"
# Calls into the system that fail: a few of them here, all by `make faults`.
if [ "$(uname -s)" = Linux ]; then
    tests/c/faults/run.sh "$lib" "$model" >"$out/log" 2>&1 || { cat "$out/log" >&2; fail "a fault was not survived"; }
    echo "ok: faults (shared)"
fi
$CC "${flags[@]}" -Wno-unused-function "$out/misuse.c" -o "$out/misuse" "${shared[@]}"
$limit "$out/misuse" "$model"

# ---- examples: the same stems in C and Rust; some in C++ ----
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
for source in examples/cpp/*.cpp; do
    stem=$(basename "$source" .cpp)
    [ -f "examples/c/$stem.c" ] || fail "examples/cpp/$stem.cpp has no twin in examples/c"
    $CXX -std=c++17 -O2 "${strict[@]}" -Iinclude "$source" -o "$out/$stem-cpp" "${shared[@]}"
done
languages() { # of a stem
    echo c rust
    [ ! -f "examples/cpp/$1.cpp" ] || echo cpp
}
expect() { # stem, number of matching lines ("some": one or more), pattern, arguments before the model, "--", arguments after it
    local stem=$1 lines=$2 pattern=$3 before=()
    shift 3
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        before+=("$1")
        shift
    done
    [ $# = 0 ] || shift
    for language in $(languages "$stem"); do
        # What is drawn at random says something else now and then, though not three times.
        local found tries=1
        [ "$lines" != some ] || tries=3
        for _ in $(seq $tries); do
            $limit "$out/$stem-$language" "${before[@]}" "$model" "$@" >"$out/log" 2>"$out/err" ||
                { cat "$out/log" "$out/err" >&2; fail "example $stem ($language) failed"; }
            found=$(grep -cE "$pattern" "$out/log" || true)
            [ "$lines" = some ] && [ "$found" = 0 ] || break
        done
        [ "$found" = "$lines" ] || { [ "$lines" = some ] && [ "$found" -gt 0 ]; } ||
            { cat "$out/log" >&2; fail "example $stem ($language): $found lines like '$pattern', expected $lines"; }
    done
    echo "ok: example $stem ($(languages "$stem" | xargs))"
}
expect chat some 'Paris' -- 'Complete the sentence: the capital of France is'
expect chat some 'Paris' --once -- 'Complete the sentence: the capital of France is'
expect tools 1 '^get_weather\(\{"city": ".*"\}\)' -- 'What is the weather in Paris?'
# A conversation from standard input: history, saving and loading, and an error that does not end it.
for language in $(languages chat); do
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
echo "ok: chat as a conversation ($(languages chat | xargs))"
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
model=$embedding_model expect embed 3 '^-?[0-9]\.[0-9]{3} ' -- 'a sleeping animal' 'The cat naps.' 'Rates went up.' 'It rained.'
model=$embedding_model expect embed 1 '^0\.[3-9][0-9]{2} The cat naps\.$' -- 'a sleeping animal' 'The cat naps.' 'Rates went up.'
expect score 1 '^The capital of France is Paris$'
expect score 1 '^perplexity of the question: [1-9]'
expect plan 1 '^  mapped +[1-9]'
expect plan 1 '^n_ctx can be 8192$' -- 100000
expect plan 1 '^started, with an n_ctx of 4096$' -- 100000
expect plan 1 '^n_ctx can be [1-9][0-9]*$' -- 320
expect plan 1 '^no n_ctx fits$' -- 50
expect plan 1 '^(QASK_ERR_)?TOO_LARGE: .* would be needed .* memory_budget' -- 50
# What is found is the embedding model's doing; a chat model this small says nothing of worth.
expect ask_docs 1 '^\[1\] install\.md:[0-9]+-[0-9]+ ' "$embedding_model" -- docs 'How do I link with pkg-config or CMake?'
expect ask_docs 1 '^\[1\] tools\.md:[0-9]+-[0-9]+ ' "$embedding_model" -- docs 'Which format of tool calls does Mistral use?'
expect ask_docs 4 '^\[[1-4]\] .*\.md:[0-9]+-[0-9]+ ' "$embedding_model" -- docs 'Who may free a handle, and when?'
# A path that is wrong is an error with the path in it, not a crash.
for language in $(languages chat); do
    if "$out/chat-$language" no-such-model.gguf hello >"$out/log" 2>&1; then fail "chat on no file succeeded"; fi
    grep -q 'no-such-model.gguf' "$out/log" || fail "chat ($language) does not name the missing file"
done
