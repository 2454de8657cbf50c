#!/usr/bin/env bash
# The test of many cycles alone, in a release build; QASK_CYCLES says how many. Usage: cycles.sh LIB_WITH_TEST_HOOKS OUT
set -euo pipefail
lib=$(realpath -e "$1")
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "$0")/.."
../../tools/install.sh "$lib" "$out/hooks"
export MOUNTS=$out PKG_CONFIG_PATH=$out/hooks/lib/pkgconfig LD_LIBRARY_PATH=$out/hooks/lib
tools/swift.sh swift test -c release -Xswiftc -enable-testing --scratch-path "$out/cycles" --filter 'Lifecycle/cycles'
