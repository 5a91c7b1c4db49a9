#!/usr/bin/env bash
# Every public header alone, as C17 and as C++17, without a warning; and none shows a library that Vow happens to use.
# usage: headers.sh SOURCE_DIR BUILD_DIR CC CXX
source=$1 build=$2 cc=$3 cxx=$4
. "$source/tests/install/lib.sh"
stage "$build"
cd "$stage/include"
count=0
for header in $(find vow -name '*.h' | sort); do
    warnings=(-Wall -Wextra -Wpedantic -Wundef -Werror -fsyntax-only -I .)
    printf '#include <%s>\nextern int alone;\n' "$header" >"$work/alone.c"
    cp "$work/alone.c" "$work/alone.cc"
    quietly "$cc" -std=c17 -Wstrict-prototypes "${warnings[@]}" "$work/alone.c"
    quietly "$cxx" -std=c++17 "${warnings[@]}" "$work/alone.cc"
    count=$((count + 1))
done
[ "$count" -ge 10 ] || fail "only $count headers"

# The C library's and our own. <vow/sqlite.h> is for those who use SQLite's own types.
others=$(grep -rE '^ *# *include' vow --include='*.h' |
    grep -vE 'include (<vow/|"[a-z_]+\.(h|def)"|<(stdarg|stdbool|stddef|stdint|time|sys/time)\.h>)' |
    grep -vE '^vow/sqlite\.h:#include <sqlite3\.h>' || true)
[ -z "$others" ] || fail "public headers include what is not ours: $others"
echo "ok: $count headers"
