#!/bin/sh
# A core reaches nothing but memory, strings and the pure half of proto/ (CONTRIBUTING.md): no I/O, clock, randomness,
# thread or allocation. Usage: purity.sh NM ARCHIVE...   Prints what is too much, and fails.
set -eu

nm=$1
shift
status=0
for archive in "$@"; do
    # Sanitizers and the stack protector call their own runtime; a fortified memcpy is memcpy.
    extra=$(
        {
            "$nm" --defined-only "$archive" | awk 'NF == 3 { print $3, "defined" }'
            "$nm" -u "$archive" | awk '$1 == "U" { print $2, "wanted" }'
        } | awk '
            $2 == "defined" { defined[$1] = 1 }
            $2 == "wanted" { wanted[$1] = 1 }
            END {
                for (name in wanted) {
                    if (!(name in defined)) {
                        print name
                    }
                }
            }' | grep -Ev '^(vow_.*|mem(cpy|set|cmp|move)|str(len|cmp|ncmp)|__mem(cpy|set|move)_chk|__stack_chk_fail|__(asan|ubsan|tsan)_.*|_GLOBAL_OFFSET_TABLE_)$' || true
    )
    if [ -n "$extra" ]; then
        echo "$archive reaches outside:"
        echo "$extra" | sort
        status=1
    fi
done
exit $status
