#!/usr/bin/env bash
# What `make arm64` built, under qemu: the kernels of each level by CPU model, greedy answers against this machine's, C tests
# with the shared and the static library, and Rust tests over the same engine.
# Usage: arm64.sh LIBRARIES MODEL.gguf. TOKENS, C_TESTS, RUST_TESTS: less of it, or more.
set -euo pipefail
cd "$(dirname "$0")/../.."
lib=$(realpath "$1") model=$2
. tools/cross.sh
out=$(mktemp -d "${TMPDIR:-/tmp}/qask-arm64.XXXXXX")
trap 'rm -rf "$out"' EXIT

tools/check_binary.sh "$lib"

tests/variants/native.sh "$model" "$out/native.txt"
tests/variants/run.sh "$lib" "$model" "$out/native.txt"

# The C tests that an emulator can do: none of time (`process` leaves with engines that have 1.8 seconds to stop), and no worker
# of isolated engines, which qemu would have to start.
export LD_LIBRARY_PATH=
flags=(-std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -Wpedantic -Werror -Iinclude -Itests/c)
read -ra libs <"$lib/libqask.libs"
read -ra tests <<<"${C_TESTS:-lifecycle content plan constraints tools sessions}"
for t in "${tests[@]}"; do
    for kind in shared static; do
        link=(-L"$lib" -lqask "-Wl,-rpath,$lib" -lpthread -lm)
        [ $kind = shared ] || link=("$lib/libqask.a" "${libs[@]}")
        ${CROSS}gcc "${flags[@]}" "tests/c/$t.c" -o "$out/$t" "${link[@]}"
        models=("$model")
        [ "$t" != plan ] || models+=("$(python3 tools/models.py path minilm-l6-v2)")
        OMP_WAIT_POLICY=passive timeout 1800 qemu-aarch64-static -cpu max "$out/$t" "${models[@]}" >"$out/log" 2>&1 ||
            { cat "$out/log" >&2; echo "tests/variants: $t ($kind) failed on arm64" >&2; exit 1; }
        echo "ok: $t ($kind)"
    done
done

# The Rust tests that need no real model, or only its vocabulary, on the engine that is there already. Its kernels are those
# for every CPU: a crate has one kind. The test that is left out starts itself as a child, which an emulator that the system does
# not know of cannot.
read -ra tests <<<"${RUST_TESTS:---lib --test bad_input --test families --test output --test stranded --test templates --test tokenizer}"
. tools/neutral.sh
CARGO_TARGET_DIR=$folder CARGO_PROFILE_SMALL_LTO=off CARGO_PROFILE_SMALL_CODEGEN_UNITS=16 \
    cargo test --profile "$profile" --locked --target "$target" --features capi,test-hooks,async --no-fail-fast "${tests[@]}" \
    -- --skip engines_stop_before_statics_that_were_made_after_them_go
