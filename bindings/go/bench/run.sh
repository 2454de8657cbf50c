#!/usr/bin/env bash
# A table of Go against C over the same library: what a call costs, and tokens a second, in turns (ROUNDS=11 pairs,
# STREAMS="1 16").
# Usage: run.sh LIB MODEL
set -euo pipefail
lib=$(realpath -e "$1")
model=$(realpath -e "$2")
rounds=${ROUNDS:-11}
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
echo '| streams | C, tokens a second | Go | Go / C, median of pairs | all pairs |'
echo '|---|---|---|---|---|'
for streams in ${STREAMS:-1 16}; do
    tokens=$((streams == 1 ? 256 : 64))
    : >"$out/c.txt" >"$out/go.txt"
    # Once each to warm up, then pairs in ABBA order: whoever is second may find the machine warmer.
    for who in c go; do "$out/$who" "$model" "$streams" "$tokens" >/dev/null; done
    for ((i = 0; i < rounds; i++)); do
        order=(c go)
        ((i % 2)) && order=(go c)
        for who in "${order[@]}"; do "$out/$who" "$model" "$streams" "$tokens" >>"$out/$who.txt"; done
    done
    python3 - "$streams" "$out/c.txt" "$out/go.txt" <<'END'
import statistics, sys
c, go = ([float(x) for x in open(p)] for p in sys.argv[2:])
pairs = sorted(b / a for a, b in zip(c, go))
print(f"| {sys.argv[1]} | {statistics.median(c):.1f} | {statistics.median(go):.1f} | {statistics.median(pairs):.3f} | "
      f"{' '.join(f'{p:.3f}' for p in pairs)} |")
END
done
