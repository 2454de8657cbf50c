#!/usr/bin/env bash
# All that CI says of the Go binding: build with and without cgo and for other systems, vet, staticcheck, tests, the race
# detector, examples. Usage: check.sh LIB LIB_WITH_TEST_HOOKS MODEL EMBEDDING_MODEL
set -euo pipefail
lib=$(realpath -e "$1/libqask.so.1")
hooks=$(realpath -e "$2/libqask.so.1")
model=$(realpath -e "$3")
embedding_model=$(realpath -e "$4")
cd "$(dirname "$0")"
root=$PWD/../..
out=$(mktemp -d "${TMPDIR:-/tmp}/qask-go.XXXXXX")
trap 'rm -rf "$out"' EXIT

fail() {
    echo "bindings/go: $*" >&2
    exit 1
}

unformatted=$(gofmt -l . "$root/examples/go")
[ -z "$unformatted" ] || fail "gofmt: $unformatted"
for folder in . "$root/examples/go"; do
    (cd "$folder" && go mod tidy -diff && go vet ./...)
done
go tool -modfile=tools/go.mod staticcheck ./...
for system in linux/arm64 darwin/arm64 darwin/amd64 windows/amd64; do
    CGO_ENABLED=0 GOOS=${system%/*} GOARCH=${system#*/} go build ./... || fail "does not build for $system"
done
echo 'ok: go vet, staticcheck, builds for other systems'

QASK_LIBRARY=$hooks go test -count=1 -timeout 10m ./...
# Callbacks and threads come another way without cgo.
QASK_LIBRARY=$hooks CGO_ENABLED=0 go test -count=1 -run 'Chat|Cancel|Log|EveryCode|Exit' .
QASK_LIBRARY=$hooks QASK_CYCLES=100 go test -count=1 -race -run 'Stress|Cycles|Cancel|Sixteen|Embedder|Log' .
echo 'ok: go test, without cgo, with the race detector'

# ---- examples: those of examples/c by the same names, as they are shipped: without cgo, and no library with hooks ----
(cd "$root/examples/go" && CGO_ENABLED=0 go build -o "$out/" ./...)
export QASK_LIBRARY=$lib
run() { timeout 120 "$out/$1" "${@:2}"; }
tools_model=$model
. ../examples.sh
examples
expect cancel '^cancelled: [0-9]' "$model"
expect cancel '^deadline: [0-9]' "$model"

"$out/http" "$model" localhost:0 >"$out/log" 2>&1 &
server=$!
for _ in $(seq 100); do grep -q '^listening' "$out/log" && break; sleep 0.1; done
address=$(sed -n 's/^listening on //p' "$out/log")
python3 - "$address" <<'END' || fail "http: $(cat "$out/log")"
import json, sys, urllib.error, urllib.request
def ask(body):
    return urllib.request.urlopen(f"http://{sys.argv[1]}/v1/chat/completions", json.dumps(body).encode(), timeout=60)
lines = [l.decode().strip() for l in ask({"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 8})]
data = [l.removeprefix("data: ") for l in lines if l]
assert data[-1] == "[DONE]" and len(data) > 2, data
chunks = [json.loads(d) for d in data[:-1]]
assert all(c["object"] == "chat.completion.chunk" for c in chunks) and chunks[-1]["choices"][0]["finish_reason"], chunks[-1]
gone = ask({"messages": [{"role": "user", "content": "Count."}], "ignore_eos": True})
gone.readline()
gone.close()
try:
    ask({"messages": 3})
    raise SystemExit("a bad request was taken")
except urllib.error.HTTPError as e:
    assert e.code == 400 and b"messages" in e.read()
END
for _ in $(seq 100); do grep -q 'cancelled' "$out/log" && break; sleep 0.1; done
grep -q 'cancelled' "$out/log" || fail "http: a client that went away did not cancel its answer: $(cat "$out/log")"
kill -INT "$server"
wait "$server" || fail 'http: did not end cleanly'
echo 'ok: examples'
