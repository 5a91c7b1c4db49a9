/*
 * What an id (id.h) is made of, and the promise that it is never reused.
 *
 * 26 bytes, ordered by memcmp() as (coordinator, epoch, sequence):
 *   coord 6 | epoch 4 | seq 7 | flags 1 | rand 8
 * coord is drawn once for a data directory; epoch is bumped durably at each start of vowd; seq counts within an
 * epoch; rand is a keyed hash of the rest, so that nobody can guess the id of a transaction that was not given to
 * them (fault F170) and the coordinator can check an id without a table of the ids it gave out.
 *
 * Pure: no I/O, no clock, no randomness. Thread-safe: values only.
 */
#ifndef VOW_PROTO_GTRID_H
#define VOW_PROTO_GTRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/id.h"

#define VOW_COORD_MAX ((UINT64_C(1) << 48) - 1)
#define VOW_SEQ_MAX ((UINT64_C(1) << 56) - 1)

/*
 * Flag: the client allowed one-phase commit, so the participant alone may hold the outcome. Without this flag the
 * silence of the coordinator's log means "aborted" (protocol 2.2, presumed abort); with it, silence means "ask the
 * participant" and never "aborted".
 */
#define VOW_GTRID_ONE_PHASE 0x01u

/* A point in the order of transactions. The forget watermark is one: protocol 2.8. */
struct vow_watermark {
    uint32_t epoch;
    uint64_t seq;
};

/* Builds an id. coord <= VOW_COORD_MAX, seq <= VOW_SEQ_MAX (asserted: callers hold the limits). */
struct vow_gtrid vow_gtrid_make(uint64_t coord, uint32_t epoch, uint64_t seq, uint8_t flags, uint64_t rand);

uint64_t vow_gtrid_coord(const struct vow_gtrid *g);
uint32_t vow_gtrid_epoch(const struct vow_gtrid *g);
uint64_t vow_gtrid_seq(const struct vow_gtrid *g);
uint8_t vow_gtrid_flags(const struct vow_gtrid *g);
uint64_t vow_gtrid_rand(const struct vow_gtrid *g);

/* True if the id comes before the watermark: (epoch, seq) < (w->epoch, w->seq). The coordinator part is not
 * compared. */
bool vow_gtrid_below(const struct vow_gtrid *g, struct vow_watermark w);

/* The rand part that the holder of `secret` gives to (coord, epoch, seq). SipHash-2-4; flags are left out, for the
 * client sets them. */
uint64_t vow_gtrid_mac(const uint8_t secret[16], uint64_t coord, uint32_t epoch, uint64_t seq);

/* A well-mixed 64-bit hash for tables; not keyed, so only for ids whose rand was checked. */
uint64_t vow_gtrid_hash(const struct vow_gtrid *g);

#endif
