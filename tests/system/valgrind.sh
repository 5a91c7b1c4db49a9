#!/usr/bin/env bash
# A demo-sized run with vowd under valgrind: no error, no byte definitely or possibly lost, when it has drained.
# usage: valgrind.sh SOURCE_DIR BIN_DIR ORDERS     (BIN_DIR: programs built without sanitizers)
set -euo pipefail
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
for program in "$2"/*; do
    ln -s "$program" "$bin/"
done
rm "$bin/vowd"
cat >"$bin/vowd" <<WRAPPER
#!/bin/sh
exec valgrind --quiet --leak-check=full --show-leak-kinds=definite,possible --errors-for-leak-kinds=definite,possible \\
    --error-exitcode=99 --log-file="$bin/valgrind.%p" "$2/vowd" "\$@"
WRAPPER
chmod +x "$bin/vowd"
output=$("$1/scripts/demo" --no-compare --bin "$bin" --orders "$3") || {
    echo "$output"
    cat "$bin"/valgrind.*
    exit 1
}
tail -n 15 <<<"$output"
cat "$bin"/valgrind.*
! grep -q . "$bin"/valgrind.*
rm -rf "$(dirname "$(sed -n 's/^Report: //p' <<<"$output")")"
echo "valgrind: nothing to say"
