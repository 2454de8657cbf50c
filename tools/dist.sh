#!/usr/bin/env bash
# Builds the tarball dist/qask-VERSION-ARCH-linux-gnu.tar.gz: the library for every CPU of its kind, with kernels for
# several levels (tools/kernels.sh), no path of this machine inside, and what belongs to it. An engine of its own, in
# target-dist. Usage: dist.sh [aarch64]: for arm64, on another machine, in target-arm64.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."
case ${1:-} in
'')
    target=$(rustc -vV | sed -n 's/^host: //p')
    folder=target-dist
    profile=release
    ;;
aarch64)
    . tools/cross.sh
    ;;
*) echo "dist.sh: no way is known to build for $1" >&2; exit 1 ;;
esac
case $target in
*-linux-gnu) ;;
*) echo "make dist: only for Linux with glibc so far, not $target" >&2; exit 1 ;;
esac
arch=${target%%-*}

. tools/neutral.sh
export CARGO_TARGET_DIR=$folder
CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
    cargo rustc --lib --profile "$profile" --locked --features capi --crate-type staticlib ${CROSS:+--target "$target"}
built=$folder/${CROSS:+$target/}$profile
tools/kernels.sh "$built" "$arch" "$folder/kernels"
tools/finish_lib.sh "$built/libqask.a" "$folder/lib" "$folder"/kernels/*.o
tools/check_kernels.sh "$folder/kernels" "$folder/lib/libqask.a"
needs=$(tools/check_binary.sh "$folder/lib")

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
name=qask-$version-$arch-linux-gnu
stage=$folder/$name
rm -rf "$stage"
RELOCATABLE=1 tools/install.sh "$folder/lib" "$PWD/$stage"
rm "$stage/lib/cmake/qask/manifest.txt" # of no use here: the folder is deleted as a whole
cp README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE "$stage/"
tools/notices.py "$target" >"$stage/THIRD-PARTY-LICENSES.txt"
sed -e "s|@VERSION@|$version|" tools/install/INSTALL.txt.in >"$stage/INSTALL.txt"
printf '\nThis build needs:\n' >>"$stage/INSTALL.txt"
sed 's/^/    /' <<<"$needs" >>"$stage/INSTALL.txt"

# The same files give the same tarball.
mkdir -p dist
tar --create --directory "$folder" --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw \
    --mtime="@$(git log -1 --format=%ct 2>/dev/null || echo 0)" "$name" | gzip --no-name -9 >"dist/$name.tar.gz"
(cd dist && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "dist/$name.tar.gz: $(du -h "dist/$name.tar.gz" | cut -f1)"
echo "$needs"
