#!/usr/bin/env bash
# A comparison that ends early takes its run along, and the command that it shows repeats it.
# usage: compare_ended.sh VOW_CHAOS
set -euo pipefail
work=$(mktemp -d /var/tmp/vow-compare-XXXXXX)
trap 'rm -rf "$work"' EXIT
printf '%s\n' 'teaches: t' 'vars: {protocol: 2pc, note: none, what: sleep 1000}' 'nodes: [{name: a, command: [sleep, "1000"], exit_status: 143}]' \
    'load: {command: [sh, -c, "exec ${what}"]}' >"$work/s.yaml"
fail() {
    echo "compare: $*"
    exit 1
}
# end SIGNAL: sends it while the load works; the run says that it was interrupted, and leaves nothing.
end() {
    local out=$work/$1 status=0
    "$vow_chaos" compare "$work/s.yaml" --arms 2pc --runs 2 --out "$out" >"$out.log" 2>&1 &
    until grep -q 'the load works' "$out/runs/2pc-1/timeline.jsonl" "$out/runs/2pc-2/timeline.jsonl" 2>/dev/null; do :; done
    kill -s "$1" "$!"
    wait "$!" 2>/dev/null || status=$?
    [ "$status" = "$2" ] || fail "status $status of one that got $1"
    until cat "$out"/runs/2pc-?/verdict.json 2>/dev/null | grep -q '^}'; do :; done
    grep -q '"interrupted"' "$out"/runs/2pc-?/verdict.json || fail "the run of one that got $1 was not interrupted"
    [ "$(ls "$out/runs" | grep -c 'log$')" = 1 ] || fail "one that got $1 made another run"
    while pgrep --full "$out" >/dev/null; do :; done
}
vow_chaos=$1
end TERM 3
end HUP 3
end KILL 137
# Nothing can be measured, but there is a report, though nobody reads more than a line; and in it the command.
words=("$work/s.yaml" --arms 2pc --runs 1 --set 'what=true' --set "note=it's \$a \"b\"" --out "$work/it's")
"$vow_chaos" compare "${words[@]}" 2>/dev/null | head -n 0 || true
command=$(sed -n 's/^ *"command": "\(.*\)",$/\1/p' "$work/it's/results.json" | sed 's/\\\(.\)/\1/g')
eval "said=(${command#vow-chaos compare })"
[ "${said[*]}" = "${words[*]}" ] || fail "was called with ${words[*]}, and says ${said[*]}"
