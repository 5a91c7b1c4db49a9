/*
 * The ids this coordinator gives out, and which of them may still begin a transaction.
 *
 * Ids are granted in advance and make no entry. A bitmap over [floor, next) remembers which were used, that is begun or
 * made void. The floor only rises: an id below it can never begin, so the journal's silence about it is final. The
 * secret in the rand part tells a granted id from a guessed one without a table (fault F170).
 */
#ifndef VOW_COORDINATOR_IDS_H
#define VOW_COORDINATOR_IDS_H

#include <stdint.h>

#include "coordinator/core/coord.h"

enum coord_id_class {
    COORD_ID_FRESH = 1, /* granted, not used: may begin */
    COORD_ID_USED,      /* begun or void, or below the floor: never begins from now on */
    COORD_ID_OLDER,     /* of an earlier epoch of ours: never begins from now on */
    COORD_ID_FORGED,    /* never granted */
    COORD_ID_FOREIGN,   /* of another coordinator */
};

struct coord_ids {
    struct vow_coord_identity identity;
    uint64_t *used; /* a bit for each of the last `window` ids, by seq % window */
    uint32_t window;
    uint64_t floor;        /* ids below are void */
    uint64_t next;         /* the next one to grant */
    uint64_t mark;         /* the floor after the next rotation */
    uint64_t rotate_at_ms; /* 0 = not started */
    uint64_t lowest_fresh; /* the least id that may still begin: `next` if none */
};

/* used is set by the owner: window / 64 words. */
void coord_ids_init(struct coord_ids *ids, const struct vow_coord_identity *identity, uint32_t window);
/* Lets ids expire: one that was not used is void `timeout_ms` to twice that after it was granted. */
void coord_ids_expire(struct coord_ids *ids, uint64_t now_ms, uint32_t timeout_ms);
/* Grants `count` ids (at most VOW_IDS_MAX) and writes their rand parts. Returns the first one's sequence. */
uint64_t coord_ids_grant(struct coord_ids *ids, uint32_t count, uint64_t *rand);
enum coord_id_class coord_ids_class(const struct coord_ids *ids, const struct vow_gtrid *gtrid);
/* The id is FRESH; from now on it is USED. */
void coord_ids_use(struct coord_ids *ids, const struct vow_gtrid *gtrid);
#endif
