#!/usr/bin/env bash
# A table of Go against C over the same library: what a call costs, and tokens a second, in turns. Usage: run.sh LIB MODEL
set -euo pipefail
lib=$(realpath -e "$1")
model=$(realpath -e "$2")
rounds=${ROUNDS:-5}
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export QASK_LIBRARY=$lib/libqask.so.1
export CGO_CFLAGS="-I$PWD/../../../include" CGO_LDFLAGS="-L$lib -lqask -Wl,-rpath,$lib"
${CC:-cc} -std=c11 -O2 -I../../../include c/stream.c -o "$out/c" -L"$lib" -lqask "-Wl,-rpath,$lib" -lpthread
go build -o "$out/go" ./stream

echo '| a call, ns | cgo | purego |'
echo '|---|---|---|'
go test -bench . -benchtime 200ms . | awk '/^Benchmark/ {sub(/-[0-9]+$/, "", $1); t[$1] = $3}
    END {split("Number Text", what, " "); for (i = 1; i <= 2; i++)
         printf "| %s | %s | %s |\n", what[i], t["Benchmark" what[i] "Cgo"], t["Benchmark" what[i] "Purego"]}'

echo
echo '| tokens a second, median (all) | C | Go | Go / C |'
echo '|---|---|---|---|'
for streams in 1 16; do
    tokens=$((streams == 1 ? 256 : 64))
    : >"$out/c.txt" >"$out/go.txt"
    for ((i = 0; i < rounds; i++)); do
        # Whoever is second may find the machine warmer.
        order=(c go)
        ((i % 2)) && order=(go c)
        for who in "${order[@]}"; do "$out/$who" "$model" "$streams" "$tokens" >>"$out/$who.txt"; done
    done
    python3 - "$streams" "$out/c.txt" "$out/go.txt" <<'END'
import statistics, sys
c, go = ([float(x) for x in open(p)] for p in sys.argv[2:])
show = lambda v: f"{statistics.median(v):.1f} ({' '.join(f'{x:.0f}' for x in v)})"
n = sys.argv[1]
print(f"| {n} stream{'s' if n != '1' else ''} | {show(c)} | {show(go)} | {statistics.median(go) / statistics.median(c):.3f} |")
END
done
