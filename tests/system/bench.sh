#!/usr/bin/env bash
# vow-bench runs, prints JSON with the keys that scripts read, and keeps to the row: 8 messages and 1 forced record of the
# coordinator for a transaction of two participants. Says nothing about speed.
# usage: bench.sh BIN_DIR
set -euo pipefail
for store in null sqlite; do
    json=$("$1/vow-bench" --store "$store" --clients 8 --seconds 1 --rounds 1 --floor --json)
    for key in journal_syncs_per_txn vowd_cpu_us_per_txn p50_us p95_us p99_us ratio_to_log; do
        grep -q "\"$key\"" <<<"$json" || {
            echo "no $key in: $json"
            exit 1
        }
    done
    grep -Eq '"messages_per_txn": (8\.0|7\.9|8)' <<<"$json" && grep -Eq '"forced_records_per_txn": (1\.0|0\.99|1)' <<<"$json" || {
        echo "$store: not the paper's row: $json"
        exit 1
    }
done
