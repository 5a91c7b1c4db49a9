/*
 * Histories of one saga made by hand, on the nodes of check_bed.h: what a correct product would do at each step, so
 * that a test leaves one out, or adds one. Its disks hold what these functions have done; a test may change them.
 */
#ifndef TESTS_SAGA_BED_H
#define TESTS_SAGA_BED_H

#include "chaos/sim/deed.h"
#include "check_bed.h"

#define SAGA_ROWS_MAX 16

struct saga_disk {
    int64_t purse;
    bool has_forgotten;
    uint32_t deeds_len, steps_len;
    struct sim_dump_deed deeds[SAGA_ROWS_MAX];
    struct sim_dump_step steps[SAGA_ROWS_MAX];
    struct sim_dump_row row;
    struct sim_dump dump;
};

struct saga_bed {
    struct bed bed;
    struct saga_disk disks[2]; /* of p0 and p1 */
};

enum { FORWARD = VOW_STEP_ACTION, BACK = VOW_STEP_COMPENSATION };

/*
 * A client orders a saga, and its BEGIN is durable: at p0 a step that can be undone (+10), then one at p1 (-4), the
 * pivot at p0 (-5), and last a retriable one at p1 (-1).
 */
void saga_begin(struct saga_bed *saga);
/* The first two are of one stage, so that they run side by side. */
void saga_begin_beside(struct saga_bed *saga);
/* It, and another one by the same client, each under its key. */
void saga_begin_two(struct saga_bed *saga, const char *key, const char *other);
/* Ordered, and not durable. */
void saga_ask(struct saga_bed *saga);
void saga_end(struct saga_bed *saga);

/* STEP is sent and arrives; the store does it; its word is sent and arrives; the coordinator's record of it. */
void saga_sent(struct saga_bed *saga, uint32_t step, int direction);
void saga_done_at_store(struct saga_bed *saga, uint32_t step, int direction);
void saga_store(struct saga_bed *saga, uint32_t step, int direction, enum vow_step_result result, bool has_run);
void saga_answer(struct saga_bed *saga, uint32_t step, int direction, enum vow_step_result result);
void saga_fate(struct saga_bed *saga, uint32_t step, int direction, enum vow_saga_fate fate);
/* All of that. */
void saga_do(struct saga_bed *saga, uint32_t step);
void saga_undo(struct saga_bed *saga, uint32_t step);
/* All of it, but nothing happens, for good. */
void saga_reject(struct saga_bed *saga, uint32_t step);

void saga_log(struct saga_bed *saga, enum sim_sight_kind kind, enum vow_record_kind record, enum vow_saga_state state);
void saga_logged(struct saga_bed *saga, enum vow_record_kind record, enum vow_saga_state state);
/* The coordinator's word; what the client has of it. */
void saga_word(struct saga_bed *saga, enum vow_saga_state state);
void saga_told(struct saga_bed *saga, enum vow_saga_state state);
/* An operator closes it. */
void saga_close_order(struct saga_bed *saga);

/* The disk of p0 or p1 as it is now, for a test to change; it is shown. */
struct saga_disk *saga_disk(struct saga_bed *saga, uint8_t node);
void saga_show_disk(struct saga_bed *saga, uint8_t node);
/* The participant is killed, and finds its disk. */
void saga_restart(struct saga_bed *saga, uint8_t node);
/* All are healed, the world ends, and the disks of p0 and p1 are shown. */
void saga_heal_and_end(struct saga_bed *saga);

#endif
