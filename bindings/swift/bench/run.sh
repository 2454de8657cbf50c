#!/usr/bin/env bash
# A table of Swift against C over the same library, both on the same system libraries. Usage: run.sh LIB OUT MODEL [ROUNDS]
set -euo pipefail
lib=$(realpath -e "$1")
mkdir -p "$2"
out=$(realpath "$2")
model=$(realpath -e "$3")
cd "$(dirname "$0")/.."
root=$(realpath ../..)
"$root/tools/install.sh" "$lib" "$out/lib"
export MOUNTS=$out PKG_CONFIG_PATH=$out/lib/lib/pkgconfig LD_LIBRARY_PATH=$out/lib/lib
tools/swift.sh swift build --quiet -c release --package-path bench --scratch-path "$out/bench"
tools/swift.sh gcc -std=c11 -O2 -I"$root/include" "$root/benches/bench.c" -o "$out/bench-c.bin" -L"$out/lib/lib" -lqask -lpthread
printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$PWD/tools/swift.sh" "$out/bench-c.bin" >"$out/bench-c"
chmod +x "$out/bench-c"
python3 bench/overhead.py "$out/bench-c" "$model" "${4:-9}" tools/swift.sh "$out/bench/release/worker"
