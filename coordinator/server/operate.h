/* Orders of operators: from the request to the answer. On the loop's thread. */
#ifndef VOW_COORDINATOR_SERVER_OPERATE_H
#define VOW_COORDINATOR_SERVER_OPERATE_H

#include "coordinator/server/internal.h"

struct order {
    struct vow_server *server;
    uint32_t id;         /* the attempt of its RESOLVE */
    uint64_t asker, tag; /* who asked, and the tag of that request */
    uint64_t session;    /* of the participant that is to answer; 0 = none */
    enum vow_admin_command command;
    uint64_t lsn; /* of a dead letter, or where a group goes on; the group is the participant */
    struct vow_gtrid gtrid;
    char participant[VOW_NAME_SIZE];
    char who[VOW_TEXT_SIZE], why[VOW_TEXT_SIZE];
    struct vow_timer timer;
    UT_hash_handle hh;
};

/* The end of an order: it is answered, written down, and freed. */
void operate_refuse(struct order *order, int error, const char *why);
void operate_done(struct order *order, const char *what);

/* --- operate_move.c --- */

/* Gives it to the broker, which answers with operate_ordered(). */
void operate_events(struct order *order, enum vow_relay_order what);
/* "oldest", "newest", or the offset that is next: *after is the one before. False: it is none of them. */
bool operate_place(const char *text, uint64_t *after);
/* Begins; its place is durable. */
void operate_move(struct order *order);
void operate_moved(struct order *order);

#endif
