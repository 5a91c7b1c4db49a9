/*
 * The core of orchestrated sagas: many sagas as one pure step function, beside that of two-phase commit (coord.h),
 * under the same contract: no I/O, clock, randomness or allocation; effects in order before the next step; LOG is
 * answered by LOG_DONE once the record is durable, and what depends on it comes then and not before. docs/sagas.md
 * sections 4.2 and 4.4 are what it implements; the tables are saga.def (a saga), step.def (one step, in the direction
 * that the saga goes) and breaker.def (whether a participant is sent steps).
 *
 * What the core does not keep is what a step is about: handler, payload, and what an action answered. The driver keeps
 * the order of a saga (its SAGA_REQUEST) and fills in STEP messages from it: SEND names saga, step and direction. FREED
 * says when the order is not needed any more.
 *
 * A saga's records are its memory. BEGIN is forced before its first step is sent; each step's end is forced before
 * anything follows from it; a saga that is turned round by hand or by its deadline forces TURN first. So what a step
 * may have done is always known from the log: every step of a stage that was reached. Steps that were under way are
 * sent again under the same key, and the barrier of the participant sees to it that nothing is done twice.
 *
 * A client's key names one saga: the first that began with it, however it ends (4.2-key). A request with the key of
 * another saga begins nothing, and is told which that is, and no more: so its client asks about that one. SAGA_KEY goes
 * to the log in front of the BEGIN, and so is durable with it.
 */
#ifndef VOW_COORDINATOR_SAGA_H
#define VOW_COORDINATOR_SAGA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordinator/core/record.h"
#include "proto/fsm.h"
#include "proto/message.h"

struct vow_sagas;

#define VOW_SAGAS_HIGHEST (1u << 20)

struct vow_sagas_limits {
    uint32_t sagas_max; /* in memory, stuck ones too; beyond: BUSY */
    uint32_t steps_max; /* of all of them */
    uint32_t peers_max; /* participants that are connected or have steps in memory; others make room */
    uint32_t keys_max;  /* keys of clients whose sagas have ended, the newest; those of the others come on top */
    /* What a step's order leaves open (protocol's defaults; milliseconds): */
    uint32_t attempts_max;   /* 10 */
    uint32_t attempt_ms;     /* 5 s */
    uint32_t deadline_ms;    /* 60 s; of actions that may fail: others have none */
    uint32_t backoff_ms;     /* 100 ms */
    uint32_t backoff_max_ms; /* 30 s */
};
extern const struct vow_sagas_limits vow_sagas_default_limits;

enum vow_sagas_event_kind {
    VOW_SAGAS_REQUEST = 1, /* session, request */
    VOW_SAGAS_MESSAGE,     /* session, msg: SAGA_QUERY, SAGA_CANCEL; STEP_DONE */
    VOW_SAGAS_LOOKED_UP,   /* looked_up: answers LOOKUP */
    VOW_SAGAS_LOG_DONE,    /* token */
    VOW_SAGAS_TIMER,
    VOW_SAGAS_PEER_UP,      /* session, peer */
    VOW_SAGAS_SESSION_DOWN, /* session */
    VOW_SAGAS_UNSENT, /* session, unsent: a SEND of the last step was not sent, for much waits for its participant */
    VOW_SAGAS_PEER_READY, /* session: it can take more again */
    VOW_SAGAS_ORDER,      /* order: of an operator, recorded durably by the driver; answered by ORDERED */
    VOW_SAGAS_RECOVERED,  /* recovered: a record of a saga without END, in the order of the journal; after
                             all of them SAGA_KEY of any saga, oldest first */
    VOW_SAGAS_RECOVERY_DONE,
    VOW_SAGAS_SHED,  /* shed: new sagas are refused with BUSY, or no longer */
    VOW_SAGAS_DRAIN, /* new sagas are refused; those under way go on */
};

/* What there is no room for. */
enum vow_sagas_lack {
    VOW_SAGAS_LACK_NOTHING = 0,
    VOW_SAGAS_LACK_SAGAS,
    VOW_SAGAS_LACK_STEPS,
    VOW_SAGAS_LACK_PEERS,
};

/* May this id begin a saga? The driver asks whoever grants ids. */
enum vow_saga_grant {
    VOW_SAGA_ID_NEW = 1, /* granted and unused; the driver uses it up when BEGIN is to be logged */
    VOW_SAGA_ID_USED,    /* ask the journal what became of it */
    VOW_SAGA_ID_VOID,    /* never granted here, or too long ago */
};

enum vow_saga_order { VOW_SAGA_RETRY = 1, VOW_SAGA_CLOSE = 2 };

struct vow_sagas_event {
    enum vow_sagas_event_kind kind;
    uint64_t now_ms;
    uint64_t session;
    bool is_foreign; /* MESSAGE: the id is another coordinator's, which alone knows what became of it */
    union {
        struct {
            const struct vow_msg_saga_request *msg; /* lives for the call; what the core needs of it is copied */
            enum vow_saga_grant grant;
            bool no_new_work; /* the driver has no room for a new saga: BUSY */
        } request;
        const struct vow_msg *msg;
        struct {
            struct vow_gtrid gtrid;
            int error;                 /* 0, VOW_E_NOT_FOUND, VOW_E_EXPIRED, VOW_E_RECOVERING */
            enum vow_saga_state state; /* without an error: how it ended */
            enum vow_cause cause;
        } looked_up;
        uint64_t token;
        const char *peer;
        struct {
            struct vow_gtrid gtrid;
            uint32_t step;
        } unsent;
        struct {
            struct vow_gtrid gtrid;
            enum vow_saga_order order;
            uint64_t tag;
        } order;
        struct {
            const struct vow_record *record;
            const struct vow_msg_saga_request *msg; /* SAGA_BEGIN: its body, decoded */
            uint64_t age_ms;
        } recovered;
        bool shed;
    };
};

enum vow_sagas_effect_kind {
    VOW_SAGAS_SEND = 1, /* msg, a STEP: handler, payload and answer are the driver's to fill in */
    VOW_SAGAS_REPLY,    /* msg, a SAGA_STATE, to a client's session; gone sessions: the driver drops it */
    VOW_SAGAS_LOG,      /* log */
    VOW_SAGAS_LOOKUP,   /* session, gtrid: what became of that saga? As many at once as sagas_max */
    VOW_SAGAS_TRACE,
    VOW_SAGAS_ALARM,
    VOW_SAGAS_ORDERED, /* answers ORDER, once it is durable */
    VOW_SAGAS_FREED,   /* gtrid: its order is not needed any more */
};

struct vow_sagas_effect {
    enum vow_sagas_effect_kind kind;
    uint64_t session;
    struct vow_gtrid gtrid;
    enum vow_sagas_lack lack; /* REPLY with BUSY: which limit of the core it is; NOTHING = the driver knows */
    union {
        struct vow_msg msg;
        struct {
            uint64_t token;
            bool forced;
            struct vow_record record; /* SAGA_BEGIN: the body is the driver's to fill in */
        } log;
        struct {
            uint8_t from, event, to; /* of saga.def, or of step.def if step is a number */
            uint32_t step;           /* VOW_STEP_NONE: the saga */
        } trace;
        struct {
            const char *what; /* static text */
            const char *peer; /* whom it is about, if it is not about a saga; else "" */
            uint32_t step;
        } alarm;
        struct {
            uint64_t tag;
            int error;
            const char *text;
        } ordered;
    };
};

struct vow_sagas_effects {
    const struct vow_sagas_effect *items;
    size_t len;
};

/* 0 if a limit is out of range. */
size_t vow_sagas_size(const struct vow_sagas_limits *limits);
/* seed: of the jitter. epoch: the coordinator's. */
struct vow_sagas *vow_sagas_init(void *mem, const struct vow_sagas_limits *limits, uint32_t epoch, uint64_t seed);
/* Never fails. *effects is valid until the next step. */
void vow_sagas_step(struct vow_sagas *core, const struct vow_sagas_event *event, struct vow_sagas_effects *effects);
/* When to feed TIMER next; UINT64_MAX = not before some other event. */
uint64_t vow_sagas_deadline_ms(const struct vow_sagas *core);

/* --- Looking in --- */

struct vow_sagas_counts {
    uint64_t begun, completed, compensated, closed; /* since init */
    uint64_t sent, retries;                         /* attempts; those after the first of a step */
    uint64_t held;                  /* ... that had to wait for the budget, or the breaker, of their participant */
    uint64_t breaks;                /* times that a breaker has opened */
    uint64_t unsent;                /* attempts that were not sent, for much waited for their participant */
    uint64_t late, protocol_errors; /* answers that nobody waits for; cells that may not be hit */
    uint64_t busy;
    uint32_t open, stuck, steps; /* now */
    uint32_t peers;              /* now: connected, or with steps */
    uint32_t breakers_open;      /* now: participants that are sent one step at a time, or none */
};
void vow_sagas_counts(const struct vow_sagas *core, struct vow_sagas_counts *counts);

struct vow_saga_step_view {
    const char *participant;
    const char *state, *fate; /* of step.def; what became of it, "" = nothing yet */
    enum vow_step_kind kind;
    uint32_t stage, attempts;
    uint64_t next_ms; /* UINT64_MAX: it waits for no time */
    bool connected;
    const char *breaker; /* of breaker.def: its participant's */
    uint32_t budget;     /* further attempts that its participant may have now */
};
struct vow_saga_view {
    struct vow_gtrid gtrid;
    const char *state;        /* of saga.def */
    enum vow_saga_state told; /* what a client is told */
    enum vow_cause cause;
    uint32_t failed_step;
    uint64_t begun_ms, state_since_ms, earlier_ms;
    uint32_t steps_len;
    struct vow_saga_step_view steps[VOW_STEPS_MAX];
};
/* Walks the sagas in memory: *cursor from 0; false after the last. */
bool vow_sagas_next(const struct vow_sagas *core, uint32_t *cursor, struct vow_saga_view *view);
bool vow_sagas_find(const struct vow_sagas *core, const struct vow_gtrid *gtrid, struct vow_saga_view *view);

const struct vow_fsm *vow_saga_fsm(void);
const struct vow_fsm *vow_step_fsm(void);
const struct vow_fsm *vow_breaker_fsm(void);
/* How often each edge was taken, in the order of the tables. */
const uint64_t *vow_saga_edge_hits(const struct vow_sagas *core);
const uint64_t *vow_step_edge_hits(const struct vow_sagas *core);
const uint64_t *vow_breaker_edge_hits(const struct vow_sagas *core);

#endif
