#!/usr/bin/env bash
# What a shared library shows is what its list says: no more, no less.
# usage: abi.sh NM LIBRARY LIST
set -euo pipefail
export LC_ALL=C
nm=$1 library=$2 list=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$nm" -D --defined-only --with-symbol-versions "$library" | awk '$2 != "A" { sub(/@@?/, " ", $3); print $3 }' |
    sort >"$work/shown"
grep -v '^#' "$list" | sort >"$work/listed"
comm -23 "$work/shown" "$work/listed" >"$work/new"
comm -13 "$work/shown" "$work/listed" >"$work/gone"
if [ -s "$work/new" ]; then
    echo "These functions are shown by $(basename "$library") and are not in $list:"
    sed 's/^/    /' "$work/new"
    echo "If users are meant to call them, add these lines to $list, in the order of sort."
    echo "If not, take VOW_EXPORT away: what is in the list can never be taken out again."
fi
if [ -s "$work/gone" ]; then
    echo "These functions are in $list and $(basename "$library") does not show them:"
    sed 's/^/    /' "$work/gone"
    echo "A program that calls one would not start any more. Give it back: the declaration needs VOW_EXPORT."
    echo "To take it away for good, the next release needs another SOVERSION (CONTRIBUTING.md, Public headers and the ABI)."
fi
if [ -s "$work/new" ] || [ -s "$work/gone" ]; then
    exit 1
fi
sort -c <(grep -v '^#' "$list") || { echo "$list is not in order"; exit 1; }
echo "ok: $(wc -l <"$work/shown") functions"
