/*
 * Histories of the events of one thing made by hand, on the nodes of check_bed.h: what a correct product would do at
 * each step, so that a test leaves one out, or adds one. p0 changes thing 1 and publishes "order.placed"; p1 has the
 * group "stock", which asks for it and tries three times. The disks hold what these functions have done; a test may
 * change them. Events are named by their number.
 */
#ifndef TESTS_EVENT_BED_H
#define TESTS_EVENT_BED_H

#include "chaos/sim/news.h"
#include "check_bed.h"

#define EVENT_ROWS_MAX 24
#define EVENT_ATTEMPTS_MAX 3

struct event_disk {
    uint32_t told_len, outbox_len, heard_len, inbox_len, branches_len, promises_len, archive_len;
    struct sim_dump_told told[EVENT_ROWS_MAX];
    struct sim_dump_outbox outbox[EVENT_ROWS_MAX], archive[EVENT_ROWS_MAX];
    struct sim_dump_heard heard[EVENT_ROWS_MAX];
    struct sim_dump_inbox inbox[EVENT_ROWS_MAX];
    struct sim_dump_counter counter;
    struct sim_dump_floor floor;
    struct sim_dump_branch branches[2];
    struct sim_dump_promise promises[2];
    struct sim_dump_row row;
    struct sim_dump dump;
};

struct event_journal {
    uint32_t rows_len, dead_len;
    struct sim_dump_event rows[EVENT_ROWS_MAX];
    struct sim_dump_newest newest;
    struct sim_dump_group group;
    struct sim_dump_dead dead[EVENT_ROWS_MAX];
    struct sim_dump dump;
};

struct event_bed {
    struct bed bed;
    struct event_disk disks[2]; /* of p0 and p1 */
    struct event_journal journal;
    uint64_t lsns[EVENT_ROWS_MAX]; /* by number */
};

/* All up, and the group has subscribed. */
void event_begin(struct event_bed *events);
void event_end(struct event_bed *events);

/* From p0 to c0: the change is committed; PUBLISH; EVENT is durable; PUBLISHED; the row goes from the outbox. */
void event_change(struct event_bed *events, uint64_t number);
void event_publish(struct event_bed *events, uint64_t number);
void event_log(struct event_bed *events, enum sim_sight_kind kind, uint64_t number);
void event_keep(struct event_bed *events, uint64_t number);
void event_published(struct event_bed *events, uint64_t number);
void event_delete(struct event_bed *events, uint64_t number);
/* All of that. */
void event_send(struct event_bed *events, uint64_t number);
/* Its row comes into the archive: p0 has one, if a test says so of the diary. */
void event_archive(struct event_bed *events, uint64_t number);

/* From c0 to p1: DELIVER; the store does it; DELIVERED. */
void event_deliver(struct event_bed *events, uint64_t number, uint32_t attempt);
void event_run(struct event_bed *events, uint64_t number);
void event_repeat(struct event_bed *events, uint64_t number);
void event_refuse_as_old(struct event_bed *events, uint64_t number);
void event_answer(struct event_bed *events, uint64_t number, uint32_t attempt, enum vow_event_result result);
/* All of that. */
void event_do(struct event_bed *events, uint64_t number);
/* It fails as often as it may, and is buried. */
void event_fail(struct event_bed *events, uint64_t number);

/* CURSOR, DEAD and REVIVED, of the event of this number; what an operator says. */
void event_logged(struct event_bed *events, enum vow_record_kind kind, uint64_t number, uint32_t detail);
void event_bury(struct event_bed *events, uint64_t number, uint32_t attempts);
void event_order(struct event_bed *events, enum vow_admin_command command, uint64_t number);
/* He moves the group behind an offset, as he says it; GROUP, with where it goes on. */
void event_move(struct event_bed *events, uint64_t after, uint64_t cursor);

/* Disks as they are now, shown as what a new life finds. */
void event_restart(struct event_bed *events, uint8_t node);
void event_show_disk(struct event_bed *events, uint8_t node);
/* All are healed, the world ends, and the disks are shown. */
void event_heal_and_end(struct event_bed *events);

#endif
