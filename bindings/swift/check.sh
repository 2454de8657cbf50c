#!/usr/bin/env bash
# All that there is to say of the Swift binding: comments, tests against real models, examples, the XCFramework as far as no Xcode is
# needed. Usage: check.sh LIB LIB_WITH_TEST_HOOKS OUT MODEL EMBEDDING_MODEL TOOLS_MODEL
set -euo pipefail
lib=$(realpath -e "$1")
hooks=$(realpath -e "$2")
mkdir -p "$3"
out=$(realpath "$3")
model=$(realpath -e "$4")
embedding_model=$(realpath -e "$5")
tools_model=$(realpath -e "$6")
cd "$(dirname "$0")"
here=$PWD
root=$(realpath ../..)
export MOUNTS=$out

fail() {
    echo "bindings/swift: $*" >&2
    exit 1
}
nm -D --defined-only "$hooks/libqask.so" | grep -q qask_test_fail || fail "no test hooks in $hooks: make lib-test"

tools/check_docs.py || fail 'undocumented'
# As a user has it: installed, and found by pkg-config's files.
for kind in lib hooks; do "$root/tools/install.sh" "${!kind}" "$out/$kind"; done
mkdir -p "$out/adapters"
python3 ../go/testdata/adapter.py "$out/adapters" >/dev/null

swift() { # lib or hooks, command
    local kind=$1
    shift
    PKG_CONFIG_PATH=$out/$kind/lib/pkgconfig LD_LIBRARY_PATH=$out/$kind/lib QASK_TEST_ADAPTERS=$out/adapters tools/swift.sh "$@"
}
strict=(-Xswiftc -warnings-as-errors)
swift hooks swift test --scratch-path "$out/tests" "${strict[@]}" || fail 'tests failed'
echo 'ok: tests'

# ---- examples: those of examples/c by the same names ----
swift lib swift build --quiet -c release --package-path "$root/examples/swift" --scratch-path "$out/examples" "${strict[@]}" ||
    fail 'the examples do not build'
run() { # example, arguments
    local example=$1
    shift
    swift lib timeout 300 "$out/examples/release/$example" "$@"
}
expect() { # example, pattern, arguments
    local example=$1 pattern=$2
    shift 2
    # What is drawn at random says something else now and then, though not three times.
    local tries=1
    [ "$example" != chat ] || tries=3
    for _ in $(seq $tries); do
        run "$example" "$@" >"$out/log" 2>"$out/err" || { cat "$out/log" "$out/err" >&2; fail "example $example failed"; }
        ! grep -qE "$pattern" "$out/log" || break
    done
    grep -qE "$pattern" "$out/log" || { cat "$out/log" >&2; fail "example $example: nothing like '$pattern'"; }
}
expect chat 'Paris' "$model" 'Complete the sentence: the capital of France is'
expect chat 'Paris' -once "$model" 'Complete the sentence: the capital of France is'
# What `make demo` asks is not asked here.
unset PROMPT
printf '%s\n' 'My name is Tom. Say hello to me.' "/save $out/saved" '/load no-such-file' /regenerate "/load $out/saved" 'What is my name?' /quit x |
    run chat "$model" >"$out/log" 2>"$out/err" || { cat "$out/err" >&2; fail 'chat as a conversation failed'; }
for words in 'no-such-file' '\[2 messages\]' '[1-9][0-9]* of them cached'; do
    grep -q "$words" "$out/err" || { cat "$out/err" >&2; fail "chat as a conversation: no '$words'"; }
done
expect parallel '\[[1-9][0-9]* of [0-9]+ prompt tokens cached\]$' "$model"
expect cancel '^left: [1-9][0-9]* characters, cancelled$' "$model"
expect json '^mood: (happy|sad|angry)$' "$model"
expect tools '^get_weather\(\{"city": ".*"\}\)' "$tools_model" 'What is the weather in Paris?'
expect embed '^0\.[3-9][0-9]{2} The cat naps\.$' "$embedding_model" 'a sleeping animal' 'The cat naps.' 'Rates went up.'
expect plan '^largest context: [1-9][0-9]*$' "$model" 320
expect score '^The capital of France is Paris$' "$model"
expect ask_docs '^\[1\] .*README\.md, paragraph' "$model" "$embedding_model" 'Which licence does it have?' "$root/README.md"
if run chat no-such-model.gguf hello >"$out/log" 2>&1; then fail 'chat on no file succeeded'; fi
grep -q 'no-such-model.gguf' "$out/log" || fail 'chat does not name the missing file'
echo 'ok: examples'

# ---- the program of README.md ----
mkdir -p "$out/readme/Sources/Hello"
python3 - README.md "$out/readme/Sources/Hello/main.swift" <<'END'
import re, sys
blocks = re.findall(r"^```swift\n(.*?)^```", open(sys.argv[1], encoding="utf-8").read(), re.M | re.S)
open(sys.argv[2], "w", encoding="utf-8").write(next(b for b in blocks if b.startswith("import Qask")))
END
cat >"$out/readme/Package.swift" <<END
// swift-tools-version: 6.0
import PackageDescription
let package = Package(
    name: "hello", platforms: [.macOS(.v13)], dependencies: [.package(path: "$here")],
    targets: [.executableTarget(name: "Hello", dependencies: [.product(name: "Qask", package: "swift")])])
END
swift lib swift build --quiet --package-path "$out/readme" || fail 'the program of README.md does not build'
swift lib timeout 300 "$out/readme/.build/debug/Hello" "$model" >"$out/log" || fail 'the program of README.md failed'
[ "$(wc -c <"$out/log")" -gt 10 ] || fail 'the program of README.md said nothing'
echo 'ok: the program of README.md'

tools/test_xcframework.sh "$out/apple" || fail 'the XCFramework is not as it should be'
echo 'ok: make xcframework, as far as no Xcode is needed'
