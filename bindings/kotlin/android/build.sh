#!/usr/bin/env bash
# The AAR for arm64-v8a and x86_64: the engine and the JNI shim by the NDK, then Gradle where there is one, otherwise
# assemble.py. For arm64 it carries kernels for several CPUs, as tools/kernels.sh makes them. Settings: ANDROID_NDK_HOME, API
# (28), LEVELS=one (kernels for every CPU alone). Never run with a real NDK so far: what could be tried without one is said in
# ../README.md.
set -euo pipefail
cd "$(dirname "$0")/../../.."
api=${API:-28}
[ "$api" -ge 28 ] || { echo "make android: API=$api: 28 is the oldest" >&2; exit 1; }
ndk=${ANDROID_NDK_HOME:-${ANDROID_NDK_ROOT:-}}
if [ -z "$ndk" ]; then
    for found in "${ANDROID_HOME:-$HOME/Android/Sdk}"/ndk/*; do [ -d "$found" ] && ndk=$found; done
fi
[ -d "$ndk" ] || {
    echo 'make android needs the Android NDK (r27 or newer), which is not here: install it with Android Studio or' >&2
    echo '"sdkmanager --install ndk;27.2.12479018", and set ANDROID_NDK_HOME to its folder' >&2
    exit 1
}
bin=$(echo "$ndk"/toolchains/llvm/prebuilt/*/bin)
[ -x "$bin/clang" ] || { echo "make android: there is no $bin/clang: is ANDROID_NDK_HOME the folder of an NDK?" >&2; exit 1; }
command -v rustup >/dev/null || { echo 'make android needs rustup, for the standard library of Android targets' >&2; exit 1; }
out=${OUT:-$PWD/target/android} # elsewhere for tests: Gradle looks there

. tools/small.sh
for abi in arm64-v8a:aarch64-linux-android x86_64:x86_64-linux-android; do
    target=${abi#*:} abi=${abi%%:*}
    rustup target add "$target"
    clang=$bin/$target$api-clang
    upper=$(echo "$target" | tr a-z- A-Z_)
    . tools/neutral.sh
    # llama.cpp is told its system by CMake's own variables; Android has no OpenMP that an app can rely on.
    env CARGO_TARGET_DIR="$out/cargo" ANDROID_NDK="$ndk" ANDROID_NDK_HOME="$ndk" GGML_OPENMP=OFF ANDROID_PLATFORM="android-$api" \
        "CC_${target//-/_}=$clang" "CXX_${target//-/_}=$clang++" "AR_${target//-/_}=$bin/llvm-ar" \
        "CARGO_TARGET_${upper}_LINKER=$clang" \
        cargo rustc --lib --profile "$profile" --features capi --crate-type staticlib --target "$target"
    built=$out/cargo/$target/$profile kernels=()
    if [ $abi = arm64-v8a ] && [ "${LEVELS:-}" != one ]; then
        LLVM=$bin KERNEL_CC=$clang tools/kernels.sh "$built" aarch64 "$out/kernels" ||
            { echo 'make android: LEVELS=one does without kernels for several CPUs' >&2; exit 1; }
        kernels=("$out"/kernels/*.o)
    fi
    mkdir -p "$out/jni/$abi"
    echo '{ global: JNI_OnLoad; local: *; };' >"$out/map"
    # The C++ runtime goes inside: an app may have another one. Half a megabyte is saved by tables of addresses that Android 9 reads.
    "$clang++" -shared -O2 -fPIC -fvisibility=hidden -x c -std=c11 -Iinclude bindings/kotlin/src/main/native/*.c src/engine/no_exec.c -x none \
        ${kernels[@]+"${kernels[@]}"} "$built/libqask.a" -o "$out/jni/$abi/libqask_jni.so" -static-libstdc++ -llog -lm -ldl \
        -Wl,--version-script="$out/map" -Wl,-soname,libqask_jni.so -Wl,--gc-sections -Wl,-z,max-page-size=16384 -Wl,-z,defs -s \
        -Wl,--pack-dyn-relocs=android+relr,--use-android-relr-tags
done

if command -v gradle >/dev/null && [ -n "${ANDROID_HOME:-}" ]; then
    gradle --quiet -p bindings/kotlin/android :qask:assembleRelease
    aar=bindings/kotlin/android/qask/build/outputs/aar/qask-release.aar
else
    echo 'no Gradle or no ANDROID_HOME: the AAR is put together without io.github.qask.android, which needs the SDK' >&2
    tools/setup.sh jdk maven
    mvn -q -B -ntp -f bindings/kotlin "-Dqask.natives=$out/none" -Dmaven.test.skip=true compile
    # Beside the classes may lie the desktop's library, of `make kotlin-jar`.
    rm -f "$out/classes.jar"
    (cd target/kotlin/maven/classes && python3 -m zipfile -c "$out/classes.jar" io META-INF)
    aar=$out/qask.aar
    bindings/kotlin/android/assemble.py "$out/classes.jar" "$out/jni" "$aar"
fi
bindings/kotlin/android/check_aar.py "$aar"
ls -l "$aar"
