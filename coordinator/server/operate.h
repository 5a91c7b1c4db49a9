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
    uint64_t lsn; /* of a dead letter; its group is the participant */
    struct vow_gtrid gtrid;
    char participant[VOW_NAME_SIZE];
    char who[VOW_TEXT_SIZE], why[VOW_TEXT_SIZE];
    struct vow_timer timer;
    UT_hash_handle hh;
};

#endif
