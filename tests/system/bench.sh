#!/usr/bin/env bash
# vow-bench runs, prints JSON with the keys that scripts read, and keeps to the row: 8 messages and 1 forced record of the
# coordinator for a transaction of two participants, n + 1 forced records for a saga of n steps. Says nothing about speed.
# usage: bench.sh BIN_DIR
set -euo pipefail

# value KEY JSON: of the subject "vow", which stands first.
value() {
    sed -n "s/^ *\"$1\": \([0-9.]*\),\{0,1\}$/\1/p" <<<"$2" | head -n 1
}

# between LOW KEY HIGH JSON
between() {
    local found
    found=$(value "$2" "$4")
    awk -v low="$1" -v found="$found" -v high="$3" 'BEGIN { exit !(found != "" && found >= low && found <= high) }' || {
        echo "$2 is \"$found\", not $1 to $3, in: $4"
        exit 1
    }
}

# has_keys JSON KEY...
has_keys() {
    local json=$1 key
    shift
    for key; do
        grep -q "\"$key\"" <<<"$json" || {
            echo "no $key in: $json"
            exit 1
        }
    done
}

# What was measured, and nobody can read, is a failure.
said=$("$1/vow-bench" --clients 8 --seconds 1 --rounds 1 --json 2>&1 >/dev/full) && status=0 || status=$?
[[ $status -eq 1 && $said == *"stdout cannot be written"* ]] || {
    echo "vow-bench >/dev/full ended with $status: $said"
    exit 1
}

for store in null sqlite; do
    json=$("$1/vow-bench" --store "$store" --clients 8 --seconds 1 --rounds 1 --floor --json)
    has_keys "$json" txns_per_second journal_syncs_per_txn vowd_cpu_us_per_txn p50_us p95_us p99_us ratio_to_log
    between 7.9 messages_per_txn 8.01 "$json"
    between 0.99 forced_records_per_txn 1.01 "$json"

    json=$("$1/vow-bench" --protocol saga --store "$store" --clients 16 --seconds 1 --rounds 1 --floor --json)
    has_keys "$json" sagas_per_second vowd_cpu_us_per_saga p50_us p95_us p99_us two_phase txns_per_second ratio_to_2pc ratio_to_log
    between 3.9 forced_records_per_saga 4.1 "$json"
    between 0 aborted 0 "$json"
    between 0 unknown 0 "$json"
    # One group commit for many: of 16 sagas under way, and their records, several come with each sync.
    between 2 forced_records_per_commit 64 "$json"
    between 0 journal_commits_per_saga 1.99 "$json"
done

json=$("$1/vow-bench" --protocol choreography --clients 16 --seconds 1 --rounds 1 --floor --json)
has_keys "$json" sagas_per_second vowd_cpu_us_per_saga p50_us p95_us p99_us two_phase ratio_to_2pc ratio_to_log
between 0 aborted 0 "$json"
between 0 unknown 0 "$json"
# One record for each event, of which many share a group commit.
between 2.9 records_per_saga 100 "$json"
between 0 journal_commits_per_saga 2.99 "$json"
