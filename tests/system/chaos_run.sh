#!/usr/bin/env bash
# A scenario of real processes holds: all faults hit, and nothing is left of it.
# usage: chaos_run.sh VOW_CHAOS SCENARIO [FLAG...]
set -euo pipefail
work=$(mktemp -d /var/tmp/vow-chaos-XXXXXX)
trap 'rm -rf "$work"' EXIT
"$1" run "${@:2}" --out "$work/out" || {
    status=$?
    tail -n 20 "$work"/out/logs/*.log
    exit "$status"
}
# A run in which little has been done shows little.
grep -q '"needs"' "$work/out/verdict.json" || {
    echo 'the scenario does not say what its load needs to have done'
    exit 1
}
# Nor does one whose work may have been undone: no line that tells of that has in it what is looked for.
grep -o '"text": ".*"' "$work/out/verdict.json" | sed 's/^"text": "//; s/"$//; s/\\"/"/g' | while read -r text; do
    for undone in '"outcome":"compensated"' '"outcome":"aborted","tries"' '"outcome":"unknown","tries"'; do
        [[ $undone != *"$text"* ]] || {
            echo "the load needs lines with $text, and may have undone all of it"
            exit 1
        }
    done
done
if grep -rE 'ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:' "$work/out/logs"; then
    exit 1
fi
# No process has the archive's folder in its command line or as its own.
if pgrep --full "$work" --list-full; then
    echo 'a process is left'
    exit 1
fi
