#!/usr/bin/env bash
# The library as an archive, and as a folder of another project.
# usage: static.sh SOURCE_DIR BIN_DIR CC     BIN_DIR has a vowd to run against
source=$1 bin=$2 cc=$3 flags=
. "$source/tests/install/lib.sh"

quietly cmake -S "$source" -B "$work/build" -G Ninja -DCMAKE_C_COMPILER="$cc" -DBUILD_SHARED_LIBS=OFF -DVOW_TESTS=OFF \
    -DVOW_PROGRAMS=OFF -DVOW_WARNINGS_AS_ERRORS=ON
quietly cmake --build "$work/build"
stage "$work/build"
archive=$(find "$stage" -name libvow.a)
[ -n "$archive" ] || fail "there is no libvow.a"
# A name that users do not know must not be in the way of one of theirs.
nm --defined-only --extern-only "$archive" | awk 'NF == 3 { print $3 }' | sort >"$work/names"
cut -s -d' ' -f1 "$source/packaging/vow.symbols" | grep -v '^#' | sort | diff - "$work/names" ||
    fail "the archive shows other names than packaging/vow.symbols lists"
echo "ok: names"

start_vowd "$bin"
build_by_cmake "$stage/share/doc/vow/examples/transfer" "$work/cmake"
run_transfer "$work/cmake" "find_package, static"
build_by_pkg_config "$stage/share/doc/vow/examples/transfer" "$work/pkg-config" --static
run_transfer "$work/pkg-config" "pkg-config --static"

quietly cmake -S "$source/tests/install/subdirectory" -B "$work/outer" -G Ninja -DCMAKE_C_COMPILER="$cc" \
    -DVOW_SOURCE="$source" -DBUILD_SHARED_LIBS=ON
quietly cmake --build "$work/outer"
unset LD_LIBRARY_PATH
run_transfer "$work/outer/transfer" "add_subdirectory, shared"
[ -z "$(find "$work/outer" -name vowd -type f)" ] || fail "a project that embeds the library builds vowd, too"
quietly cmake --install "$work/outer" --prefix "$work/outer-stage"
[ ! -e "$work/outer-stage/include" ] || fail "a project that embeds the library installs its headers, too"
