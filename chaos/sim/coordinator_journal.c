/*
 * A coordinator's journal. Its thread is an event: it takes what was submitted since the last batch, and its answers
 * come later.
 */
#include <stdio.h>
#include <string.h>

#include "chaos/sim/coordinator_private.h"
#include "chaos/sim/storage.h"
#include "proto/assert.h"
#include "proto/codec.h"
#include "proto/error.h"
#include "proto/frame.h"

/* --- What the core asks it for --- */

static struct vow_journal_op *next_of(const struct vow_journal_op *op)
{
    return (struct vow_journal_op *)op->job.next;
}

struct log_op *coordinator_op_take(struct sim_world *world, struct sim_coordinator *c)
{
    struct log_op *op = c->unused;

    if (op != NULL)
        c->unused = (struct log_op *)op->op.job.next;
    else
        op = sim_arena_take(&world->arena, sizeof(*op));
    memset(&op->op, 0, sizeof(op->op));
    op->is_saga = op->is_relay = false;
    op->event = NULL;
    op->subscribe = NULL;
    return op;
}

struct vow_slice coordinator_encode(struct sim_world *world, const struct vow_msg *msg)
{
    const size_t size = vow_msg_encoded_size(msg) + VOW_FRAME_HEADER_BYTES;
    uint8_t *bytes = sim_arena_take(&world->arena, size);
    const size_t len = vow_msg_encode(msg, VOW_FRAME_MAX_HIGHEST, bytes, size);

    VOW_ASSERT(len > VOW_FRAME_HEADER_BYTES);
    return (struct vow_slice){bytes + VOW_FRAME_HEADER_BYTES, len - VOW_FRAME_HEADER_BYTES};
}

static void op_give_back(struct sim_coordinator *c, struct vow_journal_op *op)
{
    op->job.next = (struct vow_job *)c->unused;
    c->unused = (struct log_op *)op;
}

static void op_push(struct sim_coordinator *c, struct vow_journal_op *op, bool forced)
{
    op->forced = forced;
    op->job.next = NULL;
    *c->pending_end = op;
    c->pending_end = (struct vow_journal_op **)&op->job.next;
}

static enum vow_journal_op_kind op_kind(enum vow_record_kind kind)
{
    if (kind == VOW_RECORD_COMMIT)
        return VOW_JOURNAL_DECIDE;
    return kind == VOW_RECORD_END ? VOW_JOURNAL_END : VOW_JOURNAL_APPEND;
}

static void show_log(struct sim_world *world, const struct sim_node *node, enum sim_sight_kind kind,
                     const struct vow_journal_op *op)
{
    struct sim_sight sight = sim_sight_of(world, kind, node);

    sight.gtrid = op->record.gtrid;
    sight.log.token = op->token;
    sight.log.forced = op->forced;
    sight.log.record = &op->record;
    sight.log.lsn = op->lsn;
    sight.log.is_of_saga = ((const struct log_op *)op)->is_saga;
    sight.log.event = ((const struct log_op *)op)->event;
    sight.log.subscribe = ((const struct log_op *)op)->subscribe;
    sim_show(world, &sight);
}

void coordinator_op_push(struct sim_world *world, struct sim_node *node, struct log_op *op, bool forced)
{
    op_push(node->coordinator, &op->op, forced);
    if (op->op.kind != VOW_JOURNAL_GET_SAGA && op->op.kind != VOW_JOURNAL_EVENTS)
        show_log(world, node, SIM_SEEN_LOG_ASKED, &op->op);
}

void coordinator_log(struct sim_world *world, struct sim_node *node, const struct vow_coord_effect *effect)
{
    struct sim_coordinator *c = node->coordinator;
    struct log_op *op = coordinator_op_take(world, c);
    const uint32_t len = effect->log.record.branches_len;

    op->op.kind = op_kind(effect->log.record.kind);
    op->op.token = effect->log.token;
    op->op.record = effect->log.record;
    op->op.branches = op->branches;
    if (len > 0)
        memcpy(op->branches, effect->log.record.branches, len * sizeof(*op->branches));
    op->op.record.branches = op->branches;
    op_push(c, &op->op, effect->log.forced);
    show_log(world, node, SIM_SEEN_LOG_ASKED, &op->op);
}

void coordinator_look_up(struct sim_world *world, struct sim_coordinator *c, const struct vow_coord_effect *effect)
{
    struct log_op *op = coordinator_op_take(world, c);

    op->op.kind = VOW_JOURNAL_GET;
    op->op.gtrid = effect->lookup.question.gtrid;
    op->question = effect->lookup.question;
    (void)snprintf(op->op.reporter, sizeof(op->op.reporter), "%s", effect->lookup.reporter);
    op->op.token = effect->session;
    op_push(c, &op->op, true);
}

void coordinator_write_down(struct sim_world *world, struct sim_node *node, const struct vow_gtrid *gtrid,
                            const char *participant, const char *text, bool is_of_saga, struct sim_order *order)
{
    struct sim_coordinator *c = node->coordinator;
    struct log_op *op = coordinator_op_take(world, c);

    op->op.kind = VOW_JOURNAL_APPEND;
    op->op.user = order;
    op->op.record = (struct vow_record){
        .kind = VOW_RECORD_OPERATOR, .gtrid = *gtrid, .epoch = c->identity.epoch, .branches = op->branches};
    (void)snprintf(op->op.record.who, sizeof(op->op.record.who), "%s", participant);
    vow_text_copy(op->op.record.text, text);
    op->is_saga = is_of_saga;
    op_push(c, &op->op, order != NULL);
    show_log(world, node, SIM_SEEN_LOG_ASKED, &op->op);
}

/* --- The journal's thread --- */

static bool is_question(const struct vow_journal_op *op)
{
    return op->kind == VOW_JOURNAL_GET || op->kind == VOW_JOURNAL_GET_SAGA || op->kind == VOW_JOURNAL_EVENTS;
}

static bool is_urgent(const struct vow_journal_op *op)
{
    for (; op != NULL; op = next_of(op)) {
        if (op->forced || op->kind == VOW_JOURNAL_DECIDE || is_question(op))
            return true;
    }
    return false;
}

static void run_soon(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
{
    struct sim_coordinator *c = node->coordinator;

    if (c->is_busy)
        return;
    c->is_busy = true;
    sim_later(world, node, SIM_EVENT_DISK_RUN, delay_us, false)->task = sim_task_of_node(node->index, 1);
}

void coordinator_tick_later(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
{
    if (node->coordinator->is_ticking)
        return;
    node->coordinator->is_ticking = true;
    (void)sim_later(world, node, SIM_EVENT_TICK, delay_us, true);
}

static void submit(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    const bool urgent = is_urgent(c->pending);

    if (c->pending == NULL)
        return;
    *c->queue_end = c->pending;
    c->queue_end = c->pending_end;
    c->pending = NULL;
    c->pending_end = &c->pending;
    if (urgent)
        run_soon(world, node, 1 + sim_rng_below(&world->agenda.rng, 20));
    else
        coordinator_tick_later(world, node, SIM_TICK_US);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void coordinator_turn_end(struct sim_world *world, struct sim_node *node)
{
    const uint64_t core_ms = vow_coord_deadline_ms(node->coordinator->core);
    const uint64_t sagas_ms = coordinator_sagas_deadline_ms(node->coordinator);

    coordinator_events_turn_end(world, node);
    submit(world, node);
    sim_arm(world, node, least(least(core_ms, sagas_ms), coordinator_events_deadline_ms(node->coordinator)));
}

static bool op_is_good(const struct vow_journal_op *op);

static bool is_all_good(const struct vow_journal_op *op)
{
    while (op != NULL && op_is_good(op))
        op = next_of(op);
    return op == NULL;
}

/* The thread does not wait until the loop has heard: what is urgent goes on when the batch is done, on a disk that
 * may have failed meanwhile. The loop hears of batches in their order. */
static void report_later(struct sim_world *world, struct sim_node *node, struct vow_journal_op *first)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_job *jobs = &first->job;
    uint64_t late_us = sim_nemesis_delay_done(world, node, &jobs);
    const uint64_t cost_us = sim_storage_cost_us(world, node, ++c->batches);
    uint64_t at_us = sim_now_us(world) + cost_us;
    struct sim_event *done;

    if (!is_all_good(first))
        late_us += sim_nemesis_stop_us(world, node);
    at_us += late_us;
    if (at_us <= c->reported_us)
        at_us = c->reported_us + 1;
    c->reported_us = at_us;
    done = sim_later(world, node, SIM_EVENT_DISK_DONE, at_us - sim_now_us(world), false);
    done->task = sim_task_of_node(node->index, 1);
    done->ptr = jobs;
    done->number = late_us == 0; /* the next batch waits for it */
    if (late_us == 0)
        return;
    c->is_busy = false;
    if (is_urgent(c->queue))
        run_soon(world, node, cost_us);
}

void coordinator_run_batch(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_journal_op *first = c->queue;

    c->queue = NULL;
    c->queue_end = &c->queue;
    if (first == NULL) {
        c->is_busy = false;
        c->ops->idle(c->engine);
        (void)sim_node_died(world, node);
        return;
    }
    c->ops->commit(c->engine, first);
    if (sim_node_died(world, node))
        return;
    for (const struct vow_journal_op *op = first; op != NULL; op = next_of(op)) {
        if (!is_question(op))
            show_log(world, node,
                     op->result == VOW_JOURNAL_WON || op->result == VOW_JOURNAL_EXISTS ? SIM_SEEN_LOG_DURABLE
                                                                                       : SIM_SEEN_LOG_FAILED,
                     op);
    }
    report_later(world, node, first);
}

static void looked_up(struct sim_world *world, struct sim_node *node, const struct vow_journal_op *op)
{
    struct vow_coord_event event = vow_lookup_event(op, &node->coordinator->sagas.book);
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_LOOKED_UP, node);
    struct vow_journal_stats stats;

    node->coordinator->ops->stats(node->coordinator->engine, &stats);
    sight.gtrid = op->gtrid;
    sight.looked_up.cut_lsn = stats.cut_lsn;
    sim_show(world, &sight);
    event.lookup.question = ((const struct log_op *)op)->question;
    coordinator_step(world, node, &event);
}

/* Any other answer to a record than "durable" has one consequence: stop. */
static bool op_is_good(const struct vow_journal_op *op)
{
    return is_question(op) ? vow_lookup_is_answered(op)
                           : op->result == VOW_JOURNAL_WON || op->result == VOW_JOURNAL_EXISTS;
}

static void op_done(struct sim_world *world, struct sim_node *node, struct vow_journal_op *op)
{
    struct vow_coord_event event = {.kind = VOW_COORD_LOG_DONE};

    if (op->kind == VOW_JOURNAL_GET) {
        looked_up(world, node, op);
        return;
    }
    if (op->kind == VOW_JOURNAL_GET_SAGA) {
        coordinator_sagas_journal_done(world, node, op);
        return;
    }
    if (op->kind != VOW_JOURNAL_EVENTS)
        show_log(world, node, SIM_SEEN_LOG_DONE, op);
    if (((const struct log_op *)op)->is_relay) {
        coordinator_events_journal_done(world, node, (struct log_op *)op);
        return;
    }
    /* The core knows nothing of it. */
    if (op->record.kind == VOW_RECORD_OPERATOR) {
        if (op->user != NULL)
            coordinator_order_logged(world, node, op->user);
        return;
    }
    if (((const struct log_op *)op)->is_saga) {
        coordinator_sagas_journal_done(world, node, op);
        return;
    }
    event.token = op->token;
    coordinator_step(world, node, &event);
}

/* Whatever else comes late and in another order: the core of events hears of its records in theirs, for one thread
 * writes them, and an event's offset is its LSN (coordinator/core/relay/relay.h). */
#define BATCH_MAX 2048
struct in_order {
    struct vow_journal_op *ops[BATCH_MAX];
    uint32_t len, next;
};

static void sort_relay(struct vow_journal_op *first, struct in_order *relay)
{
    relay->len = relay->next = 0;
    for (struct vow_journal_op *op = first; op != NULL; op = next_of(op)) {
        uint32_t at = relay->len;

        if (!((const struct log_op *)op)->is_relay)
            continue;
        VOW_ASSERT(relay->len < BATCH_MAX);
        for (; at > 0 && relay->ops[at - 1]->lsn > op->lsn; at--)
            relay->ops[at] = relay->ops[at - 1];
        relay->ops[at] = op;
        relay->len++;
    }
}

static struct vow_journal_op *next_in_order(struct in_order *relay)
{
    VOW_ASSERT(relay->next < relay->len);
    return relay->ops[relay->next++];
}

void coordinator_batch_done(struct sim_world *world, struct sim_node *node, struct vow_journal_op *first,
                            bool was_waited_for)
{
    struct sim_coordinator *c = node->coordinator;
    struct in_order relay;

    if (was_waited_for)
        c->is_busy = false;
    sort_relay(first, &relay);
    for (struct vow_journal_op *op = first; op != NULL; op = next_of(op)) {
        if (!op_is_good(op)) {
            sim_node_stopped(world, node, SIM_SEEN_STOPPED, op->error, "the journal has failed");
            return;
        }
        op_done(world, node, ((struct log_op *)op)->is_relay ? next_in_order(&relay) : op);
    }
    for (struct vow_journal_op *op = first, *next; op != NULL; op = next) {
        next = next_of(op);
        op_give_back(c, op);
    }
    coordinator_turn_end(world, node);
    if (is_urgent(c->queue))
        run_soon(world, node, 1);
    else if (c->queue != NULL)
        coordinator_tick_later(world, node, SIM_TICK_US);
}

/* The journal also fails on its own, when it proves what it keeps and finds damage. */
void coordinator_tick(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_journal_stats stats = {.commits = 0};

    c->is_ticking = false;
    c->ops->stats(c->engine, &stats);
    if (stats.failed != 0) {
        sim_node_stopped(world, node, SIM_SEEN_STOPPED, stats.failed, "the journal has found damage");
        return;
    }
    run_soon(world, node, 1);
    coordinator_tick_later(world, node, IDLE_US);
}
