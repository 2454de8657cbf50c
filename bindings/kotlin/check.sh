#!/usr/bin/env bash
# All that CI says of the Kotlin binding: raw layer, shim, tests, examples, these also under the JVM's checks of JNI.
# Usage: check.sh LIB LIB_WITH_TEST_HOOKS OUT MODEL EMBEDDING_MODEL TOOLS_MODEL
set -euo pipefail
lib=$(realpath -e "$1")
hooks=$(realpath -e "$2")
mkdir -p "$3"
out=$(realpath "$3")
model=$(realpath -e "$4")
embedding_model=$(realpath -e "$5")
tools_model=$(realpath -e "$6")
cd "$(dirname "$0")"
root=$(realpath ../..)

fail() {
    echo "bindings/kotlin: $*" >&2
    exit 1
}

tools/check_docs.py || fail "undocumented"
tools/generate.py --verify || fail 'the raw layer is stale'
tools/build_native.sh "$lib" "$out/jar/native/linux-$(uname -m)"
tools/build_native.sh "$hooks" "$out/hooks" hooks

mvn=(mvn -q -B -ntp "-Dqask.natives=$out/jar" "-Dqask.tested=$out/hooks/libqask_jni.so")
"${mvn[@]}" -Dqask.jvm=-Xcheck:jni install || fail 'tests failed'
# What the JVM says lands here, since its output belongs to the test runner.
if grep -rhE '(WARNING|FATAL ERROR) in native' "$root/target/kotlin/maven/surefire-reports" >&2; then fail 'JNI is used wrongly'; fi
echo 'ok: tests, under -Xcheck:jni'

# ---- the AAR, as far as no NDK is needed ----
(cd "$root/target/kotlin/maven/classes" && rm -f "$out/classes.jar" && python3 -m zipfile -c "$out/classes.jar" io META-INF)
(cd android && python3 test_aar.py "$out/classes.jar" 2>"$out/log") || { cat "$out/log" >&2; fail 'the AAR is not as it should be'; }
if ANDROID_NDK_HOME=/nowhere ANDROID_HOME=/nowhere android/build.sh >"$out/log" 2>&1; then fail 'make android without an NDK succeeded'; fi
grep -q 'needs the Android NDK' "$out/log" || { cat "$out/log" >&2; fail 'make android does not say that the NDK is missing'; }
echo 'ok: layout of the AAR (its native files were stand-ins)'

# ---- examples: those of examples/c by the same names, with the library in the jar ----
(cd "$root/examples/kotlin" && "${mvn[@]}" compile dependency:build-classpath "-Dmdep.outputFile=$out/classpath") || fail 'the examples do not build'
classpath=$root/target/kotlin/examples/classes:$(cat "$out/classpath")
run() { timeout 120 java -Xcheck:jni -cp "$classpath" "${1^}Kt" "${@:2}"; }
look() { # example
    if grep -E 'WARNING|FATAL ERROR in native' "$out/log" "$out/err" >&2; then fail "example $1: JNI is used wrongly"; fi
}
. ../examples.sh
examples
expect cancel '^cancelled: [0-9]' "$model"
echo 'ok: examples'
