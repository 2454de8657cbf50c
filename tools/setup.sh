#!/usr/bin/env bash
# Installs what building qask needs and this machine lacks; silent when nothing is missing. What only some parts need is
# named: setup.sh jdk maven valgrind qemu arm64
set -euo pipefail

has() { command -v "$1" >/dev/null 2>&1; }
has_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] || { ldconfig -p 2>/dev/null || true; } | grep -q 'libclang[-.0-9]*\.so' ||
        find /usr/lib /usr/local/lib /opt/homebrew/opt/llvm/lib /Library/Developer -maxdepth 4 -name 'libclang*.so*' \
            -o -maxdepth 4 -name 'libclang.dylib' 2>/dev/null | grep -q .
}
has_pip() { python3 -m pip --version >/dev/null 2>&1; }
# Debian keeps this part of Python in a package of its own.
has_venv() { python3 -c 'import ensurepip' >/dev/null 2>&1; }

missing=()
foreign='' # an architecture whose packages are needed too
has c++ || missing+=(compiler)
has cmake || missing+=(cmake)
has_libclang || missing+=(libclang)
has ccache || missing+=(ccache)
has python3 || missing+=(python3)
has pkg-config || missing+=(pkg-config)
has_pip || missing+=(pip)
has_venv || missing+=(venv)
has objcopy || [ "$(uname -s)" = Darwin ] || missing+=(binutils)
for extra in "$@"; do
    case $extra in
    jdk) has javac || missing+=(jdk) ;;
    maven) has mvn || missing+=(maven) ;;
    qemu) has qemu-x86_64-static || missing+=(qemu-user-static) ;;
    arm64)
        has aarch64-linux-gnu-g++ || missing+=(gcc-aarch64-linux-gnu g++-aarch64-linux-gnu)
        has qemu-aarch64-static || missing+=(qemu-user-static)
        # Rust's standard library for it: rustup's, where that target was added, or Debian's with its own compiler.
        if ! [ -d "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/aarch64-unknown-linux-gnu" ] &&
            ! { [ -d /usr/lib/rustlib/aarch64-unknown-linux-gnu ] && [ -x /usr/bin/rustc ]; }; then
            has apt-get || { echo "setup: rustup target add aarch64-unknown-linux-gnu" >&2; exit 1; }
            missing+=(rustc-web cargo-web libstd-rust-web-dev:arm64)
        fi
        # The emulated programs' libc.
        [ -e /lib/aarch64-linux-gnu/libstdc++.so.6 ] || [ -e /usr/lib/aarch64-linux-gnu/libstdc++.so.6 ] ||
            missing+=(libstdc++6:arm64)
        [ -e /usr/lib/aarch64-linux-gnu/libgomp.so.1 ] || missing+=(libgomp1:arm64)
        case " ${missing[*]:-} " in *:arm64*) dpkg --print-foreign-architectures | grep -qx arm64 || foreign=arm64 ;; esac
        ;;
    valgrind) has valgrind || missing+=(valgrind) ;;
    *) echo "setup: nothing is called $extra" >&2; exit 1 ;;
    esac
done

if [ ${#missing[@]} -gt 0 ]; then
    echo "setup: missing here: ${missing[*]}" >&2
    root=""
    [ "$(id -u)" = 0 ] || root=sudo
    name() { # package manager, thing
        case $1:$2 in
        apt:compiler) echo build-essential ;; dnf:compiler) echo gcc-c++ ;; brew:compiler) echo gcc ;;
        apt:libclang) echo libclang-dev ;; dnf:libclang) echo clang-devel ;; brew:libclang) echo llvm ;;
        apt:venv) echo python3-venv ;; dnf:venv) echo python3 ;; brew:venv) echo python ;;
        apt:jdk) echo default-jdk-headless ;; dnf:jdk) echo java-latest-openjdk-devel ;; brew:jdk) echo openjdk ;;
        apt:pip | dnf:pip) echo python3-pip ;; brew:pip | brew:python3) echo python ;;
        dnf:pkg-config) echo pkgconf-pkg-config ;; brew:pkg-config) echo pkgconf ;;
        *) echo "$2" ;;
        esac
    }
    if has apt-get; then
        packages=$(for m in "${missing[@]}"; do name apt "$m"; done)
        if [ -n "$foreign" ]; then
            $root dpkg --add-architecture "$foreign"
            $root apt-get update >&2
        fi
        # Another one that installs is waited for.
        # shellcheck disable=SC2086
        install() { $root apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends $packages >&2; }
        install || { $root apt-get update >&2 && install; }
    elif has dnf; then
        # shellcheck disable=SC2046
        $root dnf install -y $(for m in "${missing[@]}"; do name dnf "$m"; done) >&2
    elif has brew; then
        # shellcheck disable=SC2046
        brew install $(for m in "${missing[@]}"; do name brew "$m"; done) >&2
    else
        echo "setup: install them with your system's package manager (this script knows apt, dnf and brew)" >&2
        exit 1
    fi
fi

if ! has cargo; then
    echo "setup: Rust is missing: install it with rustup (the Rust project's own installer), 1.88 or newer" >&2
    exit 1
fi
minor=$(cargo --version | sed -n 's/^cargo 1\.\([0-9]*\).*/\1/p')
if [ "${minor:-0}" -lt 88 ]; then
    echo "setup: $(cargo --version) is too old; qask needs 1.88: rustup update" >&2
    exit 1
fi
