#!/usr/bin/env bash
# What a shim must be: nothing exported but JNI_OnLoad and what the worker calls, and segments on 16 KiB. Usage: check_native.sh FILE [hooks]
set -euo pipefail
allowed='^JNI_OnLoad$|^qask_worker_run$'
[ "${2:-}" = hooks ] && allowed+='|^Java_'
stray=$(nm -D --defined-only "$1" | awk '{print $NF}' | grep -vE "$allowed" || true)
[ -z "$stray" ] || { echo "$1 exports $stray" >&2; exit 1; }
for name in JNI_OnLoad qask_worker_run; do
    nm -D --defined-only "$1" | grep -q " $name$" || { echo "$1 has no $name" >&2; exit 1; }
done
small=$(readelf -lW "$1" | awk '$1=="LOAD" {print $NF}' | grep -vE '^0x([48]000|[1-9a-f]0{4,})$' || true)
[ -z "$small" ] || { echo "$1 has segments that are aligned to $small, not 16 KiB" >&2; exit 1; }
