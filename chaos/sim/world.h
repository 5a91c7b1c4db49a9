/*
 * A world: coordinators, participants and clients in one process and one thread, on a virtual network, clock and disk.
 * Everything in it follows from its options and its plan.
 *
 *     sim_world_init(world, options, plan); sim_watch_add(&world->watch, ...); sim_world_run(world); sim_world_end()
 *
 * Each room of it has the files that its name begins, and a private header if there are several: net*.c is what is
 * between nodes, node.c their lives, coordinator*.c and participant*.c a process with its core and its disk, client*.c
 * the models of clients, nemesis.c what goes wrong, show.c what is shown of all this.
 */
#ifndef VOW_CHAOS_SIM_WORLD_H
#define VOW_CHAOS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "chaos/sim/agenda.h"
#include "chaos/sim/arena.h"
#include "chaos/sim/options.h"
#include "chaos/sim/plan.h"
#include "chaos/sim/seen.h"
#include "proto/codec.h"
#include "proto/frame.h"

#define SIM_SECOND_US UINT64_C(1000000)
/* A peer that is silent for three heartbeats is dropped; so is one that does not introduce itself (proto/net). */
#define SIM_SILENCE_US (6 * SIM_SECOND_US)
#define SIM_HANDSHAKE_US (5 * SIM_SECOND_US)
/* What a worker does without being asked: the 100 ms tick of journal and store. */
#define SIM_TICK_US UINT64_C(100000)
/* After HEALED all that can end must have ended within this time. */
#define SIM_LIVENESS_US (90 * SIM_SECOND_US)

enum sim_node_state { SIM_NODE_DOWN, SIM_NODE_STARTING, SIM_NODE_UP };

struct sim_coordinator;
struct sim_participant;
struct sim_client;
struct sim_operator;
struct sim_saga_client;

struct sim_node {
    uint8_t index;
    uint8_t coord; /* participants, clients: the node of theirs */
    enum sim_role role;
    enum sim_node_state state;
    char name[VOW_NAME_SIZE];
    uint32_t life;       /* from 1 */
    bool is_paused;      /* its process stands still */
    bool is_broken;      /* for ever: it is not started, or not let in, again */
    bool is_harmed;      /* its disk is not what it had written: others may refuse it for good */
    uint64_t gone_us;    /* DOWN or paused: since when */
    int64_t wall_off_us; /* its wall clock minus the world's */
    uint32_t start_tries;
    /* How it goes down if its disk dies in the middle of an operation, and for how long. */
    enum sim_crash dies_by;
    uint64_t dies_for_us;
    uint32_t relapses;        /* so many of its next lives die in the same way while they start (F013, F040) */
    uint64_t wake_us;         /* when its core's timer is armed for; UINT64_MAX = it is not */
    struct sim_event *parked; /* what it would have met while it was paused, in order */
    struct sim_event **parked_end;
    union {
        struct sim_coordinator *coordinator;
        struct sim_participant *participant;
        struct sim_client *client;
        struct sim_operator *operator_;
        struct sim_saga_client *saga_client;
    };
};

/* --- Connections --- */

enum sim_end_state { SIM_END_GONE, SIM_END_DIALING, SIM_END_HANDSHAKE, SIM_END_UP };

/* A piece of a frame that is under way. */
struct sim_piece {
    struct sim_piece *next; /* parked by a cut */
    uint64_t frame;         /* its number, 0: not a first piece */
    uint32_t sender_life;
    uint32_t len;
    uint8_t bytes[];
};

struct sim_end {
    uint8_t node;
    uint32_t life;
    enum sim_end_state state;
    uint64_t last_us; /* when the last piece on its way to this end arrives: TCP keeps the order */
    uint64_t session; /* the acceptor's number for it */
    uint8_t *in;      /* what has come and is not a whole frame */
    uint32_t in_len, in_max;
    uint64_t *frames; /* numbers of the frames that have begun to come; a ring */
    uint32_t frames_first, frames_len, frames_max;
    struct sim_piece *parked, **parked_end; /* on the way to this end, held back by a cut */
};

/* Side 0 dialed, side 1 accepts. */
struct sim_conn {
    uint32_t id;
    enum vow_role role; /* of side 0 */
    struct sim_end end[2];
};

struct sim_net {
    struct sim_conn **conns; /* by id - 1, all of the world */
    uint32_t conns_len, conns_max;
    uint32_t live; /* from here on there may be one that is not gone */
    uint64_t frames;
    uint32_t cuts[SIM_NODES_MAX][SIM_NODES_MAX]; /* how many cuts hold from one to the other */
    uint64_t cut_since_us[SIM_NODES_MAX][SIM_NODES_MAX];
    struct vow_arena *arena; /* of decoded messages */
    bool is_calm;            /* no more noise */
};

/* --- The world --- */

/* SETUP: all nodes start and connect; nothing else happens, and no fault. */
enum sim_phase { SIM_PHASE_SETUP, SIM_PHASE_SAFETY, SIM_PHASE_LIVENESS, SIM_PHASE_OVER };

struct sim_totals {
    uint64_t events, frames, transactions, committed, aborted, unknown, faults;
    uint64_t sagas, completed, compensated; /* as far as their clients were told */
    uint64_t events_told;                   /* local transactions that tell of themselves */
    uint64_t virtual_us;
};

struct sim_world {
    struct sim_options options;
    struct sim_plan plan;
    struct sim_watch watch;
    struct sim_arena arena;
    struct sim_agenda agenda;
    struct sim_net net;
    struct sim_node nodes[SIM_NODES_MAX];
    uint32_t nodes_len;
    enum sim_phase phase;
    uint64_t begun_us, healed_us; /* SAFETY, LIVENESS: since when */
    uint32_t healed_nodes;        /* bit by node */
    uint64_t fault_hits[SIM_FAULTS];
    struct sim_noise *noise; /* NULL, or where frames and commits that had a fault are noted */
    struct sim_totals totals;
    uint32_t violations;
    char violation[256]; /* the first one */
};

/* Zeroed memory before the first time; what it has allocated is used again by the next world in it. */
void sim_world_init(struct sim_world *world, const struct sim_options *options, const struct sim_plan *plan);
void sim_world_run(struct sim_world *world);
/* Closes what is open. */
void sim_world_end(struct sim_world *world);
void sim_world_free(struct sim_world *world);

/* A violation that the world itself has found, or that a checker reports. */
void sim_world_violated(struct sim_world *world, const char *invariant, const char *text);

/* It keeps files. */
static inline bool sim_has_disk(const struct sim_node *node)
{
    return node->role == SIM_COORDINATOR || node->role == SIM_PARTICIPANT;
}

static inline uint64_t sim_now_us(const struct sim_world *world)
{
    return world->agenda.now_us;
}

/* A sight of the node as it is now, to fill in and show. */
struct sim_sight sim_sight_of(const struct sim_world *world, enum sim_sight_kind kind, const struct sim_node *node);
void sim_show(struct sim_world *world, struct sim_sight *sight);
/* A fault that really hit. peer may be SIM_NODE_NONE. */
void sim_hit(struct sim_world *world, enum sim_fault fault, uint8_t node, uint8_t peer, uint64_t amount);

/* Chance gives the frame or commit a fault, which is noted if somebody asks for it. Not in calm, and not if the plan
 * leaves it out. */
bool sim_strikes(struct sim_world *world, struct sim_rng *rng, const struct sim_noise_item *item,
                 uint32_t in_ten_thousand);

/* Adds an event for a node in its present life. */
struct sim_event *sim_later(struct sim_world *world, const struct sim_node *node, enum sim_event_kind kind,
                            uint64_t delay_us, bool is_timed);
/* The tasks of PCT: what may overtake each other belongs to different ones. */
static inline uint32_t sim_task_of_link(uint8_t from, uint8_t to)
{
    return (uint32_t)from * SIM_NODES_MAX + to;
}
static inline uint32_t sim_task_of_node(uint8_t node, uint32_t which)
{
    return SIM_NODES_MAX * SIM_NODES_MAX + (uint32_t)node * 4 + which;
}
/* Sets the clocks of the code under test to this node's. */
void sim_enter(struct sim_world *world, const struct sim_node *node);
/* Shows a count of the node's, and its limit; 0 = none. */
void sim_sample(struct sim_world *world, const struct sim_node *node, enum sim_sample what, uint64_t value,
                uint64_t limit);
/* The participant of that name, or NULL. */
const struct sim_node *sim_find(const struct sim_world *world, const char *name);
/* Arms the node's timer for its core's deadline. */
void sim_arm(struct sim_world *world, struct sim_node *node, uint64_t deadline_ms);

/* --- net.c, net_send.c, net_receive.c, net_cut.c --- */

void sim_net_begin(struct sim_net *net);
/* Starts an attempt; what becomes of it comes through sim_node_*() below. */
void sim_net_dial(struct sim_world *world, struct sim_node *from, uint8_t to, enum vow_role role);
/* Puts a message on its way; what cannot be sent is lost. */
void sim_net_send(struct sim_world *world, struct sim_conn *conn, uint32_t side, const struct vow_msg *msg);
/* The side gives the connection up, and the other one learns of it. Nothing of it is told to the side. */
void sim_net_close(struct sim_world *world, struct sim_conn *conn, uint32_t side);
/* The node's process is gone. is_told: its system closes the connections; else nobody hears of it. */
void sim_net_forget(struct sim_world *world, const struct sim_node *node, bool is_told);
void sim_net_event(struct sim_world *world, const struct sim_event *event);
/* Resets all connections between two nodes (peer SIM_NODE_NONE: of one node). */
void sim_net_reset(struct sim_world *world, uint8_t node, uint8_t peer, struct sim_rng *rng);
void sim_net_cut(struct sim_world *world, uint8_t from, uint8_t to);
void sim_net_mend(struct sim_world *world, uint8_t from, uint8_t to);
/* A peer has stopped answering: who is connected to it will notice. */
void sim_net_suspect(struct sim_world *world, uint8_t node);
/* A delay of something that is no frame. UINT64_MAX: it is lost. */
uint64_t sim_net_delay(struct sim_world *world, uint8_t from, uint8_t to, uint64_t number);
bool sim_net_is_open(const struct sim_world *world, uint8_t from, uint8_t to);

/* --- What happens to a node, by its role: coordinator.c, participant.c, client.c --- */

struct sim_driver {
    void (*make)(struct sim_world *world, struct sim_node *node);  /* once for each world */
    void (*start)(struct sim_world *world, struct sim_node *node); /* a new life, from STARTING */
    /* The process is gone, with what it had in memory; its files are closed, if its disk is still on. */
    void (*stop)(struct sim_world *world, struct sim_node *node);
    void (*event)(struct sim_world *world, struct sim_node *node, const struct sim_event *event);
    /* The connection can be used: side 0 says HELLO. */
    void (*connected)(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side);
    void (*message)(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                    const struct vow_msg *msg);
    void (*disconnected)(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                         bool was_up);
    void (*turn_end)(struct sim_world *world, struct sim_node *node);
    /* Its connection is up, or it needs none. */
    bool (*is_linked)(const struct sim_node *node);
    /* Nothing is left that could go on by itself. */
    bool (*is_quiet)(const struct sim_world *world, const struct sim_node *node);
};
extern const struct sim_driver sim_coordinator_driver, sim_participant_driver, sim_client_driver, sim_operator_driver,
    sim_saga_client_driver;
const struct sim_driver *sim_driver_of(const struct sim_node *node);

/* A node that has met what it cannot go on with stops, and is started again. */
void sim_node_stopped(struct sim_world *world, struct sim_node *node, enum sim_sight_kind kind, int error,
                      const char *text);
/* True if its disk has died under it, in the middle of what it did: then it is killed. */
bool sim_node_died(struct sim_world *world, struct sim_node *node);
/* It serves. */
void sim_node_up(struct sim_world *world, struct sim_node *node, struct sim_sight *up);

/* --- client_work.c and participant_work.c: a service's own call, which work joins through --- */

struct sim_call {
    uint8_t client, participant;
    uint32_t client_life;
    uint64_t number; /* of this world */
    uint32_t leg;
    struct vow_gtrid gtrid;
    const struct sim_leg *work;
    int error; /* the answer */
    uint32_t ops;
    struct sim_call *next;
};
void sim_call_send(struct sim_world *world, struct sim_call *call);
void sim_call_answer(struct sim_world *world, struct sim_call *call);

/* All is set up: the client begins. */
void sim_client_begin(struct sim_world *world, struct sim_node *node);
/* All is healed: it asks once more about what nobody could tell it. */
void sim_client_heal(struct sim_world *world, struct sim_node *node);
void sim_saga_client_begin(struct sim_world *world, struct sim_node *node);
static inline bool sim_is_client(const struct sim_node *node)
{
    return node->role == SIM_CLIENT || node->role == SIM_SAGA_CLIENT;
}

/* --- operator.c, and what it sees of others as vowctl would list it --- */

bool sim_has_operator(const struct sim_options *options);
/* An action of the plan: from now on the operator waits for the moment that it draws. */
void sim_operator_act(struct sim_world *world, const struct sim_action *action);
/* Walk what a node that is up has in memory, *cursor from 0: damage that stands; branches in doubt. */
bool sim_coordinator_next_damaged(const struct sim_node *node, uint32_t *cursor, struct vow_gtrid *gtrid);
bool sim_participant_next_doubted(const struct sim_node *node, uint32_t *cursor, struct vow_gtrid *gtrid);
/* The coordinator has noted that the participant was ended by hand, against the decision, and nobody sees to it. */
bool sim_coordinator_keeps_note(const struct sim_world *world, const struct sim_node *node,
                                const struct vow_gtrid *gtrid, const char *participant);
/* Its own metrics and their limits. */
void sim_coordinator_show_counts(struct sim_world *world, const struct sim_node *node);
/* Damage that nobody sees to takes every place there: no report of more is taken. */
bool sim_coordinator_is_full(const struct sim_world *world, const struct sim_node *node);

/* --- events --- */

/* A service has local transactions to make yet. */
bool sim_participant_has_orders(const struct sim_world *world, const struct sim_node *node);
/* Its coordinator takes no more events, and nobody in this world can help it. */
bool sim_coordinator_holds_events(const struct sim_world *world, const struct sim_node *node);

/* --- nemesis.c --- */

void sim_nemesis_begin(struct sim_world *world);
void sim_nemesis_act(struct sim_world *world, uint64_t which);
/* What a fault ends with. */
void sim_nemesis_event(struct sim_world *world, const struct sim_event *event);
/* Mends what is to be mended and breaks the rest for good; who is chosen is in world->healed_nodes. */
void sim_nemesis_heal(struct sim_world *world);
/* The answers of a batch come late, and the last of them first. Returns by how much, in microseconds. */
struct vow_job;
uint64_t sim_nemesis_delay_done(struct sim_world *world, const struct sim_node *node, struct vow_job **jobs);
/* For how long a process whose disk has failed goes on before it stops. */
uint64_t sim_nemesis_stop_us(struct sim_world *world, const struct sim_node *node);
/* Kills it or cuts its power, at once or in the middle of what it does on its disk next. */
void sim_nemesis_kill(struct sim_world *world, struct sim_node *node, uint64_t down_us, struct sim_rng *rng);
void sim_node_kill(struct sim_world *world, struct sim_node *node, enum sim_crash how, uint64_t down_us);
void sim_node_resume(struct sim_world *world, struct sim_node *node);

#endif
