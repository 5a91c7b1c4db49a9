/* A participant's store. Its thread is an event, as the coordinator's journal is. */
#include <string.h>

#include "chaos/sim/participant_private.h"
#include "chaos/sim/storage.h"
#include "proto/error.h"

static struct store_op *next_of(const struct store_op *op)
{
    return (struct store_op *)op->op.job.next;
}

struct store_op *participant_op_take(struct sim_world *world, struct sim_participant *p)
{
    struct store_op *op = p->unused;

    if (op != NULL)
        p->unused = next_of(op);
    else
        op = sim_arena_take(&world->arena, sizeof(*op));
    memset(&op->op, 0, sizeof(op->op));
    op->has_run = false;
    return op;
}

static void op_give_back(struct sim_participant *p, struct store_op *op)
{
    op->op.job.next = (struct vow_job *)p->unused;
    p->unused = op;
}

/* Of EVENT and OUTBOX_*. rows: of the sight. */
static void fill_event(const struct store_op *op, struct sim_sight *sight, struct sim_seen_row rows[VOW_OUTBOX_WINDOW])
{
    const struct vow_store_delivery *delivery = &op->delivery;
    struct sim_seen_event *event = &sight->store.event;
    struct sim_news news = {.tag = 0};

    sight->store.rows = rows;
    if (op->op.kind == VOW_STORE_OUTBOX_READ)
        for (const struct vow_store_event_copy *copy = op->outbox.events; copy != NULL; copy = copy->next)
            rows[sight->store.rows_len++] = (struct sim_seen_row){copy->event.key, copy->event.key_seq};
    if (op->op.kind == VOW_STORE_OUTBOX_DONE)
        for (uint32_t i = 0; i < op->outbox.keys_len; i++)
            rows[sight->store.rows_len++] = (struct sim_seen_row){op->outbox.keys[i].key, op->outbox.keys[i].key_seq};
    if (op->op.kind != VOW_STORE_EVENT)
        return;
    (void)sim_news_decode(delivery->event.payload.data, delivery->event.payload.len, &news);
    *event = (struct sim_seen_event){.group = delivery->group,
                                     .topic = delivery->event.topic,
                                     .key = delivery->event.key,
                                     .key_seq = delivery->event.key_seq,
                                     .tag = news.tag,
                                     .offset = delivery->offset,
                                     .attempt = op->attempt,
                                     .version = delivery->event.version,
                                     .hops = delivery->event.hops,
                                     .result = delivery->outcome,
                                     .is_repeat = delivery->is_repeat,
                                     .is_old = delivery->is_old,
                                     .has_run = op->has_run};
    memcpy(event->db_uuid, delivery->source, VOW_DB_UUID_BYTES);
}

static void show_store(struct sim_world *world, const struct sim_node *node, enum sim_sight_kind kind,
                       const struct vow_store_op *op)
{
    struct sim_sight sight = sim_sight_of(world, kind, node);
    struct sim_seen_row rows[VOW_OUTBOX_WINDOW];

    sight.gtrid = op->gtrid;
    sight.store.op = op->kind;
    sight.store.branch = op->branch;
    sight.store.epoch = op->epoch;
    sight.store.watermark = op->watermark;
    sight.store.result = op->result;
    sight.store.cause = op->cause;
    sight.store.verdict = op->verdict;
    if (op->kind == VOW_STORE_STEP)
        sight.store.step = (struct sim_seen_step){.number = op->step->step,
                                                  .direction = op->step->direction,
                                                  .result = op->step->outcome,
                                                  .has_run = ((const struct store_op *)op)->has_run};
    fill_event((const struct store_op *)op, &sight, rows);
    sim_show(world, &sight);
}

/* The calls are the event's memory: the operation has its own copy, payloads too. */
static void copy_calls(struct sim_world *world, struct store_op *op, const struct vow_msg_call *calls, uint32_t len)
{
    op->op.calls_len = len;
    op->op.calls = op->calls;
    for (uint32_t i = 0; i < len; i++) {
        op->calls[i].participant =
            sim_arena_copy(&world->arena, calls[i].participant, strlen(calls[i].participant) + 1);
        op->calls[i].handler = sim_arena_copy(&world->arena, calls[i].handler, strlen(calls[i].handler) + 1);
        op->calls[i].payload.len = calls[i].payload.len;
        op->calls[i].payload.data = sim_arena_copy(&world->arena, calls[i].payload.data, calls[i].payload.len);
    }
}

void participant_put(struct sim_world *world, struct sim_node *node, struct store_op *op)
{
    struct sim_participant *p = node->participant;

    *p->pending_end = op;
    p->pending_end = (struct store_op **)&op->op.job.next;
    show_store(world, node, SIM_SEEN_STORE_ASKED, &op->op);
}

void participant_store(struct sim_world *world, struct sim_node *node, const struct vow_branches_effect *effect)
{
    struct sim_participant *p = node->participant;
    struct store_op *op = participant_op_take(world, p);

    op->op.kind = effect->store.op;
    op->op.gtrid = effect->store.gtrid;
    op->op.branch = effect->store.branch;
    op->op.epoch = effect->store.epoch;
    op->op.watermark = effect->store.watermark;
    op->op.coord = effect->store.coord;
    op->op.verdict = effect->store.verdict;
    op->op.who = participant_copy(world, effect->store.who);
    op->op.why = participant_copy(world, effect->store.why);
    op->op.session = effect->store.session;
    op->op.attempt = effect->store.attempt;
    copy_calls(world, op, effect->store.calls, effect->store.calls_len);
    op->op.peers = sim_peers_write(world, node, effect->store.peers, effect->store.peers_len);
    sim_peers_keep(world, &p->peers, &op->op.gtrid, op->op.peers);
    if (op->op.kind == VOW_STORE_WORK) {
        op->op.work = participant_run_work;
        op->op.work_ctx = &node->participant->work;
    }
    participant_put(world, node, op);
}

/* Nobody waits for these, so they ride with the next batch. */
static bool is_lazy(enum vow_store_op_kind kind)
{
    return kind == VOW_STORE_FORGET || kind == VOW_STORE_WATERMARK || kind == VOW_STORE_OUTBOX_DONE;
}

static bool is_urgent(const struct store_op *op)
{
    for (; op != NULL; op = next_of(op)) {
        if (!is_lazy(op->op.kind))
            return true;
    }
    return false;
}

void participant_run_soon(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
{
    if (node->participant->is_busy)
        return;
    node->participant->is_busy = true;
    sim_later(world, node, SIM_EVENT_DISK_RUN, delay_us, false)->task = sim_task_of_node(node->index, 1);
}

static void tick_later(struct sim_world *world, struct sim_node *node)
{
    if (node->participant->is_ticking)
        return;
    node->participant->is_ticking = true;
    (void)sim_later(world, node, SIM_EVENT_TICK, SIM_TICK_US, true);
}

void participant_submit(struct sim_world *world, struct sim_node *node)
{
    struct sim_participant *p = node->participant;
    const bool urgent = is_urgent(p->pending);

    if (p->pending == NULL)
        return;
    *p->queue_end = p->pending;
    p->queue_end = p->pending_end;
    p->pending = NULL;
    p->pending_end = &p->pending;
    if (urgent)
        participant_run_soon(world, node, 1 + sim_rng_below(&world->agenda.rng, 20));
    else
        tick_later(world, node);
}

static uint32_t count(const struct vow_job *job)
{
    uint32_t jobs = 0;

    for (; job != NULL; job = job->next)
        jobs++;
    return jobs;
}

static void report_later(struct sim_world *world, struct sim_node *node, struct vow_job *jobs)
{
    const uint64_t late_us = sim_nemesis_delay_done(world, node, &jobs);
    const uint64_t cost_us = sim_storage_cost_us(world, node, ++node->participant->batches);
    struct sim_event *done = sim_later(world, node, SIM_EVENT_DISK_DONE, cost_us + late_us, false);

    done->task = sim_task_of_node(node->index, 1);
    done->ptr = jobs;
}

static bool is_out_of_space(const struct vow_job *jobs)
{
    for (const struct vow_job *job = jobs; job != NULL; job = job->next) {
        const struct vow_store_op *op = (const struct vow_store_op *)job;
        if (op->result == VOW_STORE_REFUSED && op->cause == VOW_CAUSE_NO_SPACE)
            return true;
    }
    return false;
}

/* A service's worker runs the store with each tick, whether there is work or not. Here only while that does anything:
 * empty runs for all of a world's time would be most of its cost. */
static void tick_if_owed(struct sim_world *world, struct sim_node *node, const struct vow_job *jobs)
{
    struct sim_participant *p = node->participant;

    if (is_out_of_space(jobs))
        p->may_owe = true;
    else if (world->phase == SIM_PHASE_LIVENESS)
        p->may_owe = false;
    if (p->with_store > 0 || p->may_owe)
        tick_later(world, node);
}

/* Its process goes on for a while, and may ask the store for more: which must do nothing (mistake 15). */
static void fail(struct sim_world *world, struct sim_node *node, int error, const char *text)
{
    struct sim_participant *p = node->participant;
    struct sim_sight failed = sim_sight_of(world, SIM_SEEN_STORE_FAILED, node);
    const uint64_t stop_us = p->failed == 0 ? sim_nemesis_stop_us(world, node) : 0;

    failed.stop.error = error;
    failed.stop.text = text;
    sim_show(world, &failed);
    if (p->failed == 0 && stop_us == 0) {
        sim_node_stopped(world, node, SIM_SEEN_STOPPED, error, text);
        return;
    }
    p->is_busy = false;
    if (p->failed != 0)
        return;
    p->failed = error;
    sim_later(world, node, SIM_EVENT_DISK_DONE, stop_us, false)->task = sim_task_of_node(node->index, 1);
}

void participant_run_batch(struct sim_world *world, struct sim_node *node)
{
    struct sim_participant *p = node->participant;
    struct vow_job *jobs = (struct vow_job *)p->queue;
    struct vow_error_detail detail = {.error = 0, .text = ""};
    int error;

    p->with_store += count(jobs);
    p->queue = NULL;
    p->queue_end = &p->queue;
    error = p->ops->run(p->store, &jobs, &detail);
    if (sim_node_died(world, node))
        return;
    if (error != 0) {
        fail(world, node, error, detail.text);
        return;
    }
    p->with_store -= count(jobs);
    participant_show_news(world, node, false);
    for (const struct vow_job *job = jobs; job != NULL; job = job->next)
        show_store(world, node, SIM_SEEN_STORE_DONE, (const struct vow_store_op *)job);
    tick_if_owed(world, node, jobs);
    if (jobs == NULL) {
        p->is_busy = false;
    } else {
        report_later(world, node, jobs);
    }
}

static void op_done(struct sim_world *world, struct sim_node *node, struct vow_store_op *op)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_STORE_DONE};

    show_store(world, node, SIM_SEEN_STORE_TOLD, op);
    if (op->kind == VOW_STORE_STEP) {
        participant_step_done(world, node, (struct store_op *)op);
        return;
    }
    if (op->kind == VOW_STORE_OUTBOX_READ || op->kind == VOW_STORE_OUTBOX_DONE) {
        participant_outbox_done(world, node, (struct store_op *)op);
        return;
    }
    if (op->kind == VOW_STORE_EVENT) {
        participant_event_done(world, node, (struct store_op *)op);
        return;
    }
    event.done = (struct vow_branches_done){.op = op->kind,
                                            .gtrid = op->gtrid,
                                            .branch = op->branch,
                                            .result = op->result,
                                            .cause = op->cause,
                                            .text = op->text,
                                            .wall_us = op->wall_us,
                                            .session = op->session,
                                            .attempt = op->attempt};
    participant_step(world, node, &event);
}

void participant_batch_done(struct sim_world *world, struct sim_node *node, struct store_op *first)
{
    struct sim_participant *p = node->participant;

    if (first == NULL) {
        sim_node_stopped(world, node, SIM_SEEN_STOPPED, p->failed, "the store has failed");
        return;
    }
    p->is_busy = false;
    for (struct store_op *op = first, *next; op != NULL; op = next) {
        next = next_of(op);
        op_done(world, node, &op->op);
        op_give_back(p, op);
    }
    participant_turn_end(world, node);
    if (is_urgent(p->queue))
        participant_run_soon(world, node, 1);
    else if (p->queue != NULL || p->with_store > 0 || p->may_owe)
        tick_later(world, node);
}
