#!/usr/bin/env bash
# The library for tests of services, installed beside libvow and found by CMake: the worked example is built against it,
# and runs.
# usage: testing.sh SOURCE_DIR BUILD_DIR CC [FLAGS]
source=$1 build=$2 cc=$3 flags=${4:-}
. "$source/tests/install/lib.sh"
stage "$build"
quietly cmake --install "$build" --component Testing --prefix "$stage"
mkdir "$work/user" "$work/files"
cp "$source"/examples/bank/*.[ch] "$work/user"
cat >"$work/user/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(bank_test LANGUAGES C)
find_package(vow REQUIRED COMPONENTS testing_world)
add_executable(bank-test bank.c bank_test.c)
target_link_libraries(bank-test PRIVATE vow::testing_world)
END
build_by_cmake "$work/user" "$work/out"
quietly "$work/out/bank-test" "$work/files"
# A name that users do not know must not be in the way of one of theirs.
strange=$(nm --defined-only --extern-only "$(find "$stage" -name libvow_testing_world.a)" |
    awk 'NF == 3 && $3 !~ /^vow_/ { print $3 }')
[ -z "$strange" ] || fail "the archive shows names of its own: $strange"
echo "ok"
