/* The files of the model of a client of sagas among themselves. */
#ifndef VOW_CHAOS_SIM_SAGA_PRIVATE_H
#define VOW_CHAOS_SIM_SAGA_PRIVATE_H

#include "chaos/sim/client_link.h"
#include "chaos/sim/purse.h"
#include "chaos/sim/world.h"

#define SAGA_STEPS_MAX 8
#define SAGAS_REMEMBERED 8

enum saga_stage { SAGA_STAGE_IDLE, SAGA_STAGE_NO_ID, SAGA_STAGE_RUN };

/* One saga: as struct vow_request of libvow, and the order. */
struct saga_run {
    enum saga_stage stage;
    struct vow_gtrid gtrid;
    struct vow_msg_saga_request order;
    struct vow_msg_saga_step steps[SAGA_STEPS_MAX];
    uint8_t payloads[SAGA_STEPS_MAX][SIM_DEED_BYTES];
    char key[VOW_KEY_SIZE]; /* "" = none */
    uint32_t number;        /* it was drawn from that */
    bool is_repeat;         /* the second run under its key */
    bool sent, in_doubt, ask;
    bool asked_before; /* ASKED was shown of this id */
    enum vow_saga_state told;
    uint32_t attempts;
    uint64_t id_since_us;
    /* Moments; UINT64_MAX: it does not come. */
    uint64_t retry_us, cancel_us, end_us;
};

struct sim_saga_client {
    struct client_link link;
    struct sim_rng rng;
    struct saga_run run;
    uint32_t next, count; /* the number of the next one, and how many in all */
    bool repeats;         /* the next one is the last one, under its key: its end is not known */
    uint64_t timer;       /* the version of the one that counts */
    struct vow_gtrid memory[SAGAS_REMEMBERED];
    uint32_t memory_len;
};

/* --- saga_draw.c --- */

/* The client's next saga; its id is not taken yet. */
void saga_draw(struct sim_world *world, struct sim_node *node);

#endif
