/* The files of the model of a client among themselves. */
#ifndef VOW_CHAOS_SIM_CLIENT_PRIVATE_H
#define VOW_CHAOS_SIM_CLIENT_PRIVATE_H

#include "chaos/sim/bank.h"
#include "chaos/sim/client_link.h"
#include "chaos/sim/world.h"

#define LEGS_MAX 8
#define REMEMBERED 8
/* For how long an outcome that is not known is asked for; then the caller is told so. */
#define ASKING_US (20 * SIM_SECOND_US)

enum stage { STAGE_IDLE, STAGE_NO_ID, STAGE_BEGIN, STAGE_WORK, STAGE_COMMIT, STAGE_ROLLBACK, STAGE_STATUS };

/* One transaction. */
struct txn {
    enum stage stage;
    uint32_t number; /* among the client's */
    struct vow_gtrid gtrid;
    struct sim_leg legs[LEGS_MAX];
    uint32_t legs_len, legs_done;
    bool is_joined, is_read_only, one_phase, wants_rollback, is_repeated;
    char key[VOW_KEY_SIZE];
    bool sent, in_doubt, ask; /* as in the library */
    bool asked_before;        /* ASKED was shown */
    uint32_t attempts, again;
    uint64_t id_since_us, end_us;
    uint64_t call; /* the service's call that it waits for; 0 = none */
};

struct remembered {
    struct vow_gtrid gtrid;
    uint8_t participant; /* SIM_NODE_NONE, or the one that may have decided alone */
};

/* What it was told nothing certain of, and no outcome since. */
struct doubt {
    struct remembered about;
    struct doubt *next;
};

struct sim_client {
    struct client_link link;
    struct sim_rng rng;
    struct txn txn;
    uint32_t next, count; /* transactions: the number of the next one, and how many in all */
    uint64_t timer;       /* the version of the one that counts */
    uint64_t calls;
    struct remembered memory[REMEMBERED];
    uint32_t memory_len;
    struct doubt *doubts;
    uint64_t again; /* bit by number: to be done again under its key */
};

/* --- client.c --- */

/* Does what is due at this stage: the timer has run out, or something that it waited for has come. */
void client_go_on(struct sim_world *world, struct sim_node *node);

/* Asks what became of it, and waits so long for an answer. */
void client_ask_about(struct sim_world *world, struct sim_node *node, const struct remembered *old, uint64_t wait_us);

/* --- client_doubt.c --- */

/* It is told that nobody knows, and gives up on it until all is healed. */
void client_doubt(struct sim_world *world, struct sim_client *client, const struct txn *txn);
/* All is healed, and there is something to ask about. */
bool client_is_in_doubt(const struct sim_world *world, const struct sim_client *client);
void client_ask_doubt(struct sim_world *world, struct sim_node *node);
/* True if nobody will ever know: it is older than the history. */
bool client_hear_of_doubt(const struct sim_world *world, struct sim_client *client,
                          const struct vow_msg_outcome *heard);

/* --- client_draw.c --- */

void client_draw(struct sim_world *world, struct sim_node *node);

/* --- client_request.c --- */

void client_show_asked(struct sim_world *world, const struct sim_node *node, enum sim_ask what, bool is_again);
/* Replaces the timer that was set before. */
void client_set_timer(struct sim_world *world, struct sim_node *node, uint64_t delay_us);
/* Sends what the transaction's stage wants to have said, if there is a connection. */
void client_send_request(struct sim_world *world, struct sim_node *node);
/* The caller of transaction `number` wants it rolled back, if it still waits for the commit. */
void client_cancel(struct sim_world *world, struct sim_node *node, uint64_t number);
/* It no longer asks for an outcome but what the outcome is. */
bool client_is_question(const struct sim_client *client);

/* --- client_answer.c --- */

/* The transaction is over for the caller. */
void client_end(struct sim_world *world, struct sim_node *node, enum vow_outcome outcome, enum vow_cause cause,
                int error);
/* The transaction is left as it is, answered or not: if it has a key, it may be done once more. */
void client_will_repeat(const struct sim_world *world, struct sim_client *client);
bool client_nothing_happened(const struct txn *txn);
/* No answer has come in the caller's time. */
void client_give_up(struct sim_world *world, struct sim_node *node);
void client_hear(struct sim_world *world, struct sim_node *node, const struct vow_msg_outcome *heard);

/* --- client_work.c --- */

void client_call_next(struct sim_world *world, struct sim_node *node);
void client_end_work(struct sim_world *world, struct sim_node *node, bool is_good);
/* The service has answered. */
void client_called_back(struct sim_world *world, struct sim_node *node, const struct sim_call *call);

#endif
