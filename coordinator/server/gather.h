/* Asking all connected participants for what they hold in doubt. On the loop's thread. */
#ifndef VOW_COORDINATOR_SERVER_GATHER_H
#define VOW_COORDINATOR_SERVER_GATHER_H

#include <jansson.h>

#include "coordinator/server/internal.h"

struct asked {
    uint64_t session;
    char name[VOW_NAME_SIZE];
    bool is_done, has_answered;
    bool was_cut; /* it said more than there is room for */
};

struct gather;
/* All have answered, or time is up: answers the operator, and ends with gather_free(), now or later. */
typedef void gather_done_fn(struct vow_server *server, struct gather *gather);

struct gather {
    struct vow_server *server;
    uint64_t id;         /* the tag of its messages */
    uint64_t asker, tag; /* who asked, and the tag of that request */
    enum vow_admin_command command;
    struct vow_gtrid gtrid; /* none = all */
    uint32_t limit;
    struct asked *asked;
    uint32_t asked_len, missing;
    bool is_over;
    size_t bytes; /* of the rows */
    json_t *rows; /* what came, each an object with "participant" */
    gather_done_fn *done;
    struct vow_timer timer;
    UT_hash_handle hh;
};

/* 0, and `done` is or will be called; or VOW_E_BUSY, VOW_E_NO_MEMORY. */
int gather_begin(struct vow_server *server, const struct session *asker, const struct vow_msg_admin_request *request,
                 gather_done_fn *done);
void gather_free(struct vow_server *server, struct gather *gather);
void gathers_free(struct vow_server *server);

#endif
