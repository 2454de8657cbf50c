#!/usr/bin/env bash
# What a stranger does: install into a fresh prefix (with a space in its name), build a program by pkg-config and by
# CMake, shared and static, let it answer, uninstall.
# Usage: run.sh LIBRARIES MODEL.gguf, or run.sh --unpacked FOLDER MODEL.gguf for a tarball that was unpacked there.
set -euo pipefail
cd "$(dirname "$0")/../.."
CC=${CC:-cc}
work=$(mktemp -d "${TMPDIR:-/tmp}/qask-install test.XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() {
    echo "tests/install: $*" >&2
    exit 1
}
listing() { (cd "$1" && find . | LC_ALL=C sort); }
install_it() { make -s install HOST= LIB="$lib" PREFIX="$1" DESTDIR="${2:-}"; }
uninstall_it() { make -s uninstall PREFIX="$1" DESTDIR="${2:-}"; }

if [ "$1" = --unpacked ]; then
    prefix=$(realpath "$2") model=$(realpath "$3")
else
    lib=$(realpath "$1") model=$(realpath "$2")
    prefix="$work/a prefix"
    mkdir -p "$prefix/lib" "$prefix/include" "$prefix/share"
    echo "someone else's" >"$prefix/lib/other.txt"
    listing "$prefix" >"$work/before"
    install_it "$prefix"
fi

# ---- what lies there ----
abi=$(sed -n 's/^#define QASK_ABI_VERSION //p' "$prefix/include/qask.h")
[ "$(readlink "$prefix/lib/libqask.so")" = "libqask.so.$abi" ] || fail "libqask.so does not lead to libqask.so.$abi"
readelf -d "$prefix/lib/libqask.so.$abi" | grep -q "SONAME.*\[libqask\.so\.$abi\]" || fail "the soname is not libqask.so.$abi"
if grep -rF "$prefix" "$prefix/lib/cmake"; then fail "the CMake package cannot be moved"; fi

# ---- consumers ----
limit="timeout 120"
answers() { # what it is, program
    [ -x "$2" ] || fail "$1: no program"
    $limit "$2" "$model" 'Complete the sentence: the capital of France is' >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; fail "$1: the program failed"; }
    grep -q Paris "$work/log" || { cat "$work/log" >&2; fail "$1: not the answer that was expected"; }
    echo "ok: $1"
}
needs_library() { readelf -d "$1" | grep -q 'NEEDED.*libqask'; }
by_pkg_config() { # program, package, more flags
    local flags
    flags=$(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --cflags --libs "$2")
    # Spaces come escaped: eval reads them as a Makefile's shell does.
    eval "$CC -std=c99 -Wall -Wextra -Wpedantic -Werror tests/install/app.c -o '$1' $flags ${3:-}"
}
configure() { # build folder, version
    cmake -S tests/install -B "$1" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release -DWANTED="$2" \
        >"$work/log" 2>&1
}
# Unless the system has one of its own.
export LD_LIBRARY_PATH=

by_pkg_config "$work/shared" qask
needs_library "$work/shared" || fail "pkg-config qask: not linked to the shared library"
LD_LIBRARY_PATH="$prefix/lib" answers "pkg-config, shared" "$work/shared"
by_pkg_config "$work/static" qask-static
if needs_library "$work/static"; then fail "pkg-config qask-static: linked to the shared library"; fi
answers "pkg-config, static" "$work/static"
# Where the library is there as .a only, the ordinary package links it with --static.
PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --static --libs qask | grep -q -- '-lqask .*-lstdc++' ||
    fail "pkg-config --static does not name the private libraries"

configure "$work/build" 0.1 || { cat "$work/log" >&2; fail "find_package failed"; }
cmake --build "$work/build" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "the CMake build failed"; }
needs_library "$work/build/app-qask" || fail "qask::qask is not the shared library"
if needs_library "$work/build/app-static"; then fail "qask::static is the shared library"; fi
answers "CMake, shared" "$work/build/app-qask"
answers "CMake, static" "$work/build/app-static"
for other in 0.2 1.0; do
    if configure "$work/other" $other; then fail "find_package(qask $other) took this version"; fi
    grep -q 'requested version' "$work/log" || { cat "$work/log" >&2; fail "another error"; }
done

[ "$1" != --unpacked ] || exit 0

# ---- moved, and removed ----
mv "$prefix" "$work/moved"
rm -rf "$work/build"
(prefix="$work/moved" && configure "$work/build" 0.1 && cmake --build "$work/build" >"$work/log" 2>&1) ||
    { cat "$work/log" >&2; fail "the CMake package cannot be used from where it was moved to"; }
mv "$work/moved" "$prefix"
install_it "$prefix"
uninstall_it "$prefix"
listing "$prefix" >"$work/after"
diff "$work/before" "$work/after" || fail "uninstall does not leave what was there before"
if uninstall_it "$prefix" 2>"$work/log"; then fail "a second uninstall finds something"; fi

# ---- as packagers do ----
install_it /usr "$work/staged"
grep -qx 'prefix=/usr' "$work/staged/usr/lib/pkgconfig/qask.pc" || fail "DESTDIR got into the pkg-config file"
uninstall_it /usr "$work/staged"
[ -z "$(find "$work/staged" ! -type d)" ] || fail "uninstall with DESTDIR leaves files"
echo "ok: install, uninstall"
