/* The files of the operator's model among themselves. */
#ifndef VOW_CHAOS_SIM_OPERATOR_PRIVATE_H
#define VOW_CHAOS_SIM_OPERATOR_PRIVATE_H

#include "chaos/sim/plan.h"
#include "chaos/sim/world.h"

/* A transaction as an operator knows it: from the list of what is in doubt, and from alarms. */
struct affair {
    struct affair *next; /* an older one */
    struct vow_gtrid gtrid;
    uint8_t coord;           /* node */
    uint32_t asked, doubted; /* bit by participant: was asked to prepare; is prepared and has not ended */
    bool is_decided;
};

/* What makes an operator act: the moment at which something is seen. */
enum moment {
    MOMENT_ASKED,    /* a participant is asked to prepare */
    MOMENT_PREPARED, /* a branch is prepared */
    MOMENT_VOTED,    /* its YES is under way */
    MOMENT_DECIDED,  /* COMMIT is durable */
    MOMENT_TOLD,     /* the decision is under way to a branch that is prepared */
    MOMENT_DEAD,     /* a coordinator has crashed and left a branch in doubt */
    MOMENT_MISSING,  /* a participant has crashed that owes a commit */
    MOMENT_ENDING,   /* a branch is being ended by hand */
    MOMENT_NOTED,    /* a coordinator records that somebody was ended by hand */
};

enum deed {
    DEED_ONE,       /* one branch is ended */
    DEED_TWICE,     /* one branch, first with one verdict and then with the other */
    DEED_SAME,      /* all branches of the transaction, the same way */
    DEED_SPLIT,     /* all branches, each somehow */
    DEED_ABORT,     /* the transaction is aborted, if it is not too late */
    DEED_FORGET,    /* it is forgotten */
    DEED_BLOCK,     /* the coordinator dies, and while it is dead all that it left in doubt is ended, the same way */
    DEED_BLOCK_ANY, /* ... each somehow */
};

/* What an action of the plan makes an operator wait for. */
struct script {
    struct script *next;
    enum moment moment;
    enum deed deed;
    uint32_t skip; /* so many such moments pass */
    enum vow_verdict verdict;
    bool is_straight;  /* at the participant itself, not through its coordinator */
    uint64_t delay_us; /* from the moment to the order */
    bool is_crashing;  /* who is to carry it out is killed */
    uint64_t crash_us; /* ... so long after the order */
    uint64_t down_us;
    struct sim_rng rng; /* for the rest */
};

struct errand {
    struct errand *next; /* of those that wait for the same connection */
    struct vow_gtrid gtrid;
    enum vow_admin_command command;
    uint8_t to; /* who is asked */
    uint8_t at; /* whose branch; SIM_NODE_NONE = the transaction itself */
};

struct operator_link {
    struct sim_conn *conn; /* NULL: it is not up */
    bool is_dialing;
    struct errand *waiting, **waiting_end;
};

struct sim_operator {
    struct sim_world *world;
    struct operator_link links[SIM_NODES_MAX];
    struct affair *affairs; /* the newest first */
    struct script *scripts;
    struct sim_rng rng;
    uint64_t tags;
    uint8_t node;
};

/* The events of its own: SIM_EVENT_CLIENT, by number. */
enum operator_event { OPERATOR_LOOKS, OPERATOR_ORDERS, OPERATOR_DIALS, OPERATOR_KILLS, OPERATOR_SWEEPS };

/* A process that is killed, or what a dead coordinator left that is ended. */
struct blow {
    uint8_t node;
    uint64_t down_us;
    bool is_split;
};

/* --- operator.c --- */

/* The order is given after that time. at: SIM_NODE_NONE, or whose branch. */
void operator_order(struct sim_operator *o, const struct affair *affair, enum vow_admin_command command, uint8_t to,
                    uint8_t at, uint64_t delay_us);
void operator_later(struct sim_operator *o, enum operator_event event, uint64_t delay_us, void *ptr);

/* --- operator_script.c --- */

/* A sim_see_fn. */
void operator_see(void *ctx, const struct sim_sight *sight);
void operator_kill(struct sim_operator *o, const struct blow *blow);
/* Ends all that is in doubt under a coordinator, straight at the participants. Returns how many there were. */
uint32_t operator_sweep(struct sim_operator *o, uint8_t coord, bool is_split, bool is_dry);
void operator_arm(struct sim_operator *o, const struct sim_action *action);

#endif
