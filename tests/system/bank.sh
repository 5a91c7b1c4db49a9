#!/usr/bin/env bash
# The worked example of a service's test: bank.sh BIN_DIR [--all]. No sanitizer has a word to say either.
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
if ! "$1/bank-test" "$directory" "${@:2}" 2>"$directory/log"; then
    grep -v '^ts=' "$directory/log" | tail -n 40
    exit 1
fi
if grep -E 'ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:' "$directory/log"; then
    exit 1
fi
