# Sourced, from the repository's root, after `target` was set: flags by which what is built names no path of this machine.
# Panics and asserts name their source files: with these, by neutral names. Where two fit, compilers take the later.
registry=$(cargo metadata --format-version 1 --locked --filter-platform "$target" | python3 -c '
import json, os, sys
engine = next(p for p in json.load(sys.stdin)["packages"] if p["name"] == "llama-cpp-sys-2")
print(os.path.dirname(os.path.dirname(engine["manifest_path"])))')
RUSTFLAGS='' CFLAGS=${SMALL_CFLAGS:-} CXXFLAGS=''
for map in "$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib=/rust" "${CARGO_HOME:-$HOME/.cargo}=/cargo" "$PWD=/qask" "$registry=/deps"; do
    RUSTFLAGS+=" --remap-path-prefix=$map"
    CFLAGS+=" -ffile-prefix-map=$map"
    CXXFLAGS+=" -ffile-prefix-map=$map"
done
export RUSTFLAGS CFLAGS CXXFLAGS
# SOURCE_DATE_EPOCH would make llama.cpp leave out AVX2.
unset SOURCE_DATE_EPOCH CARGO_INCREMENTAL
