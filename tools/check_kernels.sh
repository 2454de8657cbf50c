#!/usr/bin/env bash
# Reads the machine code of what tools/kernels.sh built: each build has the instructions that it is for, and none that a
# CPU of its level lacks. Usage: [CROSS=aarch64-linux-gnu-] check_kernels.sh OUT_OF_KERNELS [LIBRARY.a]
# LIBRARY.a: the finished static library, or a shared one that was not stripped, holds exactly these builds of the back-end,
# and not the engine's own beside them.
set -euo pipefail
export LC_ALL=C
out=$1 library=${2:-}
count=0

die() {
    echo "check_kernels: $*" >&2
    exit 1
}
work=$(mktemp)
trap 'rm -f "$work"' EXIT
read_code() { # of a build: one instruction a line, without addresses
    [ -f "$out/$1.o" ] || die "there is no $out/$1.o"
    # What ran at load would run on every CPU.
    ! "${CROSS:-}objdump" -h "$out/$1.o" | grep -qE '\.(init_array|ctors)' || die "$1 has code that runs when the library is loaded"
    # The names of places stand in brackets and comments.
    "${CROSS:-}objdump" -d --no-show-raw-insn --no-addresses "$out/$1.o" | sed -nE 's/^[[:space:]]+//p' |
        sed -E 's/<[^>]*>//g; s/(#|\/\/).*//' >"$work"
    count=$((count + 1))
}
has() { # build, what it is, pattern
    local n
    n=$(grep -cE "$3" "$work" || true)
    [ "$n" -gt 0 ] || die "$1 has no $2"
    echo "$1: $n of $2"
}
lacks() { # build, what it is, pattern
    ! grep -m 3 -E "$3" "$work" >&2 || die "$1 has $2, which its CPUs lack"
}

if [ -f "$out/v2.o" ]; then
    # What is encoded by VEX or EVEX: everything on vectors that begins with a v, and the bit instructions of BMI.
    vex='^v[a-z0-9]+[[:space:]].*%([xyz]mm|k[0-7])|^vzero|^(andn|bextr|blsi|blsr|blsmsk|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx)[lq]?[[:space:]]'
    evex='%zmm|%[xy]mm(1[6-9]|2[0-9]|3[01])|%k[0-7]'
    read_code v2
    has v2 'SSSE3 on bytes (pmaddubsw)' '^pmaddubsw[[:space:]]'
    lacks v2 'instructions of AVX or BMI' "$vex"
    lacks v2 'LZCNT, TZCNT or MOVBE' '^(lzcnt|tzcnt|movbe)'
    read_code v3
    has v3 'FMA on 8 floats' '^vfn?m(add|sub)[0-9]+ps[[:space:]].*%ymm'
    has v3 'AVX2 on bytes (vpmaddubsw)' '^vpmaddubsw[[:space:]].*%ymm'
    has v3 'half-precision conversions (vcvtph2ps)' '^vcvtph2ps[[:space:]].*%ymm'
    lacks v3 'instructions of AVX-512' "$evex"
    lacks v3 'VNNI' '^vpdp'
    read_code v4
    has v4 'VNNI on 64 bytes (vpdpbusd)' '^(\{evex\} )?vpdpbusd[[:space:]].*%zmm'
    has v4 'FMA on 16 floats' '^vfn?m(add|sub)[0-9]+ps[[:space:]].*%zmm'
    lacks v4 'half-precision sums, BF16, VBMI or AMX' '^v(add|sub|mul|div|max|min|fn?m(add|sub)[0-9]+)ph[[:space:]]|^v(dpbf16|cvtne)|^vperm([ti]2)?b[[:space:]]|^(tdp|tile)'
elif [ -f "$out/armv8.o" ]; then
    dot='^[su]?[su]dot[[:space:]]' mmla='^([su]|us|bf)f?mmla[[:space:]]'
    # Atomics of v8.1, half-precision sums, and registers of SVE.
    beyond='^(ldadd|ldclr|ldset|ldeor|swp|cas)[a-z]*[[:space:]]|^sqrdml[as]h|^f(add|mul|mla|mls|sub|div)[[:space:]]+v[0-9]+\.[48]h|[[:space:]]z[0-9]+\.|^ptrue'
    read_code armv8
    has armv8 'NEON on 4 floats (fmla)' '^fmla[[:space:]]+v[0-9]+\.4s'
    lacks armv8 'dot products' "$dot"
    lacks armv8 'matrix products' "$mmla"
    lacks armv8 'instructions beyond ARMv8.0' "$beyond"
    read_code dotprod
    has dotprod 'dot products (sdot)' '^sdot[[:space:]]'
    lacks dotprod 'matrix products' "$mmla"
    lacks dotprod 'half-precision sums or SVE' '^f(add|mul|mla|mls|sub|div)[[:space:]]+v[0-9]+\.[48]h|[[:space:]]z[0-9]+\.|^ptrue'
    read_code i8mm
    has i8mm 'matrix products (smmla)' '^smmla[[:space:]]'
    has i8mm 'dot products (sdot)' '^sdot[[:space:]]'
    lacks i8mm 'half-precision sums or SVE' '^f(add|mul|mla|mls|sub|div)[[:space:]]+v[0-9]+\.[48]h|[[:space:]]z[0-9]+\.|^ptrue'
else
    die "no kernels in $out"
fi

if [ -n "$library" ]; then
    found=$("${CROSS:-}nm" "$library" 2>/dev/null | grep -cE '[tT] ([a-z0-9]+_)?(ggml_graph_compute|ggml_cpu_init)$' || true)
    [ "$found" = $((2 * count)) ] || die "$library holds $found of $((2 * count)) functions that each build has once"
    echo "the library holds $count builds"
fi
