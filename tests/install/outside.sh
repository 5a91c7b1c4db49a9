#!/usr/bin/env bash
# A service outside the tree, built against the installed library, is put under a scenario with nothing but YAML: what
# docs/chaos.md says under "Your own service" is done as it stands there.
# usage: outside.sh SOURCE_DIR BUILD_DIR CC [FLAGS]
source=$1 build=$2 cc=$3 flags=${4:-}
. "$source/tests/install/lib.sh"
stage "$build"
quietly cmake --install "$build" --component Testing --prefix "$stage"
export PATH=$stage/bin:$PATH CMAKE_PREFIX_PATH=$stage CC=$cc CFLAGS=$flags

# The blocks of the section, in their order: sh.1 installs, which is done.
awk -v out="$work/" '
    /^## / { inside = $0 == "## Your own service" }
    inside && /^```(sh|yaml)$/ { kind = substr($0, 4); name = out kind "." ++count[kind]; next }
    /^```/ { name = "" }
    name != "" { print > name }' "$stage/share/doc/vow/docs/chaos.md"
sed -i "s|/usr/local|$stage|g" "$work"/sh.*

# step BLOCK STATUS: does what a block of the section says, and expects it to end so.
step() {
    local status=0
    bash -e "$work/$1" >"$work/log" 2>&1 || status=$?
    [ "$status" = "$2" ] || { cat "$work/log"; tail -n 20 run-*/logs/*.log; fail "$1 ends with status $status, not $2"; }
}
# says PATTERN FILE
says() {
    grep -qE "$1" "$2" || { cat "$2"; fail "$2 does not say '$1'"; }
}

mkdir "$work/home"
cd "$work/home"
step sh.2 0
cd transfer
cp "$work/yaml.1" transfer.yaml
step sh.3 0
says '^transfer: held' "$work/log"
says 'crashed +north: life 1 died at its crash point' "$work/log"
says 'ready +north: life 2 serves' "$work/log"
[ "$(sqlite3 -readonly run-1/nodes/south/south 'SELECT money FROM cash')" = 190 ] || fail "the archive has no databases"
echo "ok: killed at a crash point, and held"

# What pkg-config builds, too; and the library with crash points was met, which is another file than the installed one.
build_by_pkg_config . "$work/pkg-config"
sed 's|command: \["${programs}/bank", north|command: [sh, -c, '"'"'ldd "$0"; exec "$0" "$@"'"'"', "${programs}/bank", north|' \
    transfer.yaml >listed.yaml
quietly vow-chaos run listed.yaml --set programs="$work/pkg-config" --set away=10ms --out run-3
says "libvow.so.[0-9.]+ => $stage/libexec/vow/testing/libvow" run-3/logs/north.log
echo "ok: pkg-config"

# A link between two of them is cut and mended, and the load has done what it needs to.
cp "$work/yaml.2" transfer-cut.yaml
step sh.4 0
says '^transfer-cut: held' "$work/log"
says 'hit +north-to-vowd: CUT' "$work/log"
says '"found": 3' run-cut/verdict.json
sed 's/times: 3/times: 4/' transfer-cut.yaml >four.yaml
status=0
vow-chaos run four.yaml --out run-four >"$work/log" 2>&1 || status=$?
[ "$status" = 3 ] || { cat "$work/log"; fail "with a load that has done too little it ends with status $status"; }
says '^INVALID: load: has done too little: 3 of 4 lines with committed,' "$work/log"
echo "ok: a link that is cut"

step sh.5 1
says '^VIOLATED: south has got three times 30: ended with status 1' "$work/log"
says '"verdict": "violated"' run-2/verdict.json
echo "ok: a bank that loses money is found"

# What is wrong is told before anything is started.
sed 's/vowd.listen/vowd.listne/' transfer.yaml >wrong.yaml
status=0
vow-chaos run wrong.yaml --out run-4 >"$work/log" 2>&1 || status=$?
[ "$status" = 2 ] || fail "status $status"
says 'wrong.yaml:7:.*: there is no variable: "vowd.listne"' "$work/log"
[ ! -e run-4 ] || fail "run-4 was made"

# A scenario of the shop, by its name, where it is installed.
quietly vow-chaos run coordinator-dies-in-doubt --set rate=20 --set seconds=20 --set nth=40 --out run-5
vow-chaos list >"$work/list"
for scenario in "$source"/chaos/scenarios/*.yaml; do
    says "^  $(basename "$scenario" .yaml)$" "$work/list"
done
# compare finds one by its name, too: it reads the vars of this one.
status=0
vow-chaos compare coordinator-killed --set nonesuch=1 >"$work/log" 2>&1 || status=$?
[ "$status" = 2 ] || fail "compare ends with status $status"
says 'coordinator-killed.yaml:[0-9:]*: --set: there is no variable "nonesuch"' "$work/log"
echo "ok: the shop"
if grep -rE 'ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:' run-*/logs; then
    fail "a sanitizer has something to say"
fi
