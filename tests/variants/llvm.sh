#!/usr/bin/env bash
# `make android` with stand-ins, since no NDK was at hand: clang, lld and their tools as they are elsewhere make programs for arm64 Linux,
# and `cargo` gives what `make arm64` and `make lib` built before. So the script runs as it is, but for its last check, and its
# kernels for several CPUs run under qemu like those of `make arm64`.
# Usage: llvm.sh MODEL.gguf. LLVM: the folder of clang, ld.lld and llvm-* of one version, such as /usr/lib/llvm-19/bin.
set -euo pipefail
cd "$(dirname "$0")/../.."
model=$1
. tools/cross.sh
out=$PWD/$folder/android
arm64=$PWD/$folder/$target/$profile
x86_64=$PWD/target/release
for archive in "$arm64/libqask.a" "$x86_64/libqask.a"; do
    [ -e "$archive" ] || { echo "no $archive: first make arm64 and make lib" >&2; exit 1; }
done
LLVM=${LLVM:-$(dirname "$(realpath "$(command -v ld.lld || echo /none)")")}
for tool in clang ld.lld llvm-ar llvm-nm llvm-objcopy; do
    [ -x "$LLVM/$tool" ] || { echo "no $LLVM/$tool: apt-get install clang lld llvm, or LLVM=folder" >&2; exit 1; }
done
LLVM=$(realpath "$LLVM")
jni=$(find /usr/include/android -name jni.h 2>/dev/null | head -1)
[ -n "$jni" ] || { echo 'no jni.h of Android: apt-get install android-libnativehelper-dev' >&2; exit 1; }
rm -rf "$out"

# ---- an NDK: compilers that know by their names what they compile for, and a toolchain file that names another ----
ndk=$out/ndk
bin=$ndk/toolchains/llvm/prebuilt/linux-x86_64/bin
mkdir -p "$bin" "$ndk/build/cmake" "$ndk/lib" "$out/lib"
ln -s "$LLVM"/* "$bin/"
"$LLVM/llvm-ar" rc "$ndk/lib/liblog.a"
compiler() { # its name, what it compiles for, more that it links
    for kind in '' ++; do
        printf '#!/bin/sh\nexec %s/clang%s --target=%s -fuse-ld=lld -Wno-unused-command-line-argument -idirafter %s -L%s/lib "$@" %s\n' \
            "$LLVM" "$kind" "$2" "$(dirname "$jni")" "$ndk" "${3:-}" >"$bin/$1-clang$kind"
        chmod +x "$bin/$1-clang$kind"
    done
}
# What is taken from other builds uses OpenMP.
compiler aarch64-linux-android28 aarch64-linux-gnu -lgomp
compiler x86_64-linux-android28 x86_64-linux-gnu -lgomp
cat >"$ndk/build/cmake/android.toolchain.cmake" <<EOF
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER $LLVM/clang)
set(CMAKE_CXX_COMPILER $LLVM/clang++)
set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_CXX_COMPILER_TARGET aarch64-linux-gnu)
EOF

# ---- cargo and rustup ----
mkdir -p "$out/path"
real_cargo=$(command -v cargo)
cat >"$out/path/cargo" <<EOF
#!/usr/bin/env bash
# Other commands are cargo's own. What the engine's build for Android leaves in its cache is, as far as kernels.sh reads it, this.
set -euo pipefail
[ "\$1" = rustc ] || exec $real_cargo "\$@"
case "\$*" in
*'--profile small'*aarch64-linux-android) from=$arm64 ;;
*'--profile small'*x86_64-linux-android) from=$x86_64 ;;
*) echo "stand-in for cargo: \$*" >&2; exit 1 ;;
esac
[ -x "\${CC_aarch64_linux_android:-\${CC_x86_64_linux_android:-}}" ]
to=\$CARGO_TARGET_DIR/\${@: -1}/small
mkdir -p "\$to/build/llama-cpp-sys-2-it/out/build"
ln -sf "\$from/libqask.a" "\$to/"
{ grep -vE '^CMAKE_(C|CXX)_COMPILER:|^CMAKE_TOOLCHAIN_FILE|^GGML_OPENMP' \
    "\$(ls -t "\$from"/build/llama-cpp-sys-2-*/out/build/CMakeCache.txt | head -1)"
    echo "CMAKE_TOOLCHAIN_FILE:FILEPATH=\$ANDROID_NDK/build/cmake/android.toolchain.cmake"
    echo "GGML_OPENMP:BOOL=\$GGML_OPENMP"; } >"\$to/build/llama-cpp-sys-2-it/out/build/CMakeCache.txt"
EOF
printf '#!/bin/sh\nexit 0\n' >"$out/path/rustup"
chmod +x "$out"/path/*

# It must get as far as the last check, which finds one thing: these are this system's libraries, and no phone's.
if env -u CROSS PATH="$out/path:$PATH" OUT="$out/made" ANDROID_NDK_HOME="$ndk" ANDROID_HOME='' bindings/kotlin/android/build.sh >"$out/log" 2>&1 ||
    ! grep -q 'arm64-v8a.* needs .*libc\.so\.6' "$out/log" || grep -E 'arm64-v8a|x86_64' "$out/log" | grep -vE 'libqask_jni.so: it needs ' >&2; then
    cat "$out/log" >&2
    echo 'make android failed, with stand-ins' >&2
    exit 1
fi
ls -l "$out"/made/jni/*/libqask_jni.so "$out/made/qask.aar"

# ---- its kernels, behind the functions of the header in the place of JNI_OnLoad ----
grep -oE '\bqask_[a-z0-9_]+\(' include/qask.h | tr -d '(' | sort -u >"$out/names"
{ echo '{ global:'; sed 's/$/;/' "$out/names"; echo 'local: *; };'; } >"$out/map"
read -ra roots <<<"$(sed "s/^/-Wl,--undefined=/" "$out/names" | tr "\n" " ")"
"$bin/aarch64-linux-android28-clang++" -shared -O2 -fPIC -fvisibility=hidden -x c -std=c11 -Iinclude src/engine/no_exec.c -x none "${roots[@]}" \
    "$out"/made/kernels/*.o "$arm64/libqask.a" -o "$out/lib/libqask.so" -static-libstdc++ -lm -ldl \
    -Wl,--version-script="$out/map" -Wl,-soname,libqask.so -Wl,--gc-sections -Wl,-z,max-page-size=16384 -Wl,-z,defs
tools/check_kernels.sh "$out/made/kernels" "$out/lib/libqask.so"
tests/variants/native.sh "$model" "$out/native.txt"
tests/variants/run.sh "$out/lib" "$model" "$out/native.txt"
