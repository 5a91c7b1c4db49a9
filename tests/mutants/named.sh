#!/usr/bin/env bash
# Each planted bug names a test that there is. A filter that fits none lets every bug pass, and only the nightly run of the
# mutants would say so, after hours.
# usage: named.sh FOLDER     of the test programs, which are built
set -euo pipefail
shopt -s extglob # Criterion's patterns
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:?named.sh wants the folder of the test programs}
declare -A tests # of each program, SUITE/NAME a line
wrong=0

complain() { echo "$1" && wrong=$((wrong + 1)); }

list() {
    local line suite='' name
    while IFS= read -r line; do
        name=${line##*[─ ]}
        case $line in
        *': '*test*) suite=${line%%: *} ;;
        *'── '*) echo "$suite/$name" ;;
        esac
    done < <("$folder/$1" --list)
}

fits() {
    local test
    while IFS= read -r test; do
        # shellcheck disable=SC2053 # a pattern
        [[ $test != $2 ]] || return 0
    done <<<"${tests[$1]}"
    return 1
}

while IFS= read -r command; do
    program=${command%% *} filter=${command#* --filter }
    if [ ! -x "$folder/$program" ]; then
        complain "there is no test program $program"
        continue
    fi
    [ "$filter" != "$command" ] || continue
    [ -n "${tests[$program]+set}" ] || tests[$program]=$(list "$program")
    filter=${filter%% *} filter=${filter//[\'\"]/}
    fits "$program" "$filter" || complain "$program has no test $filter, which planted bugs name"
done < <(grep -hm 1 '^Caught-by: ' "$here"/*.patch | sed 's/^Caught-by: //' | sort -u)
while IFS= read -r patch; do
    complain "$(basename "$patch") does not say what must fail (Caught-by)"
done < <(grep -L '^Caught-by: ' "$here"/*.patch)
[ "$wrong" = 0 ] && echo "each planted bug names a test that there is"
