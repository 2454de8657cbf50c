#!/usr/bin/env bash
# What can be said of xcframework.sh without Xcode: it says that it needs one; with stand-ins for Apple's tools it runs to its end,
# makes a slice for each platform, and its headers are a module that Swift finds. Usage: test_xcframework.sh WORK
set -euo pipefail
mkdir -p "$1"
work=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
fail() {
    echo "bindings/swift: $*" >&2
    exit 1
}

if [ "$(uname -s)" != Darwin ]; then
    if "$here/xcframework.sh" >"$work/log" 2>&1; then fail 'make xcframework without Xcode succeeded'; fi
    grep -q 'needs macOS with Xcode' "$work/log" || { cat "$work/log" >&2; fail 'make xcframework does not say that Xcode is missing'; }
fi

# A copy of what it reads, so that nothing lies about in the repository.
copy=$work/repository
rm -rf "$copy" "$work/bin"
mkdir -p "$copy/bindings/swift/Sources" "$work/bin"
cp -R "$here/../../../include" "$copy/"
cp -R "$here" "$copy/bindings/swift/tools"
cp -R "$here/../Sources/CQask" "$copy/bindings/swift/Sources/"
# Each notes its words; those that make a file make one.
cat >"$work/bin/stand-in" <<'END'
#!/usr/bin/env bash
name=$(basename "$0")
echo "$name $*" | cut -c1-400 >>"$CALLS"
case "$name $*" in
uname*) echo Darwin ;;
*show-sdk-version*) echo 18.0 ;;
cargo*--target*) mkdir -p "$CARGO_TARGET_DIR/${!#}/release" && echo "${!#}" >"$CARGO_TARGET_DIR/${!#}/release/libqask.a" ;;
*-create-xcframework*)
    mkdir -p "${!#}"
    while [ $# -gt 1 ]; do
        case $1 in
        -library) slice=$(basename "$(dirname "$2")") && mkdir -p "${!#}/$slice" && cp "$2" "${!#}/$slice/" ;;
        -headers) cp -R "$2" "${!#}/$slice/" ;;
        esac
        shift
    done
    ;;
*)
    while [ $# -gt 1 ]; do
        case $1 in -o | -output) echo "$name" >"$2" ;; esac
        shift
    done
    ;;
esac
END
chmod +x "$work/bin/stand-in"
for tool in uname xcodebuild rustup cmake cargo xcrun lipo; do ln -s stand-in "$work/bin/$tool"; done
CALLS=$work/calls
: >"$CALLS"
env CALLS="$CALLS" PATH="$work/bin:$PATH" "$copy/bindings/swift/tools/xcframework.sh" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail 'make xcframework with stand-ins failed'; }
framework=$copy/bindings/swift/CQask.xcframework
for slice in aarch64-apple-ios simulator macos; do
    [ -s "$framework/$slice/libqask.a" ] || fail "the XCFramework has no $slice"
    cmp -s "$framework/$slice/Headers/CQask/qask.h" "$copy/include/qask.h" || fail "the header of $slice is another one"
done
[ "$(grep -c '^xcrun .*-exported_symbols_list' "$CALLS")" = 5 ] || { cat "$CALLS" >&2; fail 'not five slices that hide their symbols'; }
for platform in 'ios 16.0' 'ios-simulator 16.0' 'macos 13.0'; do
    grep -q "platform_version $platform 18.0" "$CALLS" || fail "no slice for $platform"
done

# The headers are a module that Swift finds.
echo 'import CQask
let error: Int32 = QASK_ERR_BUSY
let call: (OpaquePointer?) -> Void = qask_model_free' >"$work/probe.swift"
MOUNTS=$work "$here/swift.sh" swiftc -typecheck -swift-version 6 -I "$framework/macos/Headers" "$work/probe.swift" ||
    fail 'the headers of the XCFramework are no module'
