#!/usr/bin/env bash
# Kernels for several CPUs as `make android` makes them, with the tools that an NDK has: for arm64 Linux, since no NDK was at hand. What
# `make arm64` left is built again for its kernels by clang and linked by lld; then the same checks under qemu as its own library.
# Usage: llvm.sh MODEL.gguf. LLVM: the folder of clang, ld.lld and llvm-* of one version, such as /usr/lib/llvm-19/bin.
set -euo pipefail
cd "$(dirname "$0")/../.."
model=$1
. tools/cross.sh
built=$folder/$target/$profile
out=$folder/llvm
[ -e "$built/libqask.a" ] || { echo 'first: make arm64' >&2; exit 1; }
LLVM=${LLVM:-$(dirname "$(realpath "$(command -v ld.lld || echo /none)")")}
for tool in clang ld.lld llvm-ar llvm-nm llvm-objcopy llvm-objdump; do
    [ -x "$LLVM/$tool" ] || { echo "no $LLVM/$tool: apt-get install clang lld llvm, or LLVM=folder" >&2; exit 1; }
done
LLVM=$(realpath "$LLVM")
rm -rf "$out"
mkdir -p "$out/lib" "$out/cargo/build/llama-cpp-sys-2-it/out/build"
out=$(realpath "$out")

# A compiler that knows by its name what it compiles for, and a toolchain file that names another: as in an NDK.
clang=$out/clang-for-arm64
printf '#!/bin/sh\nexec %s/clang%s --target=%s "$@"\n' "$LLVM" '' aarch64-linux-gnu >"$clang"
printf '#!/bin/sh\nexec %s/clang%s --target=%s "$@"\n' "$LLVM" ++ aarch64-linux-gnu >"$clang++"
chmod +x "$clang" "$clang++"
answers=$out/native.txt
tests/variants/native.sh "$model" "$answers"
cat >"$out/toolchain.cmake" <<EOF
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER $LLVM/clang)
set(CMAKE_CXX_COMPILER $LLVM/clang++)
set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_CXX_COMPILER_TARGET aarch64-linux-gnu)
EOF
cache=$(ls -t "$built"/build/llama-cpp-sys-2-*/out/build/CMakeCache.txt | head -1)
{ grep -vE '^CMAKE_(C|CXX)_COMPILER:|^CMAKE_TOOLCHAIN_FILE|^GGML_OPENMP' "$cache"
    echo "CMAKE_TOOLCHAIN_FILE:FILEPATH=$out/toolchain.cmake"
    echo 'GGML_OPENMP:BOOL=OFF'; } >"$out/cargo/build/llama-cpp-sys-2-it/out/build/CMakeCache.txt"
CROSS='' LLVM=$LLVM KERNEL_CC=$clang tools/kernels.sh "$out/cargo" aarch64 "$out/kernels"

# Linked as build.sh does it, but for names: the functions of the header in the place of JNI_OnLoad.
grep -oE '\bqask_[a-z0-9_]+\(' include/qask.h | tr -d '(' | sort -u >"$out/names"
{ echo '{ global:'; sed 's/$/;/' "$out/names"; echo 'local: *; };'; } >"$out/map"
read -ra roots <<<"$(sed "s/^/-Wl,--undefined=/" "$out/names" | tr "\n" " ")"
"$clang++" -fuse-ld=lld -shared -O2 -fPIC -fvisibility=hidden -x c -std=c11 -Iinclude src/engine/no_exec.c -x none "${roots[@]}" \
    "$out"/kernels/*.o "$built/libqask.a" -o "$out/lib/libqask.so" -lgomp -lm -lpthread -ldl \
    -Wl,--version-script="$out/map" -Wl,-soname,libqask.so -Wl,--gc-sections -Wl,-z,max-page-size=16384 -Wl,-z,defs
tools/check_kernels.sh "$out/kernels" "$out/lib/libqask.so"
tests/variants/run.sh "$out/lib" "$model" "$answers"
