#!/usr/bin/env bash
# CQask.xcframework, for the package in this folder: the static library for iOS devices, iOS simulators and macOS. Needs a Mac with
# Xcode and rustup. Settings: IOS (16.0) and MACOS (13.0), the oldest systems. Never run with a real Xcode so far: check.sh runs it
# with stand-ins for Apple's tools.
set -euo pipefail
cd "$(dirname "$0")/../../.."
die() {
    echo "make xcframework: $*" >&2
    exit 1
}
[ "$(uname -s)" = Darwin ] || die 'needs macOS with Xcode: only Apple'"'"'s tools make an XCFramework'
xcodebuild -version >/dev/null 2>&1 || die 'needs Xcode 16 or newer: install it, then "xcode-select --switch" to it'
command -v rustup >/dev/null || die 'needs rustup, for the standard library of Apple'"'"'s targets'
command -v cmake >/dev/null || die 'needs CMake: brew install cmake'
export IPHONEOS_DEPLOYMENT_TARGET=${IOS:-16.0} MACOSX_DEPLOYMENT_TARGET=${MACOS:-13.0}
out=$PWD/target/apple
rm -rf "$out/slices"
mkdir -p "$out/slices"

# Only the functions of the header may show: two copies of llama.cpp in one app would otherwise be one.
grep -oE '\bqask_[a-z0-9_]+\(' include/qask.h | tr -d '(' | sort -u | sed 's/^/_/' >"$out/names"

library() { # Rust's target, Apple's SDK, its architecture, the linker's platform, the oldest system
    local target=$1 sdk=$2 arch=$3 platform=$4 oldest=$5 made=$out/slices/$1
    rustup target add "$target"
    env RUSTFLAGS='' CARGO_TARGET_DIR="$out/cargo" GGML_OPENMP=OFF GGML_METAL_EMBED_LIBRARY=ON \
        CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
        cargo rustc --lib --release --features capi,metal --crate-type staticlib --target "$target"
    mkdir -p "$made"
    # One object with every other symbol made local.
    # shellcheck disable=SC2046
    xcrun --sdk "$sdk" ld -r -arch "$arch" -platform_version "$platform" "$oldest" "$(xcrun --sdk "$sdk" --show-sdk-version)" \
        -exported_symbols_list "$out/names" $(sed 's/^/-u /' "$out/names") "$out/cargo/$target/release/libqask.a" -o "$made/qask.o"
    xcrun --sdk "$sdk" libtool -static -o "$made/libqask.a" "$made/qask.o"
    rm "$made/qask.o"
}
both() { # name, two of Rust's targets: one file for both architectures
    mkdir -p "$out/slices/$1"
    lipo -create "$out/slices/$2/libqask.a" "$out/slices/$3/libqask.a" -output "$out/slices/$1/libqask.a"
}

library aarch64-apple-ios iphoneos arm64 ios "$IPHONEOS_DEPLOYMENT_TARGET"
library aarch64-apple-ios-sim iphonesimulator arm64 ios-simulator "$IPHONEOS_DEPLOYMENT_TARGET"
library x86_64-apple-ios iphonesimulator x86_64 ios-simulator "$IPHONEOS_DEPLOYMENT_TARGET"
library aarch64-apple-darwin macosx arm64 macos "$MACOSX_DEPLOYMENT_TARGET"
library x86_64-apple-darwin macosx x86_64 macos "$MACOSX_DEPLOYMENT_TARGET"
both simulator aarch64-apple-ios-sim x86_64-apple-ios
both macos aarch64-apple-darwin x86_64-apple-darwin

rm -rf "$out/Headers" "$out/CQask.xcframework"
bindings/swift/tools/headers.sh "$out/Headers"
libraries=()
for slice in aarch64-apple-ios simulator macos; do
    libraries+=(-library "$out/slices/$slice/libqask.a" -headers "$out/Headers")
done
xcodebuild -create-xcframework "${libraries[@]}" -output "$out/CQask.xcframework"
rm -rf bindings/swift/CQask.xcframework
cp -R "$out/CQask.xcframework" bindings/swift/
echo 'bindings/swift/CQask.xcframework: the package takes the library from there now'
du -sh bindings/swift/CQask.xcframework/*
