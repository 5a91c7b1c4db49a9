#!/usr/bin/env bash
# Installs a build somewhere, builds examples/transfer and a C++ program against what is there, by CMake and by
# pkg-config, and runs them against the installed vowd.
# usage: consumer.sh SOURCE_DIR BUILD_DIR CC CXX [FLAGS]     FLAGS are the sanitizers that the build has
source=$1 build=$2 cc=$3 cxx=$4 flags=${5:-}
. "$source/tests/install/lib.sh"
stage "$build"

example=$stage/share/doc/vow/examples/transfer
build_by_cmake "$example" "$work/cmake"
build_by_pkg_config "$example" "$work/pkg-config"
start_vowd "$stage/bin"
run_transfer "$work/cmake" "find_package"
run_transfer "$work/pkg-config" "pkg-config"

# shellcheck disable=SC2046,SC2086
quietly "$cxx" $flags -std=c++17 -Wall -Wextra -Wpedantic -Werror -o "$work/hello" "$source/tests/install/hello.cc" \
    $(pkg-config --cflags --libs vow)
quietly "$work/hello" "$address"
echo "ok: C++"

# A version that is not this one must not be taken for it.
cat >"$work/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(versions LANGUAGES C)
foreach(version 0.2 1.0)
    find_package(vow ${version} QUIET)
    if(vow_FOUND)
        message(FATAL_ERROR "asked for ${version}, got ${vow_VERSION}")
    endif()
endforeach()
find_package(vow REQUIRED COMPONENTS vow)
find_package(vow QUIET COMPONENTS nonesuch)
if(vow_FOUND)
    message(FATAL_ERROR "there is no such component")
endif()
END
quietly cmake -S "$work" -B "$work/versions" -DCMAKE_PREFIX_PATH="$stage" -DCMAKE_C_COMPILER="$cc"
echo "ok: versions and components"

for page in vowd vowctl vow-bench vow-chaos; do
    [ -s "$stage/share/man/man1/$page.1" ] || fail "$page has no manual page"
    if command -v man >/dev/null; then
        warnings=$(man --warnings --local-file "$stage/share/man/man1/$page.1" 2>&1 >/dev/null)
        [ -z "$warnings" ] || fail "$page.1: $warnings"
    fi
done
if command -v systemd-analyze >/dev/null; then
    sed "s|^ExecStart=[^ ]*|ExecStart=$stage/bin/vowd|" "$stage/lib/systemd/system/vowd.service" >"$work/vowd.service"
    complaints=$(systemd-analyze verify --man=no "$work/vowd.service" 2>&1 | grep 'vowd.service' || true)
    [ -z "$complaints" ] || fail "vowd.service: $complaints"
fi
echo "ok: manual pages and service"
