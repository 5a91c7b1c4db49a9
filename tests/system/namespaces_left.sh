#!/usr/bin/env bash
# Nothing is left of a network of namespaces, however its run ends: by itself, by SIGINT, or by SIGKILL in the middle.
# usage: namespaces_left.sh VOW_CHAOS SCENARIO
set -euo pipefail
work=$(mktemp -d /var/tmp/vow-chaos-XXXXXX)
trap 'rm -rf "$work"' EXIT
ls /sys/class/net >"$work/devices"

# Who lives in one of them: a namespace whose last process, descriptor and mount have gone is none.
users_of() {
    local link
    for link in /proc/[0-9]*/ns/net; do
        grep -qxF "$(readlink "$link" 2>/dev/null)" "$1" && echo "$link"
    done
    grep -F -f "$1" /proc/self/mountinfo || true
}

# Who may not make them is told so, and nothing is begun.
status=0
setpriv --bounding-set=-sys_admin "$1" run "$2" --network namespaces --out "$work/no" >"$work/no.log" 2>&1 || status=$?
grep -q 'network namespaces cannot be had: .*CAP_SYS_ADMIN' "$work/no.log" || status=none
[ $status = 2 ] && [ ! -e "$work/no" ] || {
    cat "$work/no.log"
    echo "without rights: status $status"
    exit 1
}

for end in none INT KILL; do
    "$1" run "$2" --network namespaces --out "$work/$end" >"$work/$end.log" &
    run=$!
    until grep -q '"started","who":"load"' "$work/$end/timeline.jsonl" 2>/dev/null; do
        kill -0 $run || {
            cat "$work/$end.log"
            exit 1
        }
        sleep 0.05
    done
    # Those of the nodes, and the harness's own; none is ours.
    { sed -nE 's/.*"text":"life [0-9]+, pid ([0-9]+).*/\1/p' "$work/$end/timeline.jsonl"; echo $run; } |
        while read -r pid; do readlink "/proc/$pid/ns/net" || true; done | sort -u >"$work/$end.spaces"
    [ "$(wc -l <"$work/$end.spaces")" -ge 3 ] || { echo "too few namespaces: $(cat "$work/$end.spaces")"; exit 1; }
    ! grep -qxF "$(readlink /proc/self/ns/net)" "$work/$end.spaces" || { echo 'the machine is one of them'; exit 1; }
    [ $end = none ] || kill -$end $run
    status=0
    wait $run || status=$?
    case $end/$status in
    none/0 | INT/3 | KILL/137) ;;
    *)
        cat "$work/$end.log"
        echo "$end: status $status"
        exit 1
        ;;
    esac
    # Who dies with the harness does so a moment later.
    for ((i = 0; i < 200; i++)); do
        left=$(users_of "$work/$end.spaces")
        [ -n "$left" ] || break
        sleep 0.05
    done
    [ -z "$left" ] || { echo "$end: is left: $left"; exit 1; }
    ls /sys/class/net | diff "$work/devices" - || { echo "$end: a device is left"; exit 1; }
done
