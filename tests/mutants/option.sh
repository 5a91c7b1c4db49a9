#!/usr/bin/env bash
# -DVOW_MUTANT=NAME builds programs that have the bug, and leaves the sources as they are.
# usage: option.sh SOURCE_DIR
set -euo pipefail
source=$1 name=ack-before-force
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
fail() { echo "mutants: $*" >&2; exit 1; }

cmake --preset release -S "$source" -B "$build" -DVOW_MUTANT="$name" >"$build/log" 2>&1 ||
    { cat "$build/log"; fail "VOW_MUTANT=$name cannot be configured"; }
ninja -C "$build" vow-chaos >"$build/log" 2>&1 || { tail -20 "$build/log"; fail "VOW_MUTANT=$name does not build"; }
status=0
"$build/mutant/bin/vow-chaos" sim --first --seeds 1..100 >"$build/log" 2>&1 || status=$?
[ "$status" -eq 1 ] || fail "the build with $name ended with $status, not 1"
! cmake --preset release -S "$source" -B "$build/none" -DVOW_MUTANT=nothing-of-the-kind >"$build/log" 2>&1 ||
    fail "a mutant that is not there is built"
