# Sourced: cross-compiling for arm64 Linux on another machine, with Debian's packages (tools/setup.sh arm64).
# Sets what cargo, the engine's build and binutils need, CROSS among it, and how and where to build.
#
# rustup's compiler is taken where it has the target's standard library, otherwise Debian's second one (rustc-web, whose
# standard library exists for arm64). The two never share a target folder.
target=aarch64-unknown-linux-gnu
if [ ! -d "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/$target" ]; then
    [ -d "/usr/lib/rustlib/$target" ] && [ -x /usr/bin/rustc ] || {
        echo "no standard library of Rust for $target: tools/setup.sh arm64, or rustup target add $target" >&2
        exit 1
    }
    PATH=/usr/bin:$PATH
    export RUSTC=/usr/bin/rustc
fi
export CROSS=aarch64-linux-gnu-
command -v ${CROSS}g++ >/dev/null || { echo "${CROSS}g++ is missing: tools/setup.sh arm64" >&2; exit 1; }
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=${CROSS}gcc
export BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu=-I/usr/aarch64-linux-gnu/include
# No QEMU_LD_PREFIX: it would mix the cross-compiler's libc with that of libc6:arm64, and threads spin for ever.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="env OMP_WAIT_POLICY=passive timeout ${QEMU_TIMEOUT:-1800} qemu-aarch64-static -cpu ${QEMU_CPU:-max}"

# Its own folder: another compiler, and what it builds for this machine is not what `make dist` does.
folder=target-arm64
. tools/small.sh
export MAX_BYTES=$((8 << 20)) # of the shared library, for check_binary.sh
