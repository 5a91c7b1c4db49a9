#!/usr/bin/env bash
# vow-chaos as a user meets it: a sweep holds, is the same twice and in any number of processes, and with another
# compiler; its exit codes.
# usage: simulator.sh SEEDS VOW_CHAOS [VOW_CHAOS...]    with several builds, the first runs all, the others a tenth
set -euo pipefail
seeds=$1 first=$2
shift 2
fail() { echo "simulator: $*" >&2; exit 1; }
expect() { # STATUS ARGUMENTS...
    local wanted=$1 status=0
    shift
    "$first" "$@" >/dev/null 2>&1 </dev/null || status=$?
    [ "$status" -eq "$wanted" ] || fail "vow-chaos $* ended with $status, not $wanted"
}
sweep() { # PROGRAM SEEDS JOBS: prints the hash
    local out
    out=$("$1" sim --protocol all --seeds "1..$2" --jobs "$3" --json) || fail "$1 sim --seeds 1..$2: $out"
    sed -n 's/.*"hash":"\([0-9a-f]*\)".*/\1/p' <<<"$out"
}

expect 0 --help
expect 0 --version
expect 0 list
expect 0 sim --help
expect 2
expect 2 nothing
expect 2 sim --seeds 5..1
expect 2 sim --seeds 1..x
expect 2 sim --jobs 0
expect 2 sim --protocol 3pc
expect 2 sim --trace --seeds 1..2
expect 2 sim more
expect 0 sim --seeds 3 --trace
expect 0 sim --shrink 3
expect 0 sim --protocol saga --seeds 3 --trace
expect 2 sim --shrink /nothing.scenario
expect 2 sim --replay /nothing.scenario
expect 2 sim --runs 0

# What nobody can read proves nothing.
for flags in "--seeds 3" "--seeds 3 --json" "--seeds 3 --trace"; do
    status=0
    # shellcheck disable=SC2086 # several flags
    said=$("$first" sim $flags 2>&1 >/dev/full) || status=$?
    [[ $status -eq 2 && $said == *stdout* ]] || fail "sim $flags >/dev/full ended with $status: $said"
done

part=$((seeds / 10 > 0 ? seeds / 10 : 1))
hash=$(sweep "$first" "$part" 1)
[ "${#hash}" -eq 16 ] || fail "no hash in the JSON"
for program in "$first" "$@"; do
    other=$(sweep "$program" "$part" 3)
    [ "$other" = "$hash" ] || fail "seeds 1..$part: hash $other with $program, $hash with $first"
done
"$first" sim --protocol all --seeds "1..$seeds" || fail "seeds 1..$seeds"
