#!/usr/bin/env bash
# Whether built libraries may leave this machine: no path of it inside, no newer system asked for than is said, pages of
# 16 KiB, nothing exported but qask_*, and nothing asked of the system that opens a connection or starts a process, but for
# the workers of isolated engines.
# Prints what the shared library needs. Usage: check_binary.sh FOLDER (with libqask.so.*, libqask.a and qask-worker)
# CROSS: the prefix of binutils for another machine's libraries. MAX_BYTES: the largest shared library that is allowed.
# MAX_GLIBC, MAX_GLIBCXX: the newest symbol versions that are allowed.
set -euo pipefail
export LC_ALL=C
folder=$1
max_glibc=${MAX_GLIBC:-2.34} max_glibcxx=${MAX_GLIBCXX:-3.4.29}
objdump=${CROSS:-}objdump nm=${CROSS:-}nm readelf=${CROSS:-}readelf
allowed='libc.so.6 libm.so.6 libgcc_s.so.1 libstdc++.so.6 libgomp.so.1 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1'

die() {
    echo "check_binary: $*" >&2
    exit 1
}
shared=$(find "$folder" -name 'libqask.so.*' -type f)
worker=$folder/qask-worker
for file in "$shared" "$folder/libqask.a" "$worker"; do [ -f "$file" ] || die "there is no libqask.so.*, libqask.a or qask-worker in $folder"; done
# Of the library, not of this machine.
format() { "$objdump" -f "$1" | sed -n 's/.*file format //p' | sort -u; }
for file in "$folder/libqask.a" "$worker"; do
    [ "$(format "$file")" = "$(format "$shared")" ] || die "$file is for another machine than $shared"
done

# The home folder goes by what follows it: "/root" alone may be part of a text.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
for file in "$shared" "$folder/libqask.a" "$worker"; do
    for path in "$PWD/" "$HOME/" "$cargo_home" "$(rustc --print sysroot)/lib/rustlib" /registry/src/ "${CARGO_TARGET_DIR:-target}/"{release,small,aarch64-}; do
        # The first hits say enough.
        found=$(strings -a -n 5 "$file" | grep -F -m 3 -- "$path" | cut -c 1-200 || true)
        [ -z "$found" ] || die "$file names $path of this machine:
$found"
    done
done

newest() { # prefix of a symbol version
    "$objdump" -T "$shared" | grep -oE "\(?$1_[0-9][0-9.]*" | tr -d '(' | sed "s/^$1_//" | sort -Vu | tail -1
}
at_most() { # found, allowed, what
    [ -z "$1" ] || [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | tail -1)" = "$2" ] ||
        die "$shared needs $3 $1, newer than $2 (set MAX_$3=$1 to accept that)"
}
glibc=$(newest GLIBC) glibcxx=$(newest GLIBCXX)
at_most "$glibc" "$max_glibc" GLIBC
at_most "$glibcxx" "$max_glibcxx" GLIBCXX
needed=$("$objdump" -p "$shared" | awk '$1 == "NEEDED" { print $2 }')
for library in $needed; do
    case " $allowed " in *" $library "*) ;; *) die "$shared needs $library" ;; esac
done
[ -z "$("$objdump" -p "$shared" | grep -E 'RPATH|RUNPATH' || true)" ] || die "$shared has a run path"

# Segments on 16 KiB: Android wants it, and some arm64 systems have such pages.
for file in "$shared" "$worker"; do
    alignments=$("$readelf" -lW "$file" | awk '$1 == "LOAD" { print $NF }')
    [ -n "$alignments" ] || die "$file has no segments to load"
    for alignment in $alignments; do
        [ $((alignment)) -ge 16384 ] && [ $((alignment % 16384)) = 0 ] ||
            die "$file: a segment lies on pages of $alignment, not of 16 KiB (link with -z max-page-size=16384)"
    done
done
stray=$("$nm" -D --defined-only "$shared" | awk 'NF == 3 && $3 !~ /^qask_/ { print $3 }')
[ -z "$stray" ] || die "$shared exports $stray"
# Isolated engines start a worker, by posix_spawnp, and speak to it through a pair of sockets; nothing else starts anything or
# reaches anybody.
reaches=$("$nm" -D --undefined-only "$shared" | awk '{ sub(/@.*/, "", $2); print $2 }' |
    grep -xE 'fork|vfork|exec(v|ve|vpe|l|le|lp)|fexecve|posix_spawn|system|popen|socket|connect|bind|listen|accept4?|getaddrinfo|gethostby.*' || true)
[ -z "$reaches" ] || die "$shared asks the system for" $reaches
size=$(stat -c %s "$shared")
[ "$size" -le "${MAX_BYTES:-$size}" ] || die "$shared has $size bytes, more than $MAX_BYTES"

echo "glibc $glibc or newer"
[ -z "$glibcxx" ] || echo "libstdc++ with GLIBCXX_$glibcxx or newer"
[ -z "$(newest GOMP)" ] || echo "libgomp with GOMP_$(newest GOMP) or newer"
echo "shared libraries:" $needed
