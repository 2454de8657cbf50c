#!/usr/bin/env bash
# Lays down header, libraries, pkg-config files and CMake package, and keeps a list of what it laid down; or removes
# exactly that.
# Usage: install.sh LIBRARIES PREFIX [LIBDIR], install.sh --uninstall PREFIX [LIBDIR]
# LIBDIR is the libraries' folder under PREFIX ("lib"). DESTDIR goes before PREFIX, as packagers expect.
# RELOCATABLE=1: the pkg-config files find the prefix from where they lie themselves.
set -euo pipefail
export LC_ALL=C # sorting
cd "$(dirname "$0")/.."

die() {
    echo "install: $*" >&2
    exit 1
}
[ $# -ge 2 ] || die "usage: install.sh LIBRARIES|--uninstall PREFIX [LIBDIR]"
source=$1 prefix=$2 libdir=${3:-lib}
case $prefix in /*) ;; *) die "PREFIX must be absolute: $prefix" ;; esac
root=${DESTDIR:-}$prefix
manifest=$libdir/cmake/qask/manifest.txt
up=$(sed 's|[^/][^/]*|..|g' <<<"$libdir") # from there to the prefix

if [ "$source" = --uninstall ]; then
    [ -f "$root/$manifest" ] || die "nothing to remove: there is no $root/$manifest"
    # Files first, then the folders that were made for them, deepest first, unless something else is in them by now.
    sed -n 's/^file //p' "$root/$manifest" | while IFS= read -r path; do
        [ "$path" = "$manifest" ] || rm -f -- "$root/$path"
    done
    folders=$(sed -n 's/^folder //p' "$root/$manifest" | sort -r)
    rm -f -- "$root/$manifest"
    while IFS= read -r path; do
        [ -z "$path" ] || rmdir -- "$root/${path#.}" 2>/dev/null || true
    done <<<"$folders"
    exit 0
fi

[ -f "$source/libqask.a" ] || die "no libqask.a in $source: run make lib first"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
libs=$(cat "$source/libqask.libs")
# The one with the ABI version in its name: the other is a link to it.
shared=$(cd "$source" && find . -type f \( -name 'libqask.so.*' -o -name 'libqask.*.dylib' \) | sed 's|^\./||')
[ "$(wc -w <<<"$shared")" = 1 ] || die "not exactly one shared library in $source: $shared"
link=${shared%%.*}.so
[ -e "$source/$link" ] || link=libqask.dylib

work=$(mktemp -d "${TMPDIR:-/tmp}/qask-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
# An earlier install stays on the list, so that what only it laid down (a library of an older ABI) goes too.
cat "$root/$manifest" 2>/dev/null >"$work/manifest" || true

folder() { # makes it, and remembers which of its parents were not there
    local path=$1 made=()
    while [ "$path" != . ] && [ ! -d "$root/$path" ]; do
        made+=("$path")
        path=$(dirname "$path")
    done
    [ -d "$root" ] || made+=(.)
    mkdir -p -- "$root/$1"
    [ ${#made[@]} = 0 ] || printf 'folder %s\n' "${made[@]}" >>"$work/manifest"
}
put() { # mode, source, path under the prefix
    folder "$(dirname "$3")"
    install -m "$1" -- "$2" "$root/$3"
    echo "file $3" >>"$work/manifest"
}
fill() { # a template of tools/install goes to this path under the prefix
    # In a pkg-config file a space is escaped; pcfiledir comes escaped.
    local from=${prefix// /\\ }
    [ "${RELOCATABLE:-}" != 1 ] || from="\${pcfiledir}/../$up"
    from=$(sed 's/[&|\]/\\&/g' <<<"$from")
    sed -e "s|@PREFIX@|$from|" -e "s|@LIBDIR@|$libdir|" -e "s|@VERSION@|$version|" -e "s|@LIBS@|$libs|" \
        -e "s|@LIBS_CMAKE@|$(sed 's/-l//g; s/ /;/g' <<<"$libs")|" -e "s|@SHARED@|$shared|" \
        -e "s|@SONAME@|$shared|" -e "s|@INCLUDE_FROM_LIB@|$up/include|" \
        "tools/install/$(basename "$1").in" >"$work/filled"
    put 644 "$work/filled" "$1"
}

for header in include/*; do put 644 "$header" "$header"; done
put 644 "$source/libqask.a" "$libdir/libqask.a"
put 755 "$source/$shared" "$libdir/$shared"
# Beside the library, where it is looked for first; no other place is right for every LIBDIR.
[ ! -f "$source/qask-worker" ] || put 755 "$source/qask-worker" "$libdir/qask-worker"
ln -sf "$shared" "$root/$libdir/$link"
echo "file $libdir/$link" >>"$work/manifest"
for name in qask.pc qask-static.pc; do fill "$libdir/pkgconfig/$name"; done
for name in qaskConfig.cmake qaskConfigVersion.cmake; do fill "$libdir/cmake/qask/$name"; done
echo "file $manifest" >>"$work/manifest"
sort -u "$work/manifest" >"$work/sorted"
put 644 "$work/sorted" "$manifest"
