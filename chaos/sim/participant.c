/*
 * A participant's process: the real core, the real SQLite store and a service with handlers, and between them what
 * participant/participant_loop.c does. The store's thread is an event, as the coordinator's journal is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/bank.h"
#include "chaos/sim/peers.h"
#include "chaos/sim/storage.h"
#include "chaos/sim/world.h"
#include "participant/core/branch.h"
#include "proto/assert.h"
#include "proto/error.h"
#include "proto/net/backoff.h"

#define BRANCHES_MAX 64u
#define PREPARED_MAX 256

struct store_op {
    struct vow_store_op op; /* first */
    struct vow_msg_call calls[VOW_CALLS_MAX];
    bool has_run; /* its handlers have begun once */
};

struct sim_participant {
    const struct vow_store_ops *ops;
    void *store; /* NULL: closed */
    struct vow_store_identity identity;
    struct vow_branches *core;
    struct sim_bank bank;
    struct sim_conn *conn; /* NULL: not connected */
    struct backoff backoff;
    uint64_t coord;
    uint32_t epoch;
    bool is_busy, is_ticking;
    bool may_owe;        /* a full disk may have kept the store from taking the locks of refused work away */
    uint32_t with_store; /* operations that it has not given back */
    uint64_t batches;
    struct store_op *pending, **pending_end;
    struct store_op *queue, **queue_end;
    struct store_op *unused;
    struct sim_peers peers;
    struct sim_call *joins, *answered; /* calls that work; the first of each id is with the core */
    struct vow_branches_recovered prepared[PREPARED_MAX];
    uint32_t prepared_len;
    /* The call under way, for what is shown of it. */
    struct vow_gtrid shown;
};

static struct {
    void *memory;
    size_t size;
} memories[SIM_NODES_MAX];

static void *memory_of(const struct sim_node *node, size_t size)
{
    if (memories[node->index].size < size) {
        free(memories[node->index].memory);
        memories[node->index].memory = malloc(size);
        memories[node->index].size = size;
    }
    VOW_ASSERT(memories[node->index].memory != NULL);
    return memories[node->index].memory;
}

/* --- The store's operations --- */

static struct store_op *next_of(const struct store_op *op)
{
    return (struct store_op *)op->op.job.next;
}

static struct store_op *op_take(struct sim_world *world, struct sim_participant *p)
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

static void show_store(struct sim_world *world, const struct sim_node *node, enum sim_sight_kind kind,
                       const struct vow_store_op *op)
{
    struct sim_sight sight = sim_sight_of(world, kind, node);

    sight.gtrid = op->gtrid;
    sight.store.op = op->kind;
    sight.store.branch = op->branch;
    sight.store.epoch = op->epoch;
    sight.store.watermark = op->watermark;
    sight.store.result = op->result;
    sight.store.cause = op->cause;
    sim_show(world, &sight);
}

static struct sim_call *join_of(const struct sim_participant *p, const struct vow_gtrid *gtrid)
{
    struct sim_call *join = p->joins;

    while (join != NULL && !vow_gtrid_equal(&join->gtrid, gtrid))
        join = join->next;
    return join;
}

struct work_ctx {
    struct sim_world *world;
    struct sim_node *node;
};
static struct work_ctx contexts[SIM_NODES_MAX];

static int run_call(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, const struct vow_msg_call *call,
                    enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    const struct work_ctx *work = ctx;
    struct sim_participant *p = work->node->participant;
    struct sim_leg leg;
    int rc;

    if (strcmp(call->handler, "work") != 0 || !sim_leg_decode(call->payload.data, call->payload.len, &leg)) {
        *cause = VOW_CAUSE_NO_SUCH_HANDLER;
        return VOW_E_NOT_FOUND;
    }
    rc = sim_bank_work(work->world, work->node, &p->bank, gtrid, db, &leg, cause, text);
    if (rc != 0 && rc != VOW_E_REFUSED)
        *cause = VOW_CAUSE_HANDLER_FAILED;
    return rc;
}

static int run_work(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, enum vow_cause *cause,
                    char text[VOW_TEXT_SIZE])
{
    const struct work_ctx *work = ctx;
    struct sim_participant *p = work->node->participant;
    const struct sim_call *join = join_of(p, gtrid);
    int rc;

    VOW_ASSERT(join != NULL);
    rc = sim_bank_work(work->world, work->node, &p->bank, gtrid, db, join->work, cause, text);
    if (rc != 0 && rc != VOW_E_REFUSED)
        *cause = VOW_CAUSE_HANDLER_FAILED;
    return rc;
}

static const char *copy_text(struct sim_world *world, const char *text)
{
    return text != NULL ? sim_arena_copy(&world->arena, text, strlen(text) + 1) : NULL;
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

static void effect_store(struct sim_world *world, struct sim_node *node, const struct vow_branches_effect *effect)
{
    struct sim_participant *p = node->participant;
    struct store_op *op = op_take(world, p);

    op->op.kind = effect->store.op;
    op->op.gtrid = effect->store.gtrid;
    op->op.branch = effect->store.branch;
    op->op.epoch = effect->store.epoch;
    op->op.watermark = effect->store.watermark;
    op->op.coord = effect->store.coord;
    op->op.verdict = effect->store.verdict;
    op->op.who = copy_text(world, effect->store.who);
    op->op.why = copy_text(world, effect->store.why);
    op->op.session = effect->store.session;
    op->op.attempt = effect->store.attempt;
    copy_calls(world, op, effect->store.calls, effect->store.calls_len);
    op->op.peers = sim_peers_write(world, node, effect->store.peers, effect->store.peers_len);
    sim_peers_keep(world, &p->peers, &op->op.gtrid, op->op.peers);
    if (op->op.kind == VOW_STORE_WORK) {
        op->op.work = run_work;
        op->op.work_ctx = &contexts[node->index];
    }
    *p->pending_end = op;
    p->pending_end = (struct store_op **)&op->op.job.next;
    show_store(world, node, SIM_SEEN_STORE_ASKED, &op->op);
}

/* --- The core --- */

static void answer_join(struct sim_participant *p, const struct vow_branches_effect *effect)
{
    struct sim_call **link = &p->joins, *join;

    while (*link != NULL && !vow_gtrid_equal(&(*link)->gtrid, &effect->joined.gtrid))
        link = &(*link)->next;
    join = *link;
    VOW_ASSERT(join != NULL);
    *link = join->next;
    join->error = effect->joined.error;
    join->ops = effect->joined.error == 0 ? 1 : 0;
    join->next = p->answered;
    p->answered = join;
}

static void show_moved(struct sim_world *world, const struct sim_node *node, const struct vow_branches_effect *effect)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_MOVED, node);

    sight.gtrid = effect->trace.gtrid;
    sight.moved.machine = SIM_MACHINE_BRANCH;
    sight.moved.from = effect->trace.from;
    sight.moved.event = effect->trace.event;
    sight.moved.to = effect->trace.to;
    sim_show(world, &sight);
}

static void carry_out(struct sim_world *world, struct sim_node *node, const struct vow_branches_effect *effect)
{
    struct sim_participant *p = node->participant;
    struct sim_sight sight;

    switch (effect->kind) {
    case VOW_BRANCHES_SEND:
        if (p->conn != NULL)
            sim_net_send(world, p->conn, 0, &effect->msg);
        break;
    case VOW_BRANCHES_STORE:
        effect_store(world, node, effect);
        break;
    case VOW_BRANCHES_JOINED:
        answer_join(p, effect);
        break;
    case VOW_BRANCHES_ASK_PEERS:
        sim_peers_ask(world, node, &p->peers, &effect->ask.header);
        break;
    case VOW_BRANCHES_ANSWER_PEER:
        sim_peers_answer(world, node, effect->answer.session, &effect->answer.msg);
        break;
    case VOW_BRANCHES_ANSWER: /* nobody asks a participant itself here */
        break;
    case VOW_BRANCHES_TRACE:
        show_moved(world, node, effect);
        break;
    case VOW_BRANCHES_ALARM:
        sight = sim_sight_of(world, SIM_SEEN_ALARM, node);
        sight.gtrid = effect->alarm.gtrid;
        sight.alarm.what = effect->alarm.what;
        sight.alarm.who = "";
        sim_show(world, &sight);
        break;
    }
}

static void step(struct sim_world *world, struct sim_node *node, struct vow_branches_event *event)
{
    struct vow_branches_effects effects;

    event->now_ms = sim_now_us(world) / 1000;
    vow_branches_step(node->participant->core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(world, node, &effects.items[i]);
}

static void join(struct sim_world *world, struct sim_node *node, const struct vow_gtrid *gtrid)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_JOIN};

    event.join.gtrid = *gtrid;
    step(world, node, &event);
}

/* --- The store's thread --- */

/* Nobody waits for these, so they ride with the next batch. */
static bool is_lazy(enum vow_store_op_kind kind)
{
    return kind == VOW_STORE_FORGET || kind == VOW_STORE_WATERMARK;
}

static bool is_urgent(const struct store_op *op)
{
    for (; op != NULL; op = next_of(op)) {
        if (!is_lazy(op->op.kind))
            return true;
    }
    return false;
}

static void run_soon(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
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

static void submit(struct sim_world *world, struct sim_node *node)
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
        run_soon(world, node, 1 + sim_rng_below(&world->agenda.rng, 20));
    else
        tick_later(world, node);
}

/* Answers the services, and lets the next joins of their ids go on. */
static void settle_joins(struct sim_world *world, struct sim_node *node)
{
    struct sim_participant *p = node->participant;

    while (p->answered != NULL) {
        struct sim_call *call = p->answered;
        const struct vow_gtrid gtrid = call->gtrid;

        p->answered = call->next;
        sim_call_answer(world, call);
        if (join_of(p, &gtrid) != NULL)
            join(world, node, &gtrid);
    }
}

static void turn_end(struct sim_world *world, struct sim_node *node)
{
    settle_joins(world, node);
    submit(world, node);
    sim_arm(world, node, vow_branches_deadline_ms(node->participant->core));
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

static void run_batch(struct sim_world *world, struct sim_node *node)
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
        sim_node_stopped(world, node, SIM_SEEN_STOPPED, error, detail.text);
        return;
    }
    p->with_store -= count(jobs);
    for (const struct vow_job *job = jobs; job != NULL; job = job->next)
        show_store(world, node, SIM_SEEN_STORE_DONE, (const struct vow_store_op *)job);
    tick_if_owed(world, node, jobs);
    if (jobs == NULL) {
        p->is_busy = false;
    } else {
        report_later(world, node, jobs);
    }
}

static void op_done(struct sim_world *world, struct sim_node *node, const struct vow_store_op *op)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_STORE_DONE};

    show_store(world, node, SIM_SEEN_STORE_TOLD, op);
    event.done = (struct vow_branches_done){.op = op->kind,
                                            .gtrid = op->gtrid,
                                            .branch = op->branch,
                                            .result = op->result,
                                            .cause = op->cause,
                                            .text = op->text,
                                            .wall_us = op->wall_us,
                                            .session = op->session,
                                            .attempt = op->attempt};
    step(world, node, &event);
}

static void batch_done(struct sim_world *world, struct sim_node *node, struct store_op *first)
{
    struct sim_participant *p = node->participant;

    p->is_busy = false;
    for (struct store_op *op = first, *next; op != NULL; op = next) {
        next = next_of(op);
        op_done(world, node, &op->op);
        op_give_back(p, op);
    }
    turn_end(world, node);
    if (is_urgent(p->queue))
        run_soon(world, node, 1);
    else if (p->queue != NULL || p->with_store > 0 || p->may_owe)
        tick_later(world, node);
}

/* --- The start --- */

struct recovery {
    struct sim_world *world;
    struct sim_participant *p;
};

static int recovered(void *ctx, const struct vow_branches_recovered *found)
{
    struct recovery *recovery = ctx;
    struct sim_participant *p = recovery->p;

    VOW_ASSERT(p->prepared_len < PREPARED_MAX);
    p->prepared[p->prepared_len] = *found;
    p->prepared[p->prepared_len].peers = copy_text(recovery->world, found->peers);
    sim_peers_keep(recovery->world, &p->peers, &found->gtrid, p->prepared[p->prepared_len].peers);
    p->prepared[p->prepared_len].who = copy_text(recovery->world, found->who);
    p->prepared[p->prepared_len++].why = copy_text(recovery->world, found->why);
    return 0;
}

static void make_core(struct sim_world *world, struct sim_node *node)
{
    const struct sim_options *o = &world->options;
    struct sim_participant *p = node->participant;
    struct sim_rng rng = sim_rng_of(o->seed, SIM_FOR_IDENTITY, node->index, node->life);
    struct vow_branches_limits limits = {
        .branches_max = BRANCHES_MAX + p->prepared_len,
        .ended_max = 32,
        .enlist_timeout_ms = 2 * o->vote_ms,
        .idle_timeout_ms = 4 * o->txn_ms,
        .decision_timeout_ms = o->decision_ms,
        .decision_timeout_max_ms = o->decision_max_ms,
        .termination_after = o->termination_after,
        .heuristic_verdict = VOW_ABORT,
        .heuristics_max = BRANCHES_MAX + p->prepared_len,
    };
    const struct vow_branches_identity identity = {
        .incarnation = p->identity.incarnation,
        .coord = p->identity.coord,
        .epoch = p->identity.epoch,
        .watermark = p->identity.watermark,
        .seed = sim_rng_next(&rng),
    };

    p->core = vow_branches_init(memory_of(node, vow_branches_size(&limits)), &limits, &identity);
    for (uint32_t i = 0; i < p->prepared_len; i++) {
        struct vow_branches_event event = {.kind = VOW_BRANCHES_RECOVERED};

        event.recovered = p->prepared[i];
        step(world, node, &event);
    }
    backoff_init(&p->backoff, 50, 5000, sim_rng_next(&rng));
}

static int open_all(struct sim_world *world, struct sim_node *node, struct vow_error_detail *detail)
{
    struct sim_participant *p = node->participant;
    const struct vow_sqlite_options options = {.call = run_call,
                                               .ctx = &contexts[node->index],
                                               .lock_wait_ms = world->options.lock_wait_ms,
                                               .lock_grace_ms = world->options.lock_grace_ms,
                                               .fail_fast = world->options.fail_fast != 0};
    int error;

    contexts[node->index] = (struct work_ctx){world, node};
    error = sim_storage_open_store(node, &options, &p->ops, &p->store, detail);
    if (error != 0) {
        p->store = NULL;
        return error;
    }
    p->ops->identity(p->store, &p->identity);
    p->coord = p->identity.coord;
    p->epoch = p->identity.epoch;
    return p->ops->recover(p->store, recovered, &(struct recovery){world, p}, detail);
}

static void dial_later(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
{
    struct sim_event *dial = sim_later(world, node, SIM_EVENT_DIAL, delay_us, delay_us > 1000);

    dial->task = sim_task_of_link(node->index, node->coord);
}

static void make(struct sim_world *world, struct sim_node *node)
{
    node->participant = sim_arena_take(&world->arena, sizeof(*node->participant));
    memset(node->participant, 0, sizeof(*node->participant));
}

static void start(struct sim_world *world, struct sim_node *node)
{
    struct sim_participant *p = node->participant;
    struct vow_error_detail detail = {.error = 0, .text = ""};
    struct sim_sight up;
    int error;

    memset(p, 0, sizeof(*p));
    p->pending_end = &p->pending;
    p->queue_end = &p->queue;
    error = open_all(world, node, &detail);
    if (sim_node_died(world, node))
        return;
    if (error != 0) {
        sim_node_stopped(world, node, SIM_SEEN_REFUSED, error, detail.text);
        return;
    }
    make_core(world, node);
    up = sim_sight_of(world, SIM_SEEN_UP, node);
    up.up.incarnation = p->identity.incarnation;
    memcpy(up.up.db_uuid, p->identity.db_uuid, VOW_DB_UUID_BYTES);
    up.up.recovered = p->prepared_len;
    sim_node_up(world, node, &up);
    turn_end(world, node);
    dial_later(world, node, 1);
}

static void stop(struct sim_world *world, struct sim_node *node)
{
    struct sim_participant *p = node->participant;

    (void)world;
    sim_bank_close(&p->bank);
    if (p->store != NULL)
        p->ops->close(p->store);
    p->store = NULL;
    p->core = NULL;
}

/* --- The connection --- */

/* Side 0 of a connection to another participant: to ask it; side 1: it asks. */
static bool is_to_coordinator(const struct sim_node *node, const struct sim_conn *conn)
{
    return conn->end[0].node == node->index && conn->end[1].node == node->coord;
}

static void connected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side)
{
    struct sim_participant *p = node->participant;
    char address[VOW_ADDRESS_SIZE];
    struct vow_msg msg = {.kind = VOW_MSG_HELLO};

    sim_peers_address(node, address);
    msg.hello = (struct vow_msg_hello){.version_min = VOW_WIRE_VERSION,
                                       .version_max = VOW_WIRE_VERSION,
                                       .role = VOW_ROLE_PARTICIPANT,
                                       .name = node->name,
                                       .incarnation = p->identity.incarnation,
                                       .coord = p->coord,
                                       .epoch = p->epoch,
                                       .software = "sim",
                                       .address = address};
    memcpy(msg.hello.db_uuid, p->identity.db_uuid, VOW_DB_UUID_BYTES);
    sim_net_send(world, conn, side, &msg);
}

static void show_linked(struct sim_world *world, const struct sim_node *node, const struct sim_conn *conn,
                        uint32_t side)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_LINKED, node);

    sight.peer = conn->end[1 - side].node;
    sim_show(world, &sight);
}

static void welcomed(struct sim_world *world, struct sim_node *node, struct sim_conn *conn,
                     const struct vow_msg_welcome *welcome)
{
    struct sim_participant *p = node->participant;
    struct vow_branches_event event = {.kind = VOW_BRANCHES_COORD_UP};

    conn->end[0].state = SIM_END_UP;
    show_linked(world, node, conn, 0);
    p->conn = conn;
    backoff_reset(&p->backoff);
    /* The data belongs to the first coordinator it ever met. */
    if (p->coord == 0)
        p->coord = welcome->coord;
    if (p->coord == welcome->coord)
        p->epoch = welcome->epoch;
    event.coord.coord = welcome->coord;
    event.coord.epoch = welcome->epoch;
    event.coord.watermark = welcome->watermark;
    step(world, node, &event);
}

/* --- Peers --- */

/* Who belongs to another coordinator has nothing to ask here. */
static void peer_hello(struct sim_world *world, struct sim_node *node, struct sim_conn *conn,
                       const struct vow_msg_hello *hello)
{
    const struct sim_participant *p = node->participant;
    struct vow_msg msg = {.kind = VOW_MSG_REJECT, .reject = {.error = VOW_E_NOT_MINE, .text = ""}};

    if (p->coord != 0 && hello->coord == p->coord) {
        msg.kind = VOW_MSG_WELCOME;
        msg.welcome = (struct vow_msg_welcome){.version = VOW_WIRE_VERSION,
                                               .coord = p->coord,
                                               .epoch = p->epoch,
                                               .name = node->name,
                                               .heartbeat_ms = 2000,
                                               .frame_max = VOW_FRAME_MAX_DEFAULT};
    }
    sim_net_send(world, conn, 1, &msg);
    if (msg.kind == VOW_MSG_REJECT) {
        sim_net_close(world, conn, 1);
        return;
    }
    conn->end[1].state = SIM_END_UP;
    show_linked(world, node, conn, 1);
}

static void peer_welcomed(struct sim_world *world, struct sim_node *node, struct sim_conn *conn,
                          const struct vow_msg *msg)
{
    struct sim_participant *p = node->participant;

    if (msg->kind != VOW_MSG_WELCOME || msg->welcome.coord != p->coord) {
        sim_net_close(world, conn, 0);
        sim_peers_down(&p->peers, conn);
        return;
    }
    conn->end[0].state = SIM_END_UP;
    show_linked(world, node, conn, 0);
    sim_peers_up(world, &p->peers, conn);
}

static void peer_message(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                         const struct vow_msg *msg)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_PEER};
    /* Only who was named with the transaction may tell its outcome. */
    const bool is_answer =
        msg->kind == VOW_MSG_PEER_ANSWER &&
        sim_peers_are(world, &node->participant->peers, &msg->peer_answer.header.gtrid, conn->end[1].node);

    if (conn->end[side].state == SIM_END_HANDSHAKE) {
        if (side == 0)
            peer_welcomed(world, node, conn, msg);
        else if (msg->kind == VOW_MSG_HELLO)
            peer_hello(world, node, conn, &msg->hello);
        return;
    }
    event.peer.msg = msg;
    event.peer.session = side == 1 ? conn->id : 0;
    if (side == 1 ? msg->kind == VOW_MSG_PEER_INQUIRY : is_answer)
        step(world, node, &event);
}

/* --- Messages --- */

static void message(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                    const struct vow_msg *msg)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_MESSAGE, .msg = msg};

    if (!is_to_coordinator(node, conn)) {
        peer_message(world, node, conn, side, msg);
    } else if (conn->end[side].state != SIM_END_HANDSHAKE) {
        step(world, node, &event);
    } else if (msg->kind == VOW_MSG_WELCOME) {
        welcomed(world, node, conn, &msg->welcome);
    } else {
        sim_net_close(world, conn, side);
        dial_later(world, node, (uint64_t)backoff_next_ms(&node->participant->backoff) * 1000);
    }
}

static void disconnected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                         bool was_up)
{
    struct sim_participant *p = node->participant;
    struct vow_branches_event event = {.kind = VOW_BRANCHES_COORD_DOWN};

    if (!is_to_coordinator(node, conn)) {
        if (side == 0)
            sim_peers_down(&p->peers, conn);
        return;
    }
    dial_later(world, node, (uint64_t)backoff_next_ms(&p->backoff) * 1000);
    if (!was_up || p->conn != conn)
        return;
    p->conn = NULL;
    step(world, node, &event);
}

/* A service was called with a transaction's token: its work joins. */
static void called(struct sim_world *world, struct sim_node *node, struct sim_call *call)
{
    struct sim_participant *p = node->participant;
    const bool is_first = join_of(p, &call->gtrid) == NULL;
    struct sim_call **link = &p->joins;

    while (*link != NULL)
        link = &(*link)->next;
    call->next = NULL;
    *link = call;
    if (is_first)
        join(world, node, &call->gtrid);
    turn_end(world, node);
}

/* Its own metrics, for whoever counts by what was seen. */
static void show_counts(struct sim_world *world, const struct sim_node *node)
{
    struct vow_branches_counts counts;

    vow_branches_counts(node->participant->core, sim_now_us(world) / 1000, &counts);
    sim_sample(world, node, SIM_SAMPLE_IN_DOUBT, counts.in_doubt, 0);
    sim_sample(world, node, SIM_SAMPLE_OPEN, counts.open, 0);
}

static void event(struct sim_world *world, struct sim_node *node, const struct sim_event *event)
{
    struct vow_branches_event timer = {.kind = VOW_BRANCHES_TIMER};
    struct sim_sight sight;

    if (event->kind == SIM_EVENT_DISK_RUN) {
        run_batch(world, node);
    } else if (event->kind == SIM_EVENT_DISK_DONE) {
        batch_done(world, node, event->ptr);
    } else if (event->kind == SIM_EVENT_TICK) {
        node->participant->is_ticking = false;
        run_soon(world, node, 1);
    } else if (event->kind == SIM_EVENT_DIAL) {
        sim_net_dial(world, node, node->coord, VOW_ROLE_PARTICIPANT);
    } else if (event->kind == SIM_EVENT_CALL) {
        called(world, node, event->ptr);
    } else if (event->kind == SIM_EVENT_WAKE) {
        show_counts(world, node);
        sight = sim_sight_of(world, SIM_SEEN_TICKED, node);
        sim_show(world, &sight);
        step(world, node, &timer);
        turn_end(world, node);
    }
}

/* Prepared, and older than the history of its coordinator: only an operator ends it, and none lives in this world. */
static uint32_t count_expired(const struct sim_participant *p)
{
    struct vow_branch_view view;
    uint32_t cursor = 0, expired = 0;

    while (vow_branches_next(p->core, &cursor, &view))
        expired += view.answer == VOW_WAIT_EXPIRED && strcmp(view.state, "PREPARED") == 0;
    return expired;
}

static bool is_quiet(const struct sim_world *world, const struct sim_node *node)
{
    const struct sim_participant *p = node->participant;
    struct vow_branches_counts counts;

    if (node->state != SIM_NODE_UP)
        return false;
    vow_branches_counts(p->core, sim_now_us(world) / 1000, &counts);
    if (p->with_store != 0 || p->queue != NULL || p->pending != NULL)
        return false;
    return counts.open == 0 || counts.open == count_expired(p);
}

static bool is_linked(const struct sim_node *node)
{
    return node->state == SIM_NODE_UP && node->participant->conn != NULL;
}

const struct sim_driver sim_participant_driver = {
    .make = make,
    .start = start,
    .stop = stop,
    .event = event,
    .connected = connected,
    .message = message,
    .disconnected = disconnected,
    .turn_end = turn_end,
    .is_quiet = is_quiet,
    .is_linked = is_linked,
};
