#!/usr/bin/env bash
# A storm of vow-chaos holds, and leaves nothing behind.
# usage: storm.sh VOW_CHAOS FLAG...
set -euo pipefail
work=$(mktemp -d /var/tmp/vow-storm-XXXXXX)
trap 'rm -rf "$work"' EXIT
"$1" storm "${@:2}" --out "$work/out" || {
    status=$?
    find "$work/out" -name '*.log' -exec tail -n 20 {} +
    exit "$status"
}
# No process has the archive's folder in its command line or as its own.
if pgrep --full "$work" --list-full; then
    echo 'a process is left'
    exit 1
fi
