#!/usr/bin/env bash
# Runs a command where there is Swift 6: on this machine if it has it, otherwise (on Linux, as root) in a folder with Debian trixie,
# which is made the first time: 3.4 GB, some minutes, needs mmdebstrap.
# Usage: swift.sh COMMAND…    Only this repository, the models' cache and what MOUNTS names are seen in there.
# Settings: QASK_SWIFT_ROOT (the folder; ~/.cache/qask-swift), MOUNTS (more folders, with colons between them)
set -euo pipefail
die() {
    echo "make swift: $*" >&2
    exit 1
}
if swift --version 2>/dev/null | grep -qE 'Swift version ([6-9]|[1-9][0-9])'; then exec "$@"; fi

[ "$(uname -s)" = Linux ] || die 'Swift 6 is not here: install Xcode 16 or newer'
[ "$(id -u)" = 0 ] || die 'Swift 6 is not here: install it, or run this as root, which makes a folder with Debian trixie that has it'
cache=${XDG_CACHE_HOME:-$HOME/.cache}
root=${QASK_SWIFT_ROOT:-$cache/qask-swift}
# A link that leads nowhere from outside.
if [ ! -L "$root/usr/bin/swift" ]; then
    command -v mmdebstrap >/dev/null || apt-get install -y --no-install-recommends mmdebstrap >&2 || die 'mmdebstrap is missing'
    echo "make swift: making $root" >&2
    mkdir -p "$(dirname "$root")"
    rm -rf "$root.part"
    mmdebstrap --variant=minbase \
        --include=swiftlang,libc6-dev,libstdc++-14-dev,gcc,git,make,binutils-gold,libncurses-dev,ca-certificates,libgomp1 \
        trixie "$root.part" >&2 || die 'Debian trixie could not be installed'
    mv -T "$root.part" "$root"
fi

repository=$(realpath "$(dirname "$0")/../../..")
models=${QASK_CACHE:-$cache/qask}
mkdir -p "$models"
# In a view of its own, so that nothing stays mounted.
# shellcheck disable=SC2016
exec unshare --mount bash -c '
    root=$1 folders=$2 here=$PWD
    shift 2
    for system in /proc /dev /sys; do mount --rbind "$system" "$root$system"; done
    IFS=: read -ra folders <<<"$folders"
    for folder in "${folders[@]}"; do
        mkdir -p "$root$folder"
        mount --bind "$folder" "$root$folder"
    done
    exec chroot "$root" /usr/bin/env -C "$here" PATH=/usr/bin:/bin QASK_CACHE="${folders[1]}" "$@"
' swift.sh "$root" "$repository:$models${MOUNTS:+:$MOUNTS}" "$@"
