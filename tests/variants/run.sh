#!/usr/bin/env bash
# The kernels that a library carries for several levels of CPU: which one is chosen on which CPU (qemu's models), that a
# lesser CPU is no crash, what QASK_CPU does, and that greedy answers agree.
# Usage: [CROSS=aarch64-linux-gnu-] run.sh FOLDER_WITH_LIBRARIES MODEL.gguf [ANSWERS_OF_ANOTHER_MACHINE]
# ANSWERS_OF_ANOTHER_MACHINE: what tests/variants/greedy.c wrote there, if that file exists; SAVE=file keeps this machine's.
set -euo pipefail
cd "$(dirname "$0")/../.."
lib=$(realpath "$1") model=$2 others=${3:-}
[ -e "$others" ] || others=''
out=$(mktemp -d "${TMPDIR:-/tmp}/qask-variants.XXXXXX")
trap 'rm -rf "$out"' EXIT
cc=${CC:-cc}
[ -z "${CROSS:-}" ] || cc=${CROSS}gcc
arch=$($cc -dumpmachine | cut -d- -f1)
tokens=${TOKENS:-64}
export LD_LIBRARY_PATH=$lib

fail() {
    echo "tests/variants: $*" >&2
    exit 1
}
for program in greedy choice; do
    $cc -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -Wpedantic -Werror -Iinclude "tests/variants/$program.c" -o "$out/$program" -L"$lib" -lqask -ldl
done

# CPU model of qemu, or "here" for the CPU itself; then the program.
on() {
    local cpu=$1
    shift
    if [ "$cpu" = here ]; then
        timeout 600 "$@"
        return
    fi
    # What the emulated model has and qemu lacks is none of what is asked for here. Threads that wait sleep: here they
    # would take the cores from those that they wait for.
    local status=0
    OMP_WAIT_POLICY=passive timeout 1800 "qemu-$arch-static" -cpu "$cpu" "$@" 2>"$out/said" || status=$?
    grep -v "TCG doesn't support requested feature" "$out/said" >&2 || true
    return $status
}
version() { QASK_CPU=${2:-} on "$1" "$out/choice" "$lib/libqask.so"; }
expect() { # CPU, QASK_CPU, the end of the version
    local got
    got=$(version "$1" "$2") || fail "on $1 with QASK_CPU=$2: $got"
    [ "$got" = "$version+cpu.$3" ] || fail "on $1 with QASK_CPU=$2 the version is $got, expected $version+cpu.$3"
    echo "ok: $1${2:+, QASK_CPU=$2}: $got"
}
answers() { # CPU, QASK_CPU, tokens, program, prompts
    QASK_CPU=$2 on "$1" "$out/${4:-greedy}" "$model" "$3" "${5:-5}" >"$out/answers.$1.$2" 2>"$out/speed" ||
        { cat "$out/speed" >&2; fail "on $1 with QASK_CPU=$2 it ended with $?"; }
    cat "$out/speed"
}
agree() { tests/variants/compare.py "$1" "$2" || fail "different answers"; }
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)

case $arch in
x86_64)
    emulated=(Nehalem Haswell)
    levels=(v2 v3 v4) lowest=v2
    expect Nehalem '' v2
    expect Nehalem v3 v2.not.v3
    expect Haswell '' v3
    expect Haswell v4 v3.not.v4
    expect Haswell v2 v2
    expect Haswell baseline v2
    expect Haswell 'no such' v3.not.nosuch
    # Less than the lowest: an error, no crash.
    if on core2duo "$out/greedy" "$model" 1 >"$out/log" 2>&1; then fail "a CPU without SSE4.2 was taken"; fi
    grep -q 'UNSUPPORTED: this CPU lacks .*sse4.2' "$out/log" || { cat "$out/log" >&2; fail "not the error that was expected"; }
    echo "ok: core2duo: $(grep -o 'UNSUPPORTED: .*' "$out/log")"
    ;;
aarch64)
    emulated=(cortex-a53 cortex-a76 max)
    levels=(armv8 dotprod i8mm) lowest=armv8
    expect cortex-a53 '' armv8
    expect cortex-a53 i8mm armv8.not.i8mm
    expect cortex-a76 '' dotprod
    expect cortex-a76 baseline armv8
    expect max '' i8mm
    expect max dotprod dotprod
    ;;
*) fail "nothing is known of $arch" ;;
esac

# Answers: the levels that run here against each other, then those on emulated CPUs (slow, so less of them).
if [ "$arch" = "$(uname -m)" ]; then
    version here
    for level in "${levels[@]}"; do
        version here "$level" | grep -q "cpu.$level\$" || { echo "NOT RUN: this CPU cannot run $level"; continue; }
        answers here "$level" "$tokens"
        agree "$out/answers.here.$lowest" "$out/answers.here.$level"
    done
    read -ra libs <"$lib/libqask.libs"
    $cc -std=c11 -O1 -Iinclude tests/variants/greedy.c -o "$out/static" "$lib/libqask.a" "${libs[@]}"
    answers here '' "$tokens" static
    head -1 "$out/answers.here." | grep -qx "$(version here)" || fail "the static library chose another build"
    agree "$out/answers.here.$lowest" "$out/answers.here."
    mine=$out/answers.here.$lowest
    emulated_tokens=${EMULATED_TOKENS:-4} emulated_prompts=${EMULATED_PROMPTS:-1}
else
    mine=''
    emulated_tokens=$tokens emulated_prompts=5
fi
for cpu in "${emulated[@]}"; do
    answers "$cpu" '' "$emulated_tokens" greedy "$emulated_prompts"
    if [ -z "$mine" ]; then
        [ -z "$others" ] || agree "$others" "$out/answers.$cpu."
    else
        # As many tokens as were asked for there: an emulator takes seconds for one.
        QASK_CPU=$lowest "$out/greedy" "$model" "$emulated_tokens" "$emulated_prompts" >"$out/short" 2>/dev/null
        agree "$out/short" "$out/answers.$cpu."
    fi
done
[ -z "${SAVE:-}" ] || cp "$mine" "$SAVE"
echo "ok: kernels of $arch"
