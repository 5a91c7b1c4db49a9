#!/usr/bin/env bash
# Every scenario holds where it is installed.
# usage: scenarios.sh SOURCE_DIR BUILD_DIR
source=$1 build=$2
. "$source/tests/install/lib.sh"
stage "$build"
quietly cmake --install "$build" --component Testing --prefix "$stage"
count=0
# A program with a sanitizer ends when it gets no more memory.
has_sanitizer=$(grep -c '^VOW_SANITIZE:STRING=.' "$build/CMakeCache.txt" || true)
for scenario in "$stage"/share/vow/scenarios/*.yaml; do
    [ "$has_sanitizer" = 0 ] || [ "$(basename "$scenario")" != little-memory.yaml ] || continue
    quietly "$stage/bin/vow-chaos" run "$scenario" --out "$work/run-$count"
    count=$((count + 1))
    echo "ok: $(basename "$scenario" .yaml)"
done
[ "$count" -ge 12 ] || fail "only $count scenarios"
