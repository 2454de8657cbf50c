#!/usr/bin/env bash
# What can be said of the Android side without an NDK or SDK, by Debian's clang and a jar of Android's classes out of Maven:
# - the shim compiles for both ABIs, and asks libc for nothing but what libc/ declares;
# - the binding asks for nothing that Android 8 does not have, which is older than all that it is for (part of every build);
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
mvn -q -B -ntp -f bindings/kotlin -Dmaven.test.skip=true "-Dqask.natives=$out/none" compile
echo 'ok: the binding asks for nothing beyond Android 8'
mvn -q -B -ntp -f bindings/kotlin -P android-check dependency:build-classpath "-Dmdep.outputFile=$out/classpath"
jars() { tr : '\n' <"$out/classpath" | grep "$@" | paste -sd:; }
rm -rf "$out/classes"
cp -r target/kotlin/maven/classes "$out/classes"
java -cp "$(jars -v /android-all/)" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler -no-stdlib -no-reflect -jvm-target 1.8 -Werror \
    -cp "$out/classes:$(jars -E '/android-all/|/kotlin-stdlib/|/kotlinx-')" -d "$out/classes" \
    bindings/kotlin/android/qask/src/main/kotlin
mkdir -p "$out/example"
java -cp "$(jars -v /android-all/)" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler -no-stdlib -no-reflect -jvm-target 1.8 \
    -cp "$out/classes:$(jars -E '/android-all/|/kotlin-stdlib/|/kotlinx-')" -d "$out/example" \
    $check/*.kt examples/android/src/main/kotlin/chat/ChatModel.kt
echo 'ok: io.github.qask.android and the example'"'"'s model, for Android 10'

# ---- the AAR, of what was compiled here ----
(cd "$out/classes" && rm -f "$out/classes.jar" && python3 -m zipfile -c "$out/classes.jar" io META-INF)
bindings/kotlin/android/assemble.py "$out/classes.jar" "$out/jni" "$out/qask.aar"
bindings/kotlin/android/check_aar.py "$out/qask.aar"
echo 'ok: layout of an AAR with this shim and these classes'
