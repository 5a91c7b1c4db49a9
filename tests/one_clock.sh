#!/usr/bin/env bash
# Time comes from proto/net/clock.c, and timers are armed in proto/net/timer.c: only so can a test move time by hand
# (<vow/testing.h>). Real waits, with a bound, are in the few files named here; a sweep of the simulator is timed.
# usage: one_clock.sh SOURCE_DIR
set -euo pipefail
cd "$1"
found=$(grep -rnE '\b(evtimer_(new|add|assign)|clock_gettime|gettimeofday|timerfd_create|usleep|nanosleep)\(|[^_a-z]time\(NULL\)' \
    --include='*.[ch]' proto coordinator participant chaos |
    grep -vE '^proto/net/(clock|timer|worker)\.[ch]:|^participant/(participant|store/answers|testing/life)\.c:|^chaos/(sim/sweep|kill/clock|preload/[a-z_]*|proxy/clock|netns/clock)\.c:' || true)
if [[ -n $found ]]; then
    echo "a clock or a timer beside proto/net/clock.c and proto/net/timer.c:"
    echo "$found"
    exit 1
fi
