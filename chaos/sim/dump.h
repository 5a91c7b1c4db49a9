/*
 * What is on the disk of a node, read by plain SQL on a connection of our own: not by the product's code, which is what
 * is checked. The files are looked at as a new process would find them; nothing on the disk is changed.
 */
#ifndef VOW_CHAOS_SIM_DUMP_H
#define VOW_CHAOS_SIM_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/gtrid.h"
#include "proto/message.h"

#define SIM_HASH_BYTES 16

/* A row of the journal's events, its body decoded as far as checkers need it. */
struct sim_dump_event {
    uint64_t lsn, wall_us;
    struct vow_gtrid gtrid; /* none for EPOCH */
    uint32_t kind;          /* enum vow_record_kind, or a number that is none */
    uint8_t hash[SIM_HASH_BYTES];
    const uint8_t *body;
    uint32_t body_len;
    const char *who; /* HEURISTIC: the participant; else "" */
    /* SAGA_END: how. SAGA_STEP: what became of it. Else 0. */
    uint32_t detail;
    struct {
        uint32_t number, direction, fate;
    } step;
    bool is_chained; /* its hash is that of its content after the event before it */
};

/* What a journal keeps of events, beside its records. */
struct sim_dump_newest {
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    const char *key;
    uint64_t key_seq, lsn;
};
struct sim_dump_group {
    const char *name, *participant;
    uint64_t cursor;
};
struct sim_dump_dead {
    const char *group;
    uint64_t lsn; /* of the event */
    uint32_t attempts;
    bool is_retried;
};

struct sim_dump_journal {
    uint64_t coord;
    uint32_t epoch;
    uint64_t witness_lsn; /* 0: there is no good slot */
    uint8_t witness_hash[SIM_HASH_BYTES];
    bool has_witness;
    uint64_t cut_lsn; /* events up to here may have been cut off, by a snapshot; 0 = none */
    uint32_t events_len;
    const struct sim_dump_event *events; /* by LSN */
    uint32_t newest_len, groups_len, dead_len;
    const struct sim_dump_newest *newest; /* by data file and key */
    const struct sim_dump_group *groups;  /* by name */
    const struct sim_dump_dead *dead;     /* by LSN and group */
};

enum sim_branch_state { SIM_BRANCH_PREPARED = 1, SIM_BRANCH_COMMITTED, SIM_BRANCH_MEMO, SIM_BRANCH_OTHER };

struct sim_dump_branch {
    struct vow_gtrid gtrid;
    uint32_t branch, epoch;
    enum sim_branch_state state;
    char state_name[16];
    uint32_t changeset_len;
};

/* A branch that was ended without its decision (protocol 2.7). */
struct sim_dump_heuristic {
    struct vow_gtrid gtrid;
    enum vow_verdict verdict;
    enum vow_verdict decided; /* 0: the decision is not known there */
};

struct sim_dump_lock {
    struct vow_gtrid gtrid;
    uint32_t branch;
    uint64_t hash; /* of table, index and key: names the lock */
    /* If it is one of the primary key of a row of the workloads (enum sim_table), held or written; else 0. */
    uint8_t table;
    uint64_t key;
};

/* A row of the workloads (enum sim_table). */
struct sim_dump_row {
    uint8_t table;
    uint64_t key;
    int64_t value; /* BANK: balance */
    uint32_t list_len;
    const int64_t *list; /* LISTS */
};

/* Rows of the steps of sagas: what a step did (purse.h), and what the store remembers of it. */
struct sim_dump_deed {
    struct vow_gtrid gtrid;
    uint32_t step;
    enum vow_step_direction direction;
    int64_t amount;
    int64_t number; /* what the action answered; what its compensation was given */
};
enum sim_step_status { SIM_STEP_DONE = 1, SIM_STEP_REJECTED, SIM_STEP_BLOCKED, SIM_STEP_EMPTY, SIM_STEP_OTHER };
struct sim_dump_step {
    struct vow_gtrid gtrid;
    uint32_t step;
    enum vow_step_direction direction;
    enum sim_step_status status;
};

/* In a world with events, the service's own rows (thing.h): a change that an event is to tell of, and an event that a
 * group has done, once for each time. */
struct sim_dump_told {
    uint64_t tag, number;
    uint32_t thing;
    const char *topic;
};
struct sim_dump_heard {
    const char *group, *key;
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    uint64_t key_seq, tag, offset;
};
/* And the store's: what is to be sent; the newest number of a key; what prepared branches will publish; which events
 * were done; below which offset that is not known. */
struct sim_dump_outbox {
    const char *key, *topic;
    uint64_t key_seq, tag; /* tag: 0 = the payload is none of ours */
};
struct sim_dump_counter {
    const char *key;
    uint64_t last;
};
struct sim_dump_promise {
    struct vow_gtrid gtrid;
    uint32_t branch;
    const char *key;
    uint64_t tag;
};
struct sim_dump_inbox {
    const char *group, *key;
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    uint64_t key_seq, offset;
};
/* 256 offsets from `first` on, a bit for each, the lowest first: those of events whose records have gone. */
struct sim_dump_known {
    const char *group;
    uint64_t first;
    uint8_t bits[32];
};
struct sim_dump_floor {
    const char *group;
    uint64_t floor;
};

struct sim_dump_store {
    uint64_t incarnation, coord;
    uint32_t epoch;
    struct vow_watermark watermark;
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    uint32_t branches_len, heuristics_len, locks_len, rows_len;
    const struct sim_dump_branch *branches;      /* by id */
    const struct sim_dump_heuristic *heuristics; /* by id */
    const struct sim_dump_lock *locks;           /* by id of the holder, then table, index and key */
    const struct sim_dump_row *rows;             /* by table and key */
    /* In a world with sagas: */
    bool has_purse;
    int64_t purse;
    bool has_forgotten; /* records of steps that were too old are gone */
    uint32_t deeds_len, steps_len;
    const struct sim_dump_deed *deeds; /* in the order in which they were written */
    const struct sim_dump_step *steps; /* by id, step and direction */
    /* In a world with events: */
    bool has_news;
    uint32_t told_len, heard_len, outbox_len, counters_len, promises_len, inbox_len, known_len, floors_len, archive_len;
    const struct sim_dump_told *told;        /* by thing and number */
    const struct sim_dump_heard *heard;      /* in the order in which they were written */
    const struct sim_dump_outbox *outbox;    /* in the order in which they became true */
    const struct sim_dump_counter *counters; /* by key */
    const struct sim_dump_promise *promises; /* by id and branch */
    const struct sim_dump_inbox *inbox;      /* by group, data file, key, number */
    const struct sim_dump_known *known;      /* by group and offset */
    const struct sim_dump_floor *floors;     /* by group */
    const struct sim_dump_outbox *archive;   /* of what was sent, in that order */
};

struct sim_dump {
    bool is_there;     /* there is a database file that is not empty */
    bool is_readable;  /* SQLite could read it to the end */
    char problem[128]; /* why not */
    bool is_journal;
    struct sim_dump_journal journal;
    struct sim_dump_store store;
    struct sim_dump_memory *memory; /* dump.c's */
};

/*
 * Reads journal.db of a coordinator, through a VFS (NULL: the default one). witness: the bytes of the witness file, or
 * NULL if there is none. Always fills *dump; what is wrong is in it. Memory that SQLite has none of is an assert.
 */
void sim_dump_journal(struct sim_dump *dump, const char *vfs, const char *path, const uint8_t *witness,
                      size_t witness_len);
/*
 * Reads the database of a participant. The workloads' tables, of which some may be missing:
 *   account (id INTEGER PRIMARY KEY, balance INTEGER)
 *   list (id INTEGER PRIMARY KEY, items TEXT)    the values in decimal, joined by ','
 *   added (id INTEGER PRIMARY KEY)
 */
void sim_dump_store(struct sim_dump *dump, const char *vfs, const char *path);
/*
 * From now on what this dump reads is always the same path, and the connection to it stays open until a dump cannot be
 * read. Before each further one sim_disk_refill() has put what shall be read there. Of a file that cannot be read it
 * says nothing for sure: a fresh connection does.
 */
void sim_dump_keep_open(struct sim_dump *dump);
/* Right after all of them, and on zeroed memory. */
void sim_dump_free(struct sim_dump *dump);

#endif
