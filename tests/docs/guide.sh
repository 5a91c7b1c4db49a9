#!/usr/bin/env bash
# The C code of docs/guide.md, a program for each section that has a main(), is compiled against the installed library as
# it stands there. The first two are run: a participant, and a client that buys all it has.
# usage: guide.sh SOURCE_DIR BUILD_DIR CC [FLAGS]
source=$1 build=$2 cc=$3 flags=${4:-}
. "$source/tests/install/lib.sh"
stage "$build"

awk -v out="$work/" '
    /^## / { name = tolower(substr($0, 4)); gsub(/[^a-z0-9]+/, "-", name) }
    /^```c$/ { inside = 1; next }
    /^```$/ { inside = 0 }
    inside { print > (out name ".c") }' "$source/docs/guide.md"
for program in $(grep -l '^int main(' "$work"/*.c); do
    # shellcheck disable=SC2086,SC2046
    quietly "$cc" $flags -std=gnu17 -Wall -Wextra -Werror -c -o "${program%.c}.o" "$program" $(pkg-config --cflags vow)
    echo "ok: $(basename "$program")"
done
for name in embed-a-participant call-from-a-client; do
    # shellcheck disable=SC2086,SC2046
    quietly "$cc" $flags -o "$work/$name" "$work/$name.o" $(pkg-config --libs vow sqlite3)
done

start_vowd "$stage/bin"
cd "$work"
./embed-a-participant "$address" 2>participant.log &
participant=$!
pids+=("$participant")
for ((pears = 0; pears < 10; pears++)); do
    # The first try may come before the participant is connected; what is aborted has not happened.
    for ((tries = 0; tries < 60; tries++)); do
        ! ./call-from-a-client "$address" pear >log 2>&1 || break
        grep -q '^aborted ' log || fail "pear $pears: $(cat log)"
    done
    grep -q '^committed ' log || fail "pear $pears: $(cat log)"
done
for item in pear plum; do
    if ./call-from-a-client "$address" "$item" >log 2>&1; then
        fail "there is no $item, and it says: $(cat log)"
    fi
    grep -q '^aborted ' log || fail "$item: $(cat log)"
done
again_until 0 sqlite3 -readonly stock.db "SELECT pieces FROM item WHERE name = 'pear'"
kill "$participant"
status=0
wait "$participant" || status=$?
[ "$status" = 0 ] || { cat participant.log; fail "the participant ended with status $status"; }
echo "ok: run"
