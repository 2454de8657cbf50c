#!/usr/bin/env bash
# The one native file of the jar: the JNI shim with libqask.a in it. Usage: build_native.sh LIB OUT_FOLDER [hooks]
# With "hooks" also what the tests use to provoke faults; LIB has to be a library with the feature test-hooks.
set -euo pipefail
lib=$(realpath -e "$1")
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "$0")/.."
javac=$(command -v javac) || { echo 'the JNI shim needs a JDK, 17 or newer: tools/setup.sh' >&2; exit 1; }
home=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$javac")")")}
sources=(src/main/native/*.c)
# The second is what the worker of isolated engines calls: it opens this very file.
exports='JNI_OnLoad; qask_worker_run;'
if [ "${3:-}" = hooks ]; then
    sources+=(src/test/native/hooks.c)
    exports+=' Java_*;'
fi
case $(uname -s) in
Linux) system=linux ;;
*) echo "build_native.sh: only Linux is done; on macOS the link step needs an exported symbols list" >&2; exit 1 ;;
esac
echo "{ global: $exports local: *; };" >"$out/map"
# 16 KiB pages: what Android demands, and harmless elsewhere. It stays in memory when Java lets go of it: its threads run in it.
# shellcheck disable=SC2046
${CC:-cc} -shared -std=c11 -O2 -fPIC -fvisibility=hidden -Wall -Wextra -Werror -I../../include -I../../tests/c \
    -I"$home/include" -I"$home/include/$system" "${sources[@]}" "$lib/libqask.a" -o "$out/libqask_jni.so" \
    -Wl,--version-script="$out/map" -Wl,-soname,libqask_jni.so -Wl,-z,nodelete -Wl,--gc-sections -Wl,-z,relro -Wl,-z,now \
    -Wl,-z,noexecstack -Wl,-z,defs -Wl,-z,max-page-size=16384 -s $(cat "$lib/libqask.libs")
rm "$out/map"
cp "$lib/qask-worker" "$out/"
tools/check_native.sh "$out/libqask_jni.so" "${3:-}"
printf '%s: %.1f MB\n' "$out/libqask_jni.so" "$(echo "$(stat -c %s "$out/libqask_jni.so") 1000000" | awk '{print $1/$2}')"
