/*
 * vow-bench: what a transaction costs, beside the machine's own floor, in one run.
 *
 * Every process it measures is a process of its own: vowd, each participant, the clients, and the floors. A run is cut
 * into rounds, and in each round every subject runs once, so that an hour's drift of the machine touches all of them
 * alike; what is quoted is the ratio of the medians.
 */
#ifndef VOW_BENCH_H
#define VOW_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <vow/participant.h>
#include <vow/types.h>

#include "bench/histogram.h"

#define CLIENTS_MAX 1024u
#define PARTICIPANTS_MAX 32u

enum bench_store { BENCH_STORE_NULL, BENCH_STORE_SQLITE };
enum bench_protocol { BENCH_2PC, BENCH_SAGA, BENCH_CHOREOGRAPHY };

struct bench_options {
    enum bench_protocol protocol;
    enum bench_store store;
    uint32_t participants; /* branches of one transaction, or steps of one saga, each in a process of its own */
    uint32_t clients;      /* transactions or sagas in flight, each client one at a time */
    uint32_t connections;  /* over which the clients share their way to vowd */
    uint32_t seconds;      /* measured time of each subject, over all rounds */
    uint32_t rounds;
    uint32_t rows;     /* that all clients share; 0 = each client has its own */
    bool fail_fast;    /* locks refuse at once */
    uint32_t in_doubt; /* not 0: measure a start with so many transactions in doubt, and nothing else */
    uint32_t history;  /* not 0: measure a start on a journal of so many transactions, and nothing else */
    bool floor, json;
};

/* What one subject did in one round. */
struct bench_round {
    uint64_t committed, aborted, unknown; /* of sagas: completed, compensated, neither (yet) */
    uint64_t elapsed_us;
    struct histogram latency; /* microseconds, of committed ones */
    /* vowd only, over the round: */
    uint64_t messages, forced_records, records, journal_syncs, journal_commits, cpu_us;
};

/* cluster.c: vowd and the participants of a run, in a directory of their own that is removed at the end. */
struct cluster {
    char directory[256];
    char address[64]; /* of vowd */
    pid_t vowd;
    pid_t participants[PARTICIPANTS_MAX];
    uint32_t participants_len;
};
int cluster_start(const struct bench_options *options, struct cluster *cluster);
/* vowd alone, on the directory's subdirectory "vowd"; back when it serves. */
int cluster_start_vowd(struct cluster *cluster);
int cluster_status(const struct cluster *cluster, json_t **status);
void cluster_stop(struct cluster *cluster);
/* The name of participant i: "p0", "p1", ... */
void participant_name(uint32_t i, char name[16]);
/* A fresh directory below $TMPDIR or /var/tmp: a real disk, as /tmp may be memory. Returns 0 or -1. */
int make_directory(char path[256]);
void remove_directory(const char *path);

/* load.c: one round of clients against vowd, in a process of its own. */
int load_round(const struct bench_options *options, enum bench_protocol protocol, const struct cluster *cluster,
               uint32_t millis, struct bench_round *round);

/* One of `clients`: a transaction or saga at a time, on rows that no other client touches unless they are to share
 * rows. */
struct load_run;
struct load_slot {
    struct load_run *run;
    struct vow_client *client;
    char (*names)[16]; /* of the participants */
    uint32_t participants, row, step, rows, index;
    uint64_t number; /* of its transactions and sagas so far */
    uint64_t started_us;
};
/* Called by what a slot has begun, on its client's thread: counts the result, and begins the slot's next one. */
void load_ended(struct load_slot *slot, enum vow_outcome outcome);

/* load_events.c: begins a choreographed saga: the first participant counts and tells so by an event, each of the others
 * does so when it hears of the one before, and this process, one more participant, hears of the last. */
int load_start_choreography(struct load_slot *slot);
/* Until close, whose slots: those that are told of. Returns 0, or -1 after a line on stderr. */
int load_events_open(const struct cluster *cluster, struct load_slot *slots, uint32_t slots_len);
void load_events_close(void);

/* react.c: what participant i does in it, beside what it does for transactions and sagas. `change` is its handler, with
 * its context. Before start. Returns 0 or an error. */
int react_open(struct vow_participant *participant, uint32_t i, vow_handler_fn *change, void *ctx);
/* What is told: "bench.3" when the third participant has counted. */
void react_topic(char topic[24], uint32_t participants);
struct react_payload {
    uint32_t row, slot;
    uint64_t number; /* of the slot's sagas: a late event of an older one is none of this one's */
};

/* load_saga.c: begins a saga of one step at each participant: those that can be undone, a pivot, a retriable one. */
int load_start_saga(struct load_slot *slot);

/* floor_log.c: a bare log over loopback with group commit: three round trips a transaction, the last one durable; or,
 * for a saga, one for its beginning and one for each step, all durable. */
int floor_log_round(const struct bench_options *options, uint32_t millis, struct bench_round *round);

/* floor_store.c: the same SQLite work in one process, without coordinator and network: each turn prepares `clients`
 * branches in every participant's file, then commits them. */
int floor_store_round(const struct bench_options *options, uint32_t millis, struct bench_round *round);

/*
 * in_doubt.c: the start of a coordinator that died with `in_doubt` transactions decided and acknowledged by nobody: a
 * journal and the participants' files are made by the code that always makes them, then all are started. Prints how
 * long it takes until vowd serves and until nothing is in doubt, and proves by the rows that every branch committed
 * once.
 */
int in_doubt_run(const struct bench_options *options);

/* history.c: a journal of `history` transactions is made, vowd started on it, and all of it replayed. Prints. */
int history_run(const struct bench_options *options);

/* report.c */
struct bench_subject {
    const char *name;
    struct bench_round rounds[32];
};
/* What runs by turns; a subject without rounds was not asked for. */
struct bench_subjects {
    struct bench_subject vow;       /* options.protocol */
    struct bench_subject two_phase; /* beside a saga: the same work as transactions */
    struct bench_subject log_floor;
    struct bench_subject store_floor;
};
void report(const struct bench_options *options, const struct bench_subjects *subjects);

/* The statement both the participants and the floor run, and its schema. */
#define BENCH_SCHEMA "CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, value INTEGER NOT NULL) "
#define BENCH_UPDATE "UPDATE counter SET value = value + 1 WHERE id = ?1"
#define BENCH_UNDO "UPDATE counter SET value = value - 1 WHERE id = ?1"
#define BENCH_ROWS 100000u

/* Runs `child` in a forked process and reads the round that it returns; for measured subjects. */
int in_process(int (*child)(const void *ctx, struct bench_round *round), const void *ctx, struct bench_round *round);

#endif
