#!/usr/bin/env bash
# The transfer in the README is the one that is built and run, word by word, and has at most 40 lines of C in all.
# usage: readme.sh SOURCE_DIR
set -euo pipefail
source=$1
cd "$source"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
files=(examples/transfer/bank.c examples/transfer/transfer.c)

# The C listings of the section, one file each.
awk -v out="$work/" '
    /^## / { inside = /^## A transfer/ }
    !inside { next }
    /^```c$/ { count += 1; listing = out count; next }
    /^```$/ { listing = ""; next }
    listing != "" { print > listing }' README.md

for ((i = 0; i < ${#files[@]}; i++)); do
    diff -u "${files[i]}" "$work/$((i + 1))" || {
        echo "the listing of ${files[i]} in README.md is not that file"
        exit 1
    }
done
[ ! -e "$work/$((${#files[@]} + 1))" ] || { echo "README.md lists more than ${files[*]}"; exit 1; }
[ "$(find examples/transfer -name '*.c' | wc -l)" = "${#files[@]}" ] || { echo "a file is not in README.md"; exit 1; }
lines=$(cat examples/transfer/*.c | wc -l)
[ "$lines" -le 40 ] || { echo "the transfer has $lines lines, and promises at most 40"; exit 1; }
echo "ok: $lines lines"
