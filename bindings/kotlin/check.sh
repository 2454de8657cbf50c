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
run() { # example, arguments
    local class=${1^}Kt
    shift
    timeout 120 java "${checks[@]}" -cp "$classpath" "$class" "$@"
}
checks=()
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
    if grep -E 'WARNING|FATAL ERROR in native' "$out/log" "$out/err" >&2; then fail "example $example: JNI is used wrongly"; fi
}
expect chat 'Paris' "$model" 'Complete the sentence: the capital of France is'
expect chat 'Paris' -once "$model" 'Complete the sentence: the capital of France is'
printf '%s\n' 'My name is Tom. Say hello to me.' "/save $out/saved" '/load no-such-file' /regenerate "/load $out/saved" 'What is my name?' /quit x |
    env -u PROMPT timeout 120 java -cp "$classpath" ChatKt "$model" >"$out/log" 2>"$out/err" || fail 'chat as a conversation failed'
for words in 'no-such-file' '\[2 messages\]' '[1-9][0-9]* of them cached'; do
    grep -q "$words" "$out/err" || fail "chat as a conversation: no '$words'"
done
checks=(-Xcheck:jni)
expect parallel '\[[1-9][0-9]* of [0-9]+ prompt tokens cached\]$' "$model"
expect cancel '^cancelled: [0-9]' "$model"
expect json '^mood: (happy|sad|angry)$' "$model"
expect tools '^get_weather\(\{"city": ".*"\}\)' "$tools_model" 'What is the weather in Paris?'
expect embed '^0\.[3-9][0-9]{2} The cat naps\.$' "$embedding_model" 'a sleeping animal' 'The cat naps.' 'Rates went up.'
expect plan '^largest context: [1-9][0-9]*$' "$model" 320
expect score '^The capital of France is Paris$' "$model"
expect ask_docs '^\[1\] .*README\.md, paragraph' "$model" "$embedding_model" 'Which licence does it have?' "$root/README.md"
checks=()
if run chat no-such-model.gguf hello >"$out/log" 2>&1; then fail 'chat on no file succeeded'; fi
grep -q 'no-such-model.gguf' "$out/log" || fail 'chat does not name the missing file'
echo 'ok: examples'
