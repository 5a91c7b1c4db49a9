#!/usr/bin/env bash
# scripts/demo on the programs of this build tree: the books balance, and no sanitizer has a word to say in any log.
# usage: demo.sh SOURCE_DIR BIN_DIR ORDERS [PROTOCOL [FLAG...]]
set -euo pipefail
output=$("$1/scripts/demo" --no-compare --bin "$2" --orders "$3" --protocol "${4:-2pc}" "${@:5}") || {
    echo "$output"
    exit 1
}
echo "$output" | tail -n 15
out=$(dirname "$(sed -n 's/^Report: //p' <<<"$output")")
if grep -rE 'ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:' "$out"; then
    exit 1
fi
rm -rf "$out"
