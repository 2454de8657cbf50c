#!/usr/bin/env bash
# Builds ggml's CPU back-end once for each level of a CPU, each as one object, OUT/LEVEL.o, and OUT/choice.o, which
# leads to one of them: tools/finish_lib.sh links them in the place of the engine's own. The library chooses when it
# starts (src/engine/cpu.rs). But for the instruction sets everything is as in the engine's own build, whose CMake cache says
# how that was.
# Usage: [CROSS=aarch64-linux-gnu-] kernels.sh CARGO_FOLDER ARCHITECTURE OUT
# CARGO_FOLDER is where cargo put its "build", such as target-dist/release.
# LLVM=folder takes ld.lld, llvm-objcopy and llvm-nm from there, in the place of GNU's; KERNEL_CC is a compiler that knows by
# itself what it compiles for. An Android NDK has these, and no others.
set -euo pipefail
export LC_ALL=C
cargo_folder=$1 arch=$2 out=$3
cd "$(dirname "$0")/.."
if [ -n "${LLVM:-}" ]; then
    objcopy=$LLVM/llvm-objcopy nm=$LLVM/llvm-nm
else
    objcopy=${CROSS:-}objcopy nm=${CROSS:-}nm
fi

die() {
    echo "kernels: $*" >&2
    exit 1
}
# Of several builds of the engine the last.
cache=$(ls -t "$cargo_folder"/build/llama-cpp-sys-2-*/out/build/CMakeCache.txt 2>/dev/null | head -1)
[ -n "$cache" ] || die "no build of the engine in $cargo_folder"
source=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$cache")
rm -f "$out"/*.o # of levels that are no more
mkdir -p "$out"
out=$(realpath "$out")

# From the one for every CPU upwards. The names are what QASK_CPU knows: docs/install.md.
case $arch in
x86_64) builds=(v2 v3 v4) ;;
aarch64) builds=(armv8 dotprod i8mm) ;;
*) die "no levels are known for $arch" ;;
esac
settings() { # of a build, for CMake
    case $arch in
    x86_64)
        local avx2=OFF avx512=OFF name
        [ "$1" = v2 ] || avx2=ON
        [ "$1" != v4 ] || avx512=ON
        echo -DGGML_SSE42=ON
        for name in AVX AVX2 FMA F16C BMI2; do echo "-DGGML_$name=$avx2"; done
        # With VNNI, which is what makes the difference; not with what came later, so that the first of those CPUs
        # (2019) have it too.
        for name in AVX512 AVX512_VNNI; do echo "-DGGML_$name=$avx512"; done
        for name in AVX512_VBMI AVX512_BF16 AVX_VNNI AMX_TILE AMX_INT8 AMX_BF16; do echo "-DGGML_$name=OFF"; done
        ;;
    aarch64)
        # Without sums of half-precision numbers (+fp16), so that all three compute alike but for the order of sums.
        case $1 in
        armv8) echo -DGGML_CPU_ARM_ARCH=armv8-a ;;
        dotprod) echo -DGGML_CPU_ARM_ARCH=armv8.2-a+dotprod ;;
        i8mm) echo -DGGML_CPU_ARM_ARCH=armv8.2-a+dotprod+i8mm ;;
        esac
        ;;
    esac
}

# What was set, not what CMake found out by itself.
grep -E '^(GGML_|LLAMA_|ANDROID_|BUILD_SHARED_LIBS|CMAKE_(C|CXX)_(COMPILER|FLAGS)|CMAKE_BUILD_TYPE|CMAKE_SYSTEM_|CMAKE_TOOLCHAIN_FILE|CMAKE_DISABLE_FIND_PACKAGE_)[A-Za-z0-9_]*:' "$cache" |
    grep -vE ':(INTERNAL|STATIC)=|^GGML_(CUDA|HIP|METAL|MUSA|OPENCL|SYCL|VULKAN)' |
    sed -E 's/^([^:]+):([A-Z]+)=(.*)$/set(\1 [==[\3]==] CACHE \2 "")/; s/CACHE UNINITIALIZED/CACHE STRING/' >"$out/as_built.cmake"

compiler=${KERNEL_CC:-$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$cache")}
asked=$(grep -oE '\bggml_cpu_has_[a-z0-9_]+' src/engine/guard.cpp | sort -u)
list=''
for build in "${builds[@]}"; do
    folder=$out/$build
    read -ra set <<<"$(settings "$build" | tr "\n" " ")"
    rm -f "$folder/CMakeCache.txt"
    # As fast as can be, unless KERNEL_FLAGS says otherwise.
    fast=${KERNEL_FLAGS:--O3 -DNDEBUG}
    { cmake -G 'Unix Makefiles' -S "$source" -B "$folder" -C "$out/as_built.cmake" -DGGML_NATIVE=OFF \
        -DCMAKE_C_FLAGS_RELEASE="$fast" -DCMAKE_CXX_FLAGS_RELEASE="$fast" "${set[@]}" &&
        cmake --build "$folder" --target ggml-cpu --parallel "$(getconf _NPROCESSORS_ONLN)"; } >"$out/$build.log" 2>&1 ||
        { tail -30 "$out/$build.log" >&2; die "the build for $build failed: $out/$build.log"; }

    # What the compiler took for granted, by the very flags.
    read -ra flags < <(sed -n 's/^C_FLAGS = //p' "$folder/ggml/src/CMakeFiles/ggml-cpu.dir/flags.make")
    "$compiler" "${flags[@]}" -c src/engine/cpu_macros.c -o "$folder/needs.o"

    # One object, of which others see what is called by name, with the build's name before it. All else is its own, also
    # what C++ would share: a function of the standard library that was compiled for AVX-512 here must not serve others.
    { echo ggml_backend_cpu_reg; echo "$asked"; echo qask_cpu_macros; } >"$folder/names"
    sed "s/.*/& ${build}_&/" "$folder/names" >"$folder/renamed"
    read -ra roots <<<"$(sed "s/^/--undefined=/" "$folder/names" | tr "\n" " ")"
    parts=("$folder/needs.o" "$folder/ggml/src/libggml-cpu.a" -o "$folder/all.o")
    if [ -n "${LLVM:-}" ]; then
        # lld keeps the groups of what C++ shares, and linkers compare groups by the name of a symbol, even a local one. So
        # each of these gets another name, too.
        "$LLVM/ld.lld" -r "${roots[@]}" "${parts[@]}"
        "$nm" -g --defined-only --format=just-symbols "$folder/all.o" | sort -u | sed "s/.*/& ${build}_&/" >"$folder/renamed"
        cut -d' ' -f1 "$folder/renamed" | comm -13 - <(sort "$folder/names") | grep . >&2 && die "the build for $build lacks these"
    else
        "${CROSS:-}ld" -r --gc-sections --force-group-allocation "${roots[@]}" "${parts[@]}"
        "$nm" -g --defined-only "$folder/all.o" | awk '$2=="u" {print $3}' >"$folder/unique"
        "$objcopy" --weaken-symbols="$folder/unique" "$folder/all.o"
    fi
    "$objcopy" --strip-debug --keep-global-symbols="$folder/names" "$folder/all.o"
    "$objcopy" --redefine-syms="$folder/renamed" "$folder/all.o" "$out/$build.o"
    list+=" X($build)"
done

# This one must run anywhere: with the flags of the first build, less its instruction sets.
"$compiler" -std=c11 -O2 -Wall -Wextra -Werror -fPIC -fvisibility=hidden -ffunction-sections "-DQASK_KERNELS(X)=$list" \
    ${CFLAGS:-} -c src/engine/kernels.c -o "$out/choice.o"
echo "kernels for: ${builds[*]}"
