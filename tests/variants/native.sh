#!/usr/bin/env bash
# Greedy answers of this machine, by any of its own libraries, to compare another's with. Usage: native.sh MODEL.gguf OUT
# Without a library it says so, and leaves no OUT.
set -euo pipefail
cd "$(dirname "$0")/../.."
model=$1 out=$2
for folder in target-dist/lib target-portable/lib target/lib; do
    [ -e "$folder/libqask.so" ] || continue
    cc -std=c11 -O1 -Iinclude tests/variants/greedy.c -o "$out.program" -L"$folder" -lqask
    LD_LIBRARY_PATH=$folder "$out.program" "$model" "${TOKENS:-64}" >"$out"
    exit 0
done
echo 'NOT COMPARED: no library for this machine (make lib)'
