#!/usr/bin/env bash
# From Rust's static library to the two that people install: libqask.so and libqask.a, exporting qask_* only.
# Usage: [GPU=cuda] [CROSS=aarch64-linux-gnu-] finish_lib.sh RUST_STATIC_LIBRARY OUT_FOLDER [KERNELS…]
# KERNELS are the objects of tools/kernels.sh, which take the place of the engine's own CPU back-end.
set -euo pipefail
archive=$1 out=$2
kernels=("${@:3}")
abi=$(sed -n 's/^#define QASK_ABI_VERSION //p' include/qask.h)
mkdir -p "$out"
work=$(mktemp -d "$out/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT

die() {
    echo "make lib: $*" >&2
    exit 1
}
worker() { # the process of isolated engines, which opens the library that lies beside it; how to link
    ${CC:-cc} -std=c11 -O2 -Wall -Wextra -Iinclude tools/qask-worker.c -o "$work/qask-worker" "$@"
    mv "$work/qask-worker" "$out/qask-worker"
}
libs="-lgomp -lm -lpthread -ldl"
case ${GPU:-} in
'') ;;
# CUDA's own libraries are in the archive; the driver's comes with the driver, and has a stub to link with.
cuda) libs="-L${CUDA_PATH:-/usr/local/cuda}/lib64/stubs -lcuda -lrt $libs" ;;
*) echo "make lib: how to link with GPU=$GPU was never tried; add its libraries to tools/finish_lib.sh" >&2 ;;
esac
case $(uname -s) in
Linux) ;;
Darwin)
    # macOS, written from the linker's manual and never run: Apple's ld hides by a list of exported symbols, in both
    # libraries.
    echo "make lib: the steps for macOS were never run; please report what they do" >&2
    grep -oE 'qask_[a-z0-9_]+\(' include/qask.h | tr -d '(' | sort -u | sed 's/^/_/' >"$work/names"
    undefined=$(sed 's/^/-Wl,-u,/' "$work/names" | tr '\n' ' ')
    frameworks="-framework Foundation -framework Accelerate -framework Metal -framework MetalKit"
    # shellcheck disable=SC2086
    ${CXX:-c++} -dynamiclib -o "$out/libqask.$abi.dylib" $undefined "$archive" -Wl,-dead_strip \
        -Wl,-exported_symbols_list,"$work/names" -install_name "@rpath/libqask.$abi.dylib" \
        -compatibility_version "$abi" -current_version "$abi" $frameworks
    ln -sf "libqask.$abi.dylib" "$out/libqask.dylib"
    # shellcheck disable=SC2086
    ld -r -exported_symbols_list "$work/names" ${undefined//-Wl,-u,/-u } "$archive" -o "$work/qask.o"
    rm -f "$out/libqask.a"
    ar rcs "$out/libqask.a" "$work/qask.o"
    echo "-lc++ $frameworks" >"$out/libqask.libs"
    worker
    exit 0
    ;;
MINGW* | MSYS* | CYGWIN*)
    die "Windows is not done: what is missing is the link step (a .def file of the names in include/qask.h for" \
        "link.exe or lld-link). The Rust crate by itself was never tried there either."
    ;;
*) die "$(uname -s) was never tried: link $archive yourself and export only the qask_* functions of include/qask.h" ;;
esac
# As an environment variable, cross-compilers' prefix stands before all of them.
nm=${CROSS:-}nm ld=${LD:-${CROSS:-}ld} objcopy=${CROSS:-}objcopy ar=${CROSS:-}ar
[ -z "${CROSS:-}" ] || CC=${CROSS}gcc CXX=${CROSS}g++
cc=${CC:-cc}
for tool in $nm $ld $objcopy $ar; do
    command -v $tool >/dev/null || die "$tool is missing: install binutils"
done

# The functions of the header: the only symbols that may show. A name that is missing fails the link.
grep -oE '\bqask_[a-z0-9_]+\(' include/qask.h | tr -d '(' | sort -u >"$work/names"
# Test hooks are not in the header; they show in builds with that feature only.
$nm -g --defined-only "$archive" 2>/dev/null | awk '$2=="T" && $3 ~ /^qask_test_/ {print $3}' | sort -u >>"$work/names"

# Nothing in it can start a process but a worker of isolated engines: no_exec.c says why.
"$cc" -std=c11 -O2 -fPIC -fvisibility=hidden -Wall -Wextra -Werror -c src/engine/no_exec.c -o "$work/no_exec.o"

# Shared: start from the exported names, drop what they do not need. (GNU ld refuses a version script on rustc's own
# cdylib, so it is linked here from the static library.) It stays in memory after dlclose(): its threads run in it, and
# OpenMP's.
{ echo "{ global:"; sed 's/$/;/' "$work/names"; echo "local: *; };"; } >"$work/map"
undefined=$(sed 's/^/-Wl,--undefined=/' "$work/names" | tr '\n' ' ')
# 16 KiB pages: what Android demands, and some arm64 systems have; harmless elsewhere.
# shellcheck disable=SC2086
${CXX:-c++} -shared -o "$work/libqask.so" $undefined "$work/no_exec.o" "${kernels[@]}" "$archive" \
    -Wl,--version-script="$work/map" -Wl,-soname,libqask.so."$abi" -Wl,--gc-sections -Wl,-z,relro -Wl,-z,now \
    -Wl,-z,noexecstack -Wl,-z,defs -Wl,-z,nodelete -Wl,-z,max-page-size=16384 -Wl,-Map="$out/libqask.map" -s $libs
mv "$work/libqask.so" "$out/libqask.so.$abi"
ln -sf "libqask.so.$abi" "$out/libqask.so"

# Static: one object with every other symbol made local.
undefined=$(sed 's/^/--undefined=/' "$work/names" | tr '\n' ' ')
# shellcheck disable=SC2086
$ld -r --gc-sections --force-group-allocation $undefined "$work/no_exec.o" "${kernels[@]}" "$archive" -o "$work/qask.o" 2>"$work/ld.log" ||
    { cat "$work/ld.log" >&2; exit 1; }
# Bitcode that rustc leaves inside makes tools with an LLVM plugin stumble.
$objcopy --strip-debug --remove-section=.llvmbc --remove-section=.llvmcmd "$work/qask.o"
# C++ marks some statics "unique", which objcopy cannot make local unless they are weak first.
$nm -g --defined-only "$work/qask.o" | awk '$2=="u" {print $3}' >"$work/unique"
$objcopy --weaken-symbols="$work/unique" "$work/qask.o"
$objcopy --keep-global-symbols="$work/names" "$work/qask.o"
rm -f "$out/libqask.a"
$ar rcs "$out/libqask.a" "$work/qask.o"
echo "-lstdc++ $libs" >"$out/libqask.libs"

stray=$( ($nm -D --defined-only "$out/libqask.so"; $nm -g --defined-only "$out/libqask.a") 2>/dev/null |
    awk 'NF==3 && $3 !~ /^qask_/ {print $3}' | sort -u)
if [ -n "$stray" ]; then
    echo "these symbols are exported and must not be:" >&2
    echo "$stray" | head >&2
    exit 1
fi

worker -Wl,-z,relro -Wl,-z,now -Wl,-z,max-page-size=16384 -s -ldl
for file in "libqask.so.$abi" libqask.a; do
    printf '%s: %.1f MB\n' "$out/$file" "$(echo "$(stat -c %s "$out/$file") 1000000" | awk '{print $1/$2}')"
done
