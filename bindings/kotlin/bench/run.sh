#!/usr/bin/env bash
# A table of Kotlin against C over the same library. Usage: run.sh LIB OUT MODEL [ROUNDS]
set -euo pipefail
lib=$(realpath -e "$1")
mkdir -p "$2"
out=$(realpath "$2")
model=$(realpath -e "$3")
cd "$(dirname "$0")/.."
tools/build_native.sh "$lib" "$out/jar/native/linux-$(uname -m)"
mvn -q -B -ntp "-Dqask.natives=$out/jar" -DskipTests test-compile dependency:build-classpath "-Dmdep.outputFile=$out/bench-classpath"
${CC:-cc} -std=c11 -O2 -I../../include ../../benches/bench.c -o "$out/bench-c" -L"$lib" -lqask "-Wl,-rpath,$lib" -lpthread
built=$(realpath ../../target/kotlin/maven)
python3 bench/overhead.py "$out/bench-c" "$built/classes:$built/test-classes:$(cat "$out/bench-classpath")" "$model" "${@:4}"
