/*
 * The plan of a world's faults: drawn before the world begins, as a list, so that a scenario can be saved, and cut down
 * by taking actions out. What happens to single frames and commits is drawn where they are (options.def); a plan can
 * say which of them it may happen to.
 */
#ifndef VOW_CHAOS_SIM_PLAN_H
#define VOW_CHAOS_SIM_PLAN_H

#include <stdint.h>

#include "chaos/sim/options.h"

/* ACTION(name, text) */
#define SIM_ACTIONS(ACTION)                                                                                            \
    ACTION(KILL, "the node's process is killed, and starts again after `amount` microseconds")                         \
    ACTION(POWER, "the node loses power for `amount` microseconds")                                                    \
    ACTION(PAUSE, "the node stands still for `amount` microseconds")                                                   \
    ACTION(RESTART, "the node is stopped in good order, and starts again after `amount` microseconds")                 \
    ACTION(RESET, "all connections of node and peer are reset")                                                        \
    ACTION(CUT, "nothing passes from node to peer for `amount` microseconds; without a peer: from and to anybody")     \
    ACTION(FLAP, "the same, five times for a fifth of the time each, with pauses between")                             \
    ACTION(JUMP, "the node's wall clock jumps by `amount` microseconds, which is signed")                              \
    ACTION(BACKUP, "a copy is taken of the node's disk")                                                               \
    ACTION(RESTORE, "the node's disk becomes that copy; the process is killed and starts again")                       \
    ACTION(WIPE, "the node's disk is emptied; the process is killed and starts again")                                 \
    ACTION(DISK, "a fault of the disk, of kind `amount`")                                                              \
    ACTION(OPERATE, "from here on an operator waits for a moment, and then gives orders: operator_script.c")

enum sim_action_kind {
    SIM_ACT_NONE,
#define ACTION(name, text) SIM_ACT_##name,
    SIM_ACTIONS(ACTION)
#undef ACTION
        SIM_ACT_KINDS
};

struct sim_action {
    enum sim_action_kind kind;
    uint8_t node, peer; /* peer: SIM_NODE_NONE = everybody */
    uint32_t number;    /* what it draws from: its place in the plan as it was drawn */
    uint64_t at_us;
    int64_t amount;
};

#define SIM_ACTIONS_MAX 96

#define SIM_CLIENTS_MAX 8
#define SIM_CLIENT_TXNS_MAX 64
#define SIM_NOISE_MAX 1024

/* A thing that may have a fault of its own: a frame, by its number, or a commit, by node, life and number. */
struct sim_noise_item {
    bool is_commit;
    uint8_t node;
    uint32_t life;
    uint64_t number;
};

struct sim_noise {
    uint32_t len; /* SIM_NOISE_MAX: there may have been more */
    struct sim_noise_item items[SIM_NOISE_MAX];
};

struct sim_plan {
    uint32_t len;
    struct sim_action actions[SIM_ACTIONS_MAX];
    /* What is left out. A drawn plan leaves nothing out. */
    uint64_t skipped[SIM_CLIENTS_MAX]; /* transactions, bit by number, of each client */
    bool is_listed;                    /* no frame and no commit has a fault but those in `noise` */
    struct sim_noise noise;
};

void sim_plan_draw(struct sim_plan *plan, const struct sim_options *options);
/* True if it may have a fault. */
bool sim_plan_allows(const struct sim_plan *plan, const struct sim_noise_item *item);
void sim_noise_add(struct sim_noise *noise, const struct sim_noise_item *item);
const char *sim_action_name(enum sim_action_kind kind);

#endif
