# What the tests of the installed library share. They say: source=SOURCE_DIR, then . lib.sh; all they make is in $work,
# and whatever they start ends with them.
set -euo pipefail
work=$(mktemp -d)
pids=()
clean_up() {
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean_up EXIT

fail() {
    printf 'FAILED: %s\n' "$*"
    exit 1
}

# Runs a command; what it prints is of interest only if it fails.
quietly() {
    "$@" >"$work/log" 2>&1 || { cat "$work/log"; fail "$*"; }
}

# stage BUILD_DIR: installs it in $stage. It is moved there after the installation: nothing in it may know its place.
stage() {
    stage=$work/stage
    quietly cmake --install "$1" --prefix "$work/elsewhere"
    mv "$work/elsewhere" "$stage"
    pc_dir=$(dirname "$(find "$stage" -name vow.pc)")
    export PKG_CONFIG_PATH=$pc_dir LD_LIBRARY_PATH=${pc_dir%/pkgconfig}
}

# build_by_cmake SOURCE_DIR OUT: with find_package, as a user would.
build_by_cmake() {
    quietly cmake -S "$1" -B "$2" -G Ninja -DCMAKE_PREFIX_PATH="$stage" -DCMAKE_C_COMPILER="$cc" -DCMAKE_C_FLAGS="$flags"
    quietly cmake --build "$2"
}

# build_by_pkg_config SOURCE_DIR OUT [--static]: every .c file is a program.
build_by_pkg_config() {
    local file libs
    mkdir "$2"
    libs=$(pkg-config --cflags --libs ${3:-} vow sqlite3)
    for file in "$1"/*.c; do
        # shellcheck disable=SC2086
        quietly "$cc" $flags -Wall -Wextra -Werror -o "$2/$(basename "$file" .c)" "$file" $libs
    done
}

# start_vowd BIN_DIR: on a free port; sets $address.
start_vowd() {
    mkdir -p "$work/vowd"
    : >"$work/vowd/ready" # the shell may not have made it when it is first looked at
    "$1/vowd" --listen 127.0.0.1:0 --http off --data "$work/vowd/data" >"$work/vowd/ready" 2>"$work/vowd/log" &
    pids+=($!)
    for ((tries = 0; tries < 600; tries++)); do
        address=$(sed -n 's/^ready .* listen=\([^ ]*\) .*/\1/p' "$work/vowd/ready")
        [ -z "$address" ] || return 0
        sleep 0.1
    done
    cat "$work/vowd/log"
    fail "vowd does not serve"
}

# again_until TEXT COMMAND...: runs it again until it prints TEXT. Between two runs others go on; 60 s are plenty.
again_until() {
    local wanted=$1 said=
    shift
    for ((tries = 0; tries < 600; tries++)); do
        said=$("$@" 2>&1) || true
        [ "$said" != "$wanted" ] || return 0
        sleep 0.1
    done
    fail "$* says '$said', never '$wanted'"
}

# run_transfer PROGRAMS_DIR NAME: two banks and a transfer with 100 on either side. Three times it commits, then the
# money is gone. A bank that has not connected yet, or still holds the row, makes it abort: then nothing happened.
run_transfer() {
    local dir bank banks=()
    dir=$(mktemp -d "$work/run.XXXXXX")
    for bank in north south; do
        (cd "$dir" && exec "$1/bank" "$bank" "$address") 2>"$dir/$bank.log" &
        banks+=($!)
        pids+=($!)
    done
    for ((i = 0; i < 3; i++)); do
        again_until "committed, cause: none" "$1/transfer" "$address"
    done
    again_until "aborted, cause: a constraint does not hold" "$1/transfer" "$address"
    again_until 10 sqlite3 -readonly "$dir/north" "SELECT money FROM cash"
    again_until 190 sqlite3 -readonly "$dir/south" "SELECT money FROM cash"
    kill "${banks[@]}"
    wait "${banks[@]}" 2>/dev/null || true
    if grep -E 'Sanitizer|runtime error:' "$dir"/*.log "$work/vowd/log"; then
        fail "a sanitizer has something to say"
    fi
    echo "ok: $2"
}
