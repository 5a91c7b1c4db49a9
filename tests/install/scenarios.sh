#!/usr/bin/env bash
# Every scenario holds where it is installed.
# usage: scenarios.sh SOURCE_DIR BUILD_DIR
source=$1 build=$2
. "$source/tests/install/lib.sh"
stage "$build"
quietly cmake --install "$build" --component Testing --prefix "$stage"
count=0
for scenario in "$stage"/share/vow/scenarios/*.yaml; do
    quietly "$stage/bin/vow-chaos" run "$scenario" --out "$work/run-$count"
    count=$((count + 1))
    echo "ok: $(basename "$scenario" .yaml)"
done
[ "$count" -ge 12 ] || fail "only $count scenarios"
