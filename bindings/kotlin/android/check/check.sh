#!/usr/bin/env bash
# What can be said of the Android side without an NDK or SDK, by Debian's clang and a jar of Android's classes out of Maven:
# - the shim compiles for both ABIs, and asks libc for nothing but what libc/ declares;
# - the binding compiles against Android 9, which is the oldest that it is for, and against nothing of a JDK;
# - io.github.qask.android and the example app, but for its screen, compile against Android 10, whose thermal calls they use;
# - the AAR is laid out as it should be.
# Usage: check.sh OUT
set -euo pipefail
mkdir -p "$1"
out=$(realpath "$1")
cd "$(dirname "$0")/../../../.."
check=bindings/kotlin/android/check
fail() {
    echo "android check: $*" >&2
    exit 1
}

# ---- the shim ----
jni=$(find /usr/include/android -name jni.h 2>/dev/null | head -1)
if ! command -v clang ld.lld >/dev/null || [ -z "$jni" ]; then
    fail 'needs clang, lld and a jni.h of Android: apt-get install clang lld android-libnativehelper-dev'
fi
rm -rf "$out/jni"
for abi in arm64-v8a:aarch64 x86_64:x86_64; do
    machine=${abi#*:} folder=$out/jni/${abi%%:*}
    mkdir -p "$folder"
    for source in bindings/kotlin/src/main/native/*.c src/engine/no_exec.c; do
        clang --target="$machine-linux-android28" -ffreestanding -nostdlibinc -isystem $check/libc -idirafter "$(dirname "$jni")" \
            -std=c11 -O2 -fPIC -fvisibility=hidden -Wall -Wextra -Werror -Iinclude -c "$source" -o "$folder/$(basename "$source" .c).o"
    done
    # As build.sh links it, but with the engine and libc left open.
    echo '{ global: JNI_OnLoad; local: *; };' >"$out/map"
    clang --target="$machine-linux-android28" -fuse-ld=lld -nostdlib -shared "$folder"/*.o -o "$folder/libqask_jni.so" \
        -Wl,--version-script="$out/map" -Wl,-soname,libqask_jni.so -Wl,-z,max-page-size=16384 -Wl,--unresolved-symbols=ignore-all
    rm "$folder"/*.o
    stray=$(nm -D --undefined-only "$folder/libqask_jni.so" | awk '{print $NF}' | grep -v '^qask_' |
        while read -r name; do grep -qr "[ *]$name(" $check/libc || echo "$name"; done)
    [ -z "$stray" ] || fail "the shim for $machine asks for $stray, which $check/libc does not declare"
done
echo 'ok: shim for arm64 and x86_64'

# ---- Kotlin ----
mvn=(mvn -q -B -ntp -f bindings/kotlin -P android-check)
compile() { # Android's version in Maven, folder of classes, sources
    local api=$1 into=$2 compiler seen
    shift 2
    "${mvn[@]}" dependency:build-classpath "-Dandroid.jar=$api" "-Dmdep.outputFile=$out/classpath"
    compiler=$(tr : '\n' <"$out/classpath" | grep -v /android-all/ | paste -sd:)
    seen=$(tr : '\n' <"$out/classpath" | grep -E '/android-all/|/kotlin-stdlib/|/kotlinx-' | paste -sd:)
    rm -rf "${out:?}/$into"
    java -cp "$compiler" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler -no-jdk -no-stdlib -no-reflect -jvm-target 1.8 -Werror -cp "$seen" \
        "-Xplugin=$(tr : '\n' <"$out/classpath" | grep serialization-compiler-plugin)" -module-name qask -d "$out/$into" "$@"
}
compile 9-robolectric-4913185-2 android9 bindings/kotlin/src/main/kotlin
echo 'ok: the binding for Android 9'
compile 10-robolectric-5803371 android10 bindings/kotlin/src/main/kotlin bindings/kotlin/android/qask/src/main/kotlin \
    $check/*.kt examples/android/src/main/kotlin/chat/ChatModel.kt
echo 'ok: io.github.qask.android and the example'"'"'s model for Android 10'

# ---- the AAR, of what was compiled here ----
(cd "$out/android10" && rm -f "$out/classes.jar" && python3 -m zipfile -c "$out/classes.jar" io META-INF)
bindings/kotlin/android/assemble.py "$out/classes.jar" "$out/jni" "$out/qask.aar"
bindings/kotlin/android/check_aar.py "$out/qask.aar"
echo 'ok: layout of an AAR with this shim and these classes'
