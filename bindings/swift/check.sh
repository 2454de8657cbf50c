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
run() { swift lib timeout 300 "$out/examples/release/$1" "${@:2}"; }
. ../examples.sh
examples
expect cancel '^left: [1-9][0-9]* characters, cancelled$' "$model"
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
