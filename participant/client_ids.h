/*
 * The client's stock of transaction ids. The coordinator grants them ahead, so that a commit costs no round trip for
 * its id.
 *
 * An id belongs to one epoch and is void some time after it was granted, so the stock forgets both old ids and those of
 * an old epoch. An id that was handed out is never handed out again. Pure: time comes from outside.
 */
#ifndef VOW_PARTICIPANT_CLIENT_IDS_H
#define VOW_PARTICIPANT_CLIENT_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"

/* Ids at hand, at most: room for one grant that comes while half a stock is left. */
#define VOW_IDS_STOCK (2u * VOW_IDS_MAX)
/* The stock that an idle client holds. */
#define VOW_IDS_IDLE 16u
/* Ids older than this are not used: the coordinator voids them at its transaction timeout, 30 s (protocol 2.4). */
#define VOW_IDS_LIFE_MS 10000u

struct vow_ids {
    uint64_t coord;
    uint32_t epoch;
    uint32_t target; /* ids to have at hand; grows with demand, up to VOW_IDS_MAX */
    bool asked;      /* a request is under way on this connection */
    unsigned first, len;
    struct {
        uint64_t seq, rand, received_ms;
    } stock[VOW_IDS_STOCK]; /* a ring, oldest at first */
};

/* At the start and at each new connection: what the coordinator's WELCOME said. Ids of another epoch are dropped. */
void vow_ids_connected(struct vow_ids *ids, uint64_t coord, uint32_t epoch);
/* Takes in a grant that came while so many transactions waited for one. What is of another epoch than the connection's,
 * or more than there is room for, is dropped. */
void vow_ids_granted(struct vow_ids *ids, const struct vow_msg_ids *grant, uint32_t waiting, uint64_t now_ms);
/* Hands out the oldest id that is good, with these flags. False if there is none. */
bool vow_ids_take(struct vow_ids *ids, uint64_t now_ms, uint8_t flags, struct vow_gtrid *gtrid);
/* How many to ask for now, with so many transactions waiting for one; 0 = none, or a request is under way. */
uint32_t vow_ids_wanted(const struct vow_ids *ids, uint32_t waiting);

#endif
