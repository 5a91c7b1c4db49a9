/*
 * shop-load: places orders and follows each to a known outcome.
 *
 * Three threads: the main one decides everything (load.c, load_order.c, load_report.c); the client library's thread
 * brings results; one more asks what became of the orders nobody answered for (load_mailbox.c). An order belongs to one
 * of them at a time and is handed over through the mailbox.
 */
#ifndef SHOP_LOAD_H
#define SHOP_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <pthread.h>
#include <vow/client.h>
#include <vow/saga.h>

#include "load_draw.h"
#include "shop.h"

/* What an order is. */
enum load_protocol {
    LOAD_2PC,          /* a transaction over all three services */
    LOAD_SAGA,         /* a saga, which is undone if it cannot be done */
    LOAD_CHOREOGRAPHY, /* an event, and what the services make of it among themselves */
    LOAD_OUTBOX,       /* a transaction of one service, and an event for the others */
};

struct load_options {
    int64_t orders;
    int64_t in_flight;
    int64_t items;
    int64_t accounts;
    int64_t seed;
    int64_t retries;    /* further transactions for one order, at most; -1 = not said */
    int64_t gifts;      /* each so many-th order costs nothing; 0 = none */
    int64_t rate;       /* of an open loop: orders a second; 0 = it is none */
    int64_t seconds;    /* and how long they come */
    double skew;        /* how much likelier the first items and accounts are; below 0 = not said */
    int64_t timeout_ms; /* after which the library answers UNKNOWN */
    int64_t ask_ms;     /* how long an UNKNOWN is asked about before it is left unknown */
    enum load_protocol protocol;
    const char *db;     /* of LOAD_CHOREOGRAPHY: the load's own outbox */
    enum shop_arm arm;  /* what the sagas do against anomalies; SHOP_ARM_UNSET: they are not looked at */
    bool fails_fast;    /* at a semantic lock of another saga */
    int64_t pending_ms; /* after which a semantic lock raises an alarm */
    int64_t dear;       /* SHOP_ARM_BY_VALUE: an order for more is a transaction */
    const char *run;    /* first part of every order's id */
    const char *coordinator;
    const char *report_path;
    const char *log_path;
    const char *history_path;
};

enum load_state { LOAD_FREE, LOAD_SENT, LOAD_WAITING, LOAD_ASKING };

/* One transaction on behalf of an order. */
struct load_try {
    struct vow_gtrid id;
    enum vow_outcome outcome;
    enum vow_cause cause;
};

/* An order under way. */
struct load_order {
    struct load *load;
    enum load_state state;
    int64_t number;
    struct shop_order order;
    enum load_protocol protocol; /* of this order */
    uint64_t due_us, start_us;   /* open loop: when it was to begin, and when it did */
    bool is_stuck;               /* LOAD_SAGA: as far as is known */
    bool is_awaited;             /* LOAD_CHOREOGRAPHY: no event has told its end yet; under the mailbox's lock */
    uint64_t resend_ms;          /* LOAD_WAITING: when to try again */
    uint64_t ask_until_ms;
    struct vow_result result; /* of the last try */
    struct vow_saga *saga;    /* LOAD_SAGA: of the last try; NULL = none */
    struct load_try *tries;   /* retries + 1 of them */
    int64_t tries_len;
    struct load_order *next; /* in a list of the mailbox */
};

/* Orders on their way between threads. Two lists under one lock. */
struct load_mailbox {
    pthread_mutex_t lock;
    pthread_cond_t result_came, question_came;
    struct load_order *results; /* newest first; order does not matter */
    struct load_order *questions, **questions_end;
    bool closed;
};

#define LOAD_LABELS_MAX 40

/* How often each label was counted: "out of stock" 81. */
struct load_tally {
    struct {
        char label[64];
        int64_t count;
    } rows[LOAD_LABELS_MAX];
    size_t rows_len;
};

struct load_totals {
    int64_t placed, done, committed, aborted, unknown, unknown_then_resolved, tried_again;
    int64_t turned_away; /* open loop: of those placed, and done, there was no room for */
    struct load_tally aborts, retries;
};

struct load {
    struct load_options options;
    struct vow_client *client;
    struct load_mailbox mailbox;
    struct load_events *events; /* LOAD_CHOREOGRAPHY; NULL = none */
    pthread_t asker;
    struct load_order *slots; /* options.in_flight of them */
    struct load_totals totals;
    FILE *log;                          /* may be NULL */
    FILE *history;                      /* likewise */
    struct draw_places items, accounts; /* with a skew */
    uint64_t began_us;
    uint64_t random;
    uint64_t shown_ms; /* when progress was shown last, */
    int64_t shown_percent;
    bool on_terminal;
};

uint64_t load_now_ms(void);
uint64_t load_now_us(void);
/* No more orders are to be placed. */
bool load_is_stopped(void);
/* Sends again what waits for that, and gives up what nobody answers. Returns when to look again. */
uint64_t load_send_again(struct load *load);
/* Waits for results until then, at most, and judges them. */
void load_judge_all(struct load *load, uint64_t until_us);

/* load_open.c: orders that come by the clock, until all have an end. */
void load_run_open(struct load *load);

/* load_history.c */
int load_history_open(struct load *load);
/* It has ended, or is given up. */
void load_history_order(struct load *load, const struct load_order *slot);
void load_history_turned_away(struct load *load, int64_t number, uint64_t due_us);

/* load_flags.c: fills what the flags name. Exits with 2 on a bad flag, 0 after --help. */
void load_read_flags(struct load_options *options, int argc, char **argv);

/* load_order.c: an order's life. */
void load_order_begin(struct load_order *slot, int64_t number);
void load_order_send(struct load_order *slot);
/* Reads slot->result: the order is done, waits for another try, or is asked about. */
void load_order_judge(struct load_order *slot);

/* load_saga.c: the same orders as sagas. What becomes of one is told as of a transaction: completed is committed,
 * compensated is aborted, all else is not known (yet). */
int load_saga_send(struct load_order *slot, const char *payload, size_t len);
/* Runs it again, which begins it if it has not begun, and never twice. */
int load_saga_ask(struct load_order *slot, struct vow_result *result);

/* load_events.c: orders as choreographies. The load is one more participant then: it asks for each order by an event
 * out of its own outbox, and hears of the end by another. */
int load_events_open(struct load *load);
void load_events_close(struct load *load);
int load_events_send(struct load_order *slot, const char *payload, size_t len);
/* Has nothing told its end by `ask_until_ms`? Then it is not waited for any more: nobody knows how it ended. */
bool load_events_give_up(struct load_order *slot, uint64_t now_ms);

/* load_mailbox.c */
int load_mailbox_open(struct load *load);
void load_mailbox_close(struct load *load);
void load_mailbox_put_result(struct load *load, struct load_order *slot);
void load_mailbox_put_question(struct load *load, struct load_order *slot);
/* Takes all results there are; waits for one until `until_us` at most. May return NULL. */
struct load_order *load_mailbox_take_results(struct load *load, uint64_t until_us);

/* load_report.c */
void load_tally_count(struct load_tally *tally, const char *label);
void load_log_order(struct load *load, const struct load_order *slot);
void load_show_progress(struct load *load);
void load_print_totals(const struct load *load);
/* Returns 0, or -1 after a line on stderr. */
int load_write_report(const struct load *load);

#endif
