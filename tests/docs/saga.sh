#!/usr/bin/env bash
# A saga of three steps is a program of at most 25 lines, and the guide shows it word by word.
# usage: saga.sh SOURCE_DIR
set -euo pipefail
cd "$1"
lines=$(wc -l <examples/saga.c)
[ "$lines" -le 25 ] || { echo "examples/saga.c has $lines lines, and promises at most 25"; exit 1; }
[ "$(grep -c '{size, ' examples/saga.c)" = 3 ] || { echo "examples/saga.c has not three steps"; exit 1; }
diff -u examples/saga.c <(awk '
    /^## / { inside = /^## Undo instead of wait/ }
    inside && /^```c$/ { listing = 1; next }
    /^```$/ { listing = 0 }
    listing { print }' docs/guide.md) || { echo "the listing in docs/guide.md is not examples/saga.c"; exit 1; }
echo "ok: $lines lines"
