/*
 * The hash chain: each event's hash covers its own content and the hash of the event before it, so that a changed,
 * lost, doubled or stale row anywhere is found at start (faults F113 to F116, invariant I12).
 *
 *     hash_n = SHA-256(hash_n-1 | lsn | wall_us | gtrid | kind | body), of which 16 bytes are kept; hash_0 is zero
 *
 * It finds damage, not forgery: who can write the file can write a new chain.
 */
#ifndef VOW_JOURNAL_CHAIN_H
#define VOW_JOURNAL_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordinator/core/record.h"

#define JOURNAL_HASH_BYTES 16

struct journal_hash {
    uint8_t bytes[JOURNAL_HASH_BYTES];
};

/* The end of a log: its last event. LSN 0 and a zero hash: no event yet. */
struct journal_head {
    uint64_t lsn;
    struct journal_hash hash;
};

/* An event as its row holds it. */
struct journal_row {
    uint64_t lsn;
    uint64_t wall_us;
    struct vow_gtrid gtrid;
    uint32_t kind;
    struct vow_slice body;
};

/* The digest, set up once: fetching it anew costs more than a record's hash. One thread at a time. */
struct journal_chain {
    struct evp_md_st *sha256;
    struct evp_md_ctx_st *ctx;
    int error; /* of the newest hash: 0 or VOW_E_NO_MEMORY */
};

/* Returns 0 or VOW_E_NO_MEMORY; deinit is right after both, and on zeroed memory. */
int journal_chain_init(struct journal_chain *chain);
void journal_chain_deinit(struct journal_chain *chain);

/* The hash of `row` after an event with hash `before`. Returns 0 or VOW_E_NO_MEMORY. */
int journal_chain_next(struct journal_chain *chain, const struct journal_hash *before, const struct journal_row *row,
                       struct journal_hash *hash);
/* The hash of plain bytes. Returns 0 or VOW_E_NO_MEMORY. */
int journal_chain_digest(struct journal_chain *chain, const uint8_t *bytes, size_t len, struct journal_hash *hash);

bool journal_hash_equal(const struct journal_hash *a, const struct journal_hash *b);

#endif
