#!/usr/bin/env bash
# Every function, struct, field, value and macro of the public headers has a word said of it, and doxygen understands all
# that is said.
# usage: api.sh DOXYGEN DOXYFILE
set -euo pipefail
doxygen=$1 doxyfile=$2
if ! command -v "$doxygen" >/dev/null; then
    echo "skipped: doxygen is not there (scripts/setup --dev)"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
    cat "$doxyfile"
    echo "OUTPUT_DIRECTORY = $work"
} >"$work/Doxyfile"
"$doxygen" "$work/Doxyfile" || {
    echo "Say it in the header, in a plain comment before the declaration or behind it on its line."
    exit 1
}

# Values of enums are what this doxygen does not look at.
filter=$(sed -n 's/^INPUT_FILTER *= *//p' "$doxyfile")
for root in $(sed -n 's/^STRIP_FROM_PATH *= *//p' "$doxyfile"); do
    find -L "$root" -name '*.h'
done | while read -r header; do
    "$filter" "$header" | awk -v header="$header" '
        /^enum .*\{/ { inside = 1; next }
        /^\}/ { inside = 0 }
        inside && /^ *VOW_/ && (!/\/\*\*</ && !said || /, *VOW_.*,/) { print header ": not a word of" $0; bad = 1 }
        { said = /\*\/ *$/ && !/\/\*\*</ }
        END { exit bad }' || exit 1
done

# That the comments were found at all, and the lists of *.def with them.
for text in 'The client: starts transactions and hears how they end' 'the limit of work in flight is reached'; do
    grep -rqF "$text" "$work/html" || { echo "the HTML does not say: $text"; exit 1; }
done
