#!/usr/bin/env bash
# The headers of the XCFramework: include/qask.h and its module map. They lie in a folder of their module's name, so that those of
# other frameworks in an app are not in their way; the compiler looks there. Usage: headers.sh OUT
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1/CQask"
cp ../../include/qask.h "$1/CQask/"
# The framework links itself.
grep -v 'link "qask"' Sources/CQask/module.modulemap >"$1/CQask/module.modulemap"
