/*
 * A coordinator's process: the real core and the real journal, and between them what coordinator/server does in vowd.
 * The journal's thread is an event: it takes what was submitted since the last batch, and its answers come later.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/storage.h"
#include "chaos/sim/world.h"
#include "coordinator/core/coord.h"
#include "coordinator/journal/journal.h"
#include "proto/assert.h"
#include "proto/error.h"
#include "proto/message.h"

#define SESSIONS_MAX 64
#define LIVES_MAX 16
#define PEERS_MAX 16
#define BRANCHES_MAX 256
/* What nobody asks the journal for: folding in, cutting off, proving. */
#define IDLE_US SIM_SECOND_US

struct session {
    uint64_t id; /* 0: free */
    struct sim_conn *conn;
    enum vow_role role;
    bool up, is_full, is_told;
    char name[VOW_NAME_SIZE];
    char address[VOW_ADDRESS_SIZE];
    struct vow_coord_peer peer;
};

/* A participant's data file, and the highest incarnation it came with in this life of ours (lives.c). */
struct life {
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    uint64_t incarnation;
};

struct log_op {
    struct vow_journal_op op;           /* first */
    struct vow_coord_question question; /* GET */
    struct vow_record_branch branches[VOW_CALLS_MAX];
};

struct sim_coordinator {
    const struct vow_journal_engine *ops;
    void *engine; /* NULL: closed */
    struct vow_coord *core;
    struct vow_coord_limits limits;
    struct vow_journal_identity identity;
    struct session sessions[SESSIONS_MAX];
    uint64_t next_session;
    struct life lives[LIVES_MAX];
    uint32_t lives_len;
    uint64_t batches;
    struct vow_journal_op *pending, **pending_end; /* of this turn */
    struct vow_journal_op *queue, **queue_end;     /* with the journal's thread */
    bool is_busy, is_ticking;
    bool has_full; /* the core is to be told of a session */
    struct log_op *unused;
};

static void step(struct sim_world *world, struct sim_node *node, struct vow_coord_event *event);
static void turn_end(struct sim_world *world, struct sim_node *node);

static struct vow_journal_op *next_of(const struct vow_journal_op *op)
{
    return (struct vow_journal_op *)op->job.next;
}

/* --- The core's memory: kept from world to world --- */

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

/* --- Messages --- */

static struct session *session_find(struct sim_coordinator *c, uint64_t id)
{
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        if (c->sessions[i].id == id && id != 0)
            return &c->sessions[i];
    }
    return NULL;
}

static struct session *session_of(struct sim_coordinator *c, const struct sim_conn *conn)
{
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        if (c->sessions[i].id != 0 && c->sessions[i].conn == conn)
            return &c->sessions[i];
    }
    return NULL;
}

static void effect_message(struct sim_world *world, struct sim_coordinator *c, const struct vow_coord_effect *effect)
{
    struct session *session = session_find(c, effect->session);

    if (session == NULL || !session->up)
        return;
    sim_net_send(world, session->conn, 1, &effect->msg);
    if (!world->net.is_calm && session->role == VOW_ROLE_PARTICIPANT && !session->is_full &&
        world->options.queue_full > 0 && sim_rng_chance(&world->agenda.rng, world->options.queue_full))
        session->is_full = c->has_full = true;
}

/* --- The log --- */

static struct log_op *op_take(struct sim_world *world, struct sim_coordinator *c)
{
    struct log_op *op = c->unused;

    if (op != NULL)
        c->unused = (struct log_op *)op->op.job.next;
    else
        op = sim_arena_take(&world->arena, sizeof(*op));
    memset(&op->op, 0, sizeof(op->op));
    return op;
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
    sim_show(world, &sight);
}

static void effect_log(struct sim_world *world, struct sim_node *node, const struct vow_coord_effect *effect)
{
    struct sim_coordinator *c = node->coordinator;
    struct log_op *op = op_take(world, c);
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

static void effect_lookup(struct sim_world *world, struct sim_coordinator *c, const struct vow_coord_effect *effect)
{
    struct log_op *op = op_take(world, c);

    op->op.kind = VOW_JOURNAL_GET;
    op->op.gtrid = effect->lookup.question.gtrid;
    op->question = effect->lookup.question;
    (void)snprintf(op->op.reporter, sizeof(op->op.reporter), "%s", effect->lookup.reporter);
    op->op.token = effect->session;
    op_push(c, &op->op, true);
}

/* --- The core --- */

static void show_moved(struct sim_world *world, const struct sim_node *node, const struct vow_coord_effect *effect)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_MOVED, node);

    sight.gtrid = effect->trace.gtrid;
    sight.moved.machine = SIM_MACHINE_COORD;
    sight.moved.from = effect->trace.from;
    sight.moved.event = effect->trace.event;
    sight.moved.to = effect->trace.to;
    sim_show(world, &sight);
}

static void show_alarm(struct sim_world *world, const struct sim_node *node, const struct vow_coord_effect *effect)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_ALARM, node);

    sight.gtrid = effect->alarm.gtrid;
    sight.alarm.what = effect->alarm.what;
    sight.alarm.who = effect->alarm.who;
    sim_show(world, &sight);
}

static void carry_out(struct sim_world *world, struct sim_node *node, const struct vow_coord_effect *effect)
{
    switch (effect->kind) {
    case VOW_COORD_SEND:
    case VOW_COORD_REPLY:
        effect_message(world, node->coordinator, effect);
        break;
    case VOW_COORD_LOG:
        effect_log(world, node, effect);
        break;
    case VOW_COORD_LOOKUP:
        effect_lookup(world, node->coordinator, effect);
        break;
    case VOW_COORD_TRACE:
        show_moved(world, node, effect);
        break;
    case VOW_COORD_FORGOTTEN: /* no operator lives in this world yet */
        break;
    case VOW_COORD_ALARM:
        show_alarm(world, node, effect);
        break;
    }
}

/* Fault F029: the core holds back what can wait. */
static void tell_full(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_coord_event full = {.kind = VOW_COORD_PEER_FULL, .now_ms = sim_now_us(world) / 1000};
    struct vow_coord_effects none;

    c->has_full = false;
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *session = &c->sessions[i];

        if (session->id == 0 || !session->is_full || session->is_told)
            continue;
        session->is_told = true;
        full.session = session->id;
        sim_hit(world, SIM_FAULT_QUEUE_FULL, node->index, session->conn->end[0].node, 0);
        vow_coord_step(c->core, &full, &none);
        sim_later(world, node, SIM_EVENT_DRAINED, 1 + sim_rng_wait(&world->agenda.rng, SIM_SECOND_US / 8), true)
            ->number = session->id;
    }
}

static void drained(struct sim_world *world, struct sim_node *node, uint64_t id)
{
    struct vow_coord_event ready = {.kind = VOW_COORD_PEER_READY, .session = id};
    struct session *session = session_find(node->coordinator, id);

    if (session == NULL)
        return;
    session->is_full = session->is_told = false;
    step(world, node, &ready);
    turn_end(world, node);
}

static void step(struct sim_world *world, struct sim_node *node, struct vow_coord_event *event)
{
    struct vow_coord_effects effects;

    event->now_ms = sim_now_us(world) / 1000;
    vow_coord_step(node->coordinator->core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(world, node, &effects.items[i]);
    if (node->coordinator->has_full)
        tell_full(world, node);
}

/* --- The journal's thread --- */

static bool is_urgent(const struct vow_journal_op *op)
{
    for (; op != NULL; op = next_of(op)) {
        if (op->forced || op->kind == VOW_JOURNAL_DECIDE || op->kind == VOW_JOURNAL_GET)
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

static void tick_later(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
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
        tick_later(world, node, SIM_TICK_US);
}

static void turn_end(struct sim_world *world, struct sim_node *node)
{
    submit(world, node);
    sim_arm(world, node, vow_coord_deadline_ms(node->coordinator->core));
}

static void report_later(struct sim_world *world, struct sim_node *node, struct vow_journal_op *first)
{
    struct vow_job *jobs = &first->job;
    const uint64_t late_us = sim_nemesis_delay_done(world, node, &jobs);
    const uint64_t cost_us = sim_storage_cost_us(world, node, ++node->coordinator->batches);
    struct sim_event *done = sim_later(world, node, SIM_EVENT_DISK_DONE, cost_us + late_us, false);

    done->task = sim_task_of_node(node->index, 1);
    done->ptr = jobs;
}

static void run_batch(struct sim_world *world, struct sim_node *node)
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
        if (op->kind != VOW_JOURNAL_GET)
            show_log(world, node,
                     op->result == VOW_JOURNAL_WON || op->result == VOW_JOURNAL_EXISTS ? SIM_SEEN_LOG_DURABLE
                                                                                       : SIM_SEEN_LOG_FAILED,
                     op);
    }
    report_later(world, node, first);
}

static void looked_up(struct sim_world *world, struct sim_node *node, const struct vow_journal_op *op)
{
    struct vow_coord_event event = {.kind = VOW_COORD_LOOKED_UP};

    event.lookup.question = ((const struct log_op *)op)->question;
    event.lookup.session = op->token;
    event.lookup.found = op->error == 0;
    event.lookup.decided = op->error == 0 && op->decided;
    event.lookup.outcome = op->outcome;
    event.lookup.cause = op->cause;
    event.lookup.damage = op->damage;
    event.lookup.forgotten = op->forgotten;
    event.lookup.below_floor = op->error == VOW_E_EXPIRED;
    event.lookup.unproved = op->error == VOW_E_RECOVERING;
    step(world, node, &event);
}

/* Only "there is no record" is no record: a read that failed must never let anybody presume an abort. Any other answer
 * than "durable" has one consequence: stop. */
static bool op_is_good(const struct vow_journal_op *op)
{
    if (op->kind == VOW_JOURNAL_GET)
        return op->error == 0 || op->error == VOW_E_NOT_FOUND || op->error == VOW_E_EXPIRED ||
               op->error == VOW_E_RECOVERING;
    return op->result == VOW_JOURNAL_WON || op->result == VOW_JOURNAL_EXISTS;
}

static void op_done(struct sim_world *world, struct sim_node *node, const struct vow_journal_op *op)
{
    struct vow_coord_event event = {.kind = VOW_COORD_LOG_DONE};

    if (op->kind == VOW_JOURNAL_GET) {
        looked_up(world, node, op);
        return;
    }
    show_log(world, node, SIM_SEEN_LOG_DONE, op);
    event.token = op->token;
    step(world, node, &event);
}

static void batch_done(struct sim_world *world, struct sim_node *node, struct vow_journal_op *first)
{
    struct sim_coordinator *c = node->coordinator;

    c->is_busy = false;
    for (struct vow_journal_op *op = first, *next; op != NULL; op = next) {
        next = next_of(op);
        if (!op_is_good(op)) {
            sim_node_stopped(world, node, SIM_SEEN_STOPPED, op->error, "the journal has failed");
            return;
        }
        op_done(world, node, op);
        op_give_back(c, op);
    }
    turn_end(world, node);
    if (is_urgent(c->queue))
        run_soon(world, node, 1);
    else if (c->queue != NULL)
        tick_later(world, node, SIM_TICK_US);
}

/* The journal also fails on its own, when it proves what it keeps and finds damage. */
static void tick(struct sim_world *world, struct sim_node *node)
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
    tick_later(world, node, IDLE_US);
}

/* --- The start --- */

static int recover_one(void *ctx, const struct vow_journal_event *event)
{
    struct vow_coord_event recovered = {.kind = VOW_COORD_RECOVERED, .record = &event->record};
    void **both = ctx;

    step(both[0], both[1], &recovered);
    return 0;
}

static int count_open(void *ctx, const struct vow_journal_event *event)
{
    struct vow_coord_limits *limits = ctx;

    limits->txns_max += event->record.kind == VOW_RECORD_COMMIT ||
                        (event->record.kind == VOW_RECORD_HEURISTIC && event->record.branches_len > 0);
    limits->branches_max += event->record.branches_len;
    return 0;
}

static void fill_limits(const struct sim_world *world, struct vow_coord_limits *limits)
{
    const struct sim_options *o = &world->options;

    *limits = (struct vow_coord_limits){
        .txns_max = o->txns_max,
        .branches_max = BRANCHES_MAX,
        .peers_max = PEERS_MAX,
        .keys_max = 64,
        .ended_max = 32,
        .ids_window = 1024,
        .txn_timeout_ms = o->txn_ms,
        .vote_timeout_ms = o->vote_ms,
        .ack_timeout_ms = o->ack_ms,
        .ack_timeout_max_ms = o->ack_max_ms,
        .notes = o->notes != 0,
    };
}

static int make_core(struct sim_world *world, struct sim_node *node, uint32_t *recovered,
                     struct vow_error_detail *detail)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_coord_identity identity = {.coord = c->identity.coord, .epoch = c->identity.epoch};
    struct vow_coord_event done = {.kind = VOW_COORD_RECOVERY_DONE};
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_IDENTITY, node->index, node->life);
    void *both[2] = {world, node};
    int error;

    fill_limits(world, &c->limits);
    error = c->ops->scan(c->engine, count_open, &c->limits, detail);
    if (error != 0)
        return error;
    *recovered = c->limits.txns_max - world->options.txns_max;
    identity.seed = sim_rng_next(&rng);
    for (uint32_t i = 0; i < sizeof(identity.secret); i++)
        identity.secret[i] = (uint8_t)sim_rng_next(&rng);
    c->core = vow_coord_init(memory_of(node, vow_coord_size(&c->limits)), &c->limits, &identity);
    error = c->ops->scan(c->engine, recover_one, both, detail);
    if (error == 0)
        error = c->ops->keys(c->engine, c->limits.keys_max, recover_one, both, detail);
    if (error == 0)
        step(world, node, &done);
    return error;
}

static int open_all(struct sim_world *world, struct sim_node *node, uint32_t *recovered,
                    struct vow_error_detail *detail)
{
    struct sim_coordinator *c = node->coordinator;
    const struct vow_journal_options options = {
        .name = node->name,
        .retention = {.age_ms = world->options.retention_ms,
                      .least_ms = world->options.retention_ms > 0 ? world->options.retention_ms : 0}};
    int error = sim_storage_open_journal(node, &options, &c->ops, &c->engine, detail);

    if (error != 0) {
        c->engine = NULL;
        return error;
    }
    error = c->ops->takeover(c->engine, &c->identity, detail);
    return error != 0 ? error : make_core(world, node, recovered, detail);
}

static void make(struct sim_world *world, struct sim_node *node)
{
    node->coordinator = sim_arena_take(&world->arena, sizeof(*node->coordinator));
    memset(node->coordinator, 0, sizeof(*node->coordinator));
}

static void start(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_error_detail detail = {.error = 0, .text = ""};
    uint32_t recovered = 0;
    int error;

    memset(c, 0, sizeof(*c));
    c->pending_end = &c->pending;
    c->queue_end = &c->queue;
    error = open_all(world, node, &recovered, &detail);
    if (sim_node_died(world, node))
        return;
    if (error != 0) {
        sim_node_stopped(world, node, SIM_SEEN_REFUSED, error, detail.text);
        return;
    }
    struct sim_sight up = sim_sight_of(world, SIM_SEEN_UP, node);

    up.up.epoch = c->identity.epoch;
    up.up.coord_id = c->identity.coord;
    up.up.recovered = recovered;
    sim_node_up(world, node, &up);
    turn_end(world, node);
    tick_later(world, node, IDLE_US);
}

static void stop(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;

    (void)world;
    if (c->engine != NULL)
        c->ops->close(c->engine);
    c->engine = NULL;
    c->core = NULL;
}

/* Its own metrics and their limits. */
static void show_counts(struct sim_world *world, const struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_coord_counts counts;

    vow_coord_counts(c->core, &counts);
    sim_sample(world, node, SIM_SAMPLE_OPEN, counts.open, c->limits.txns_max);
    sim_sample(world, node, SIM_SAMPLE_BRANCHES, counts.branches, c->limits.branches_max);
    sim_sample(world, node, SIM_SAMPLE_PEERS, counts.peers, c->limits.peers_max);
}

static void event(struct sim_world *world, struct sim_node *node, const struct sim_event *event)
{
    struct vow_coord_event timer = {.kind = VOW_COORD_TIMER};

    if (event->kind == SIM_EVENT_DISK_RUN) {
        run_batch(world, node);
    } else if (event->kind == SIM_EVENT_DISK_DONE) {
        batch_done(world, node, event->ptr);
    } else if (event->kind == SIM_EVENT_TICK) {
        tick(world, node);
    } else if (event->kind == SIM_EVENT_DRAINED) {
        drained(world, node, event->number);
    } else if (event->kind == SIM_EVENT_WAKE) {
        struct sim_sight sight = sim_sight_of(world, SIM_SEEN_TICKED, node);

        show_counts(world, node);
        sim_show(world, &sight);
        step(world, node, &timer);
        turn_end(world, node);
    }
}

/* --- Who is let in: session.c, lives.c, known.c of the server --- */

static struct life *life_find(struct sim_coordinator *c, const uint8_t *db_uuid)
{
    for (uint32_t i = 0; i < c->lives_len; i++) {
        if (memcmp(c->lives[i].db_uuid, db_uuid, VOW_DB_UUID_BYTES) == 0)
            return &c->lives[i];
    }
    return NULL;
}

static void life_seen(struct sim_coordinator *c, const struct vow_coord_peer *peer)
{
    struct life *life = life_find(c, peer->db_uuid);

    if (life == NULL && c->lives_len < LIVES_MAX) {
        life = &c->lives[c->lives_len++];
        memcpy(life->db_uuid, peer->db_uuid, VOW_DB_UUID_BYTES);
        life->incarnation = 0;
    }
    if (life != NULL && life->incarnation < peer->incarnation)
        life->incarnation = peer->incarnation;
}

static int judge_rival(const struct sim_coordinator *c, const struct vow_msg_hello *hello)
{
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        const struct session *session = &c->sessions[i];
        const bool same_name = strcmp(session->name, hello->name) == 0;
        const bool same_file = memcmp(session->peer.db_uuid, hello->db_uuid, VOW_DB_UUID_BYTES) == 0;

        if (session->id == 0 || session->role != VOW_ROLE_PARTICIPANT || (!same_name && !same_file))
            continue;
        if (!same_file || !same_name || session->peer.incarnation > hello->incarnation)
            return VOW_E_IDENTITY;
    }
    return 0;
}

static int judge(struct sim_coordinator *c, const struct vow_msg_hello *hello)
{
    const struct life *life;
    int error = 0;

    if (hello->role == VOW_ROLE_COORDINATOR)
        return VOW_E_HANDSHAKE;
    if (hello->coord == c->identity.coord && hello->epoch > c->identity.epoch)
        return VOW_E_FENCED;
    if (hello->role != VOW_ROLE_PARTICIPANT)
        return 0;
    if (hello->coord != 0 && hello->coord != c->identity.coord)
        return VOW_E_NOT_MINE;
    error = judge_rival(c, hello);
    life = life_find(c, hello->db_uuid);
    if (error == 0 && life != NULL && hello->incarnation < life->incarnation)
        return VOW_E_IDENTITY;
    if (error == 0 && !vow_coord_has_peer_room(c->core, hello->name))
        return VOW_E_BUSY;
    return error;
}

static void session_drop(struct session *session)
{
    session->id = 0;
    session->up = false;
}

static void session_end(struct sim_world *world, struct sim_node *node, struct session *session)
{
    struct vow_coord_event down = {.kind = VOW_COORD_SESSION_DOWN, .session = session->id};
    struct sim_conn *conn = session->conn;

    session_drop(session);
    sim_net_close(world, conn, 1);
    step(world, node, &down);
}

static void close_older(struct sim_world *world, struct sim_node *node, const struct session *newer)
{
    struct sim_coordinator *c = node->coordinator;

    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *session = &c->sessions[i];

        if (session->id != 0 && session != newer && session->role == VOW_ROLE_PARTICIPANT &&
            strcmp(session->name, newer->name) == 0)
            session_end(world, node, session);
    }
}

static struct session *session_new(struct sim_coordinator *c)
{
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        if (c->sessions[i].id == 0) {
            memset(&c->sessions[i], 0, sizeof(c->sessions[i]));
            c->sessions[i].id = ++c->next_session;
            return &c->sessions[i];
        }
    }
    return NULL;
}

static void reject(struct sim_world *world, struct sim_conn *conn, int error)
{
    const struct vow_msg msg = {.kind = VOW_MSG_REJECT, .reject = {.error = error, .text = vow_error_text(error)}};

    sim_net_send(world, conn, 1, &msg);
    sim_net_close(world, conn, 1);
}

static void welcome(struct sim_world *world, struct sim_node *node, struct session *session)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_coord_counts counts;
    struct vow_msg msg = {.kind = VOW_MSG_WELCOME};
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_LINKED, node);

    vow_coord_counts(c->core, &counts);
    msg.welcome = (struct vow_msg_welcome){.version = VOW_WIRE_VERSION,
                                           .coord = c->identity.coord,
                                           .epoch = c->identity.epoch,
                                           .name = c->identity.name,
                                           .watermark = counts.watermark,
                                           .heartbeat_ms = 2000,
                                           .frame_max = VOW_FRAME_MAX_DEFAULT};
    sim_net_send(world, session->conn, 1, &msg);
    session->conn->end[1].state = SIM_END_UP;
    session->conn->end[1].session = session->id;
    session->up = true;
    sight.peer = session->conn->end[0].node;
    sim_show(world, &sight);
}

static void hello(struct sim_world *world, struct sim_node *node, struct sim_conn *conn,
                  const struct vow_msg_hello *said)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_coord_event up = {.kind = VOW_COORD_PEER_UP};
    struct session *session;
    int error = judge(c, said);

    session = error == 0 ? session_new(c) : NULL;
    if (session == NULL) {
        reject(world, conn, error != 0 ? error : VOW_E_BUSY);
        return;
    }
    session->conn = conn;
    session->role = said->role;
    (void)snprintf(session->name, sizeof(session->name), "%s", said->name);
    (void)snprintf(session->address, sizeof(session->address), "%s", said->address);
    session->peer =
        (struct vow_coord_peer){.name = session->name, .incarnation = said->incarnation, .address = session->address};
    memcpy(session->peer.db_uuid, said->db_uuid, VOW_DB_UUID_BYTES);
    welcome(world, node, session);
    if (session->role != VOW_ROLE_PARTICIPANT)
        return;
    close_older(world, node, session);
    life_seen(c, &session->peer);
    up.session = session->id;
    up.peer = session->peer;
    step(world, node, &up);
}

/* --- Messages --- */

static void message(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                    const struct vow_msg *msg)
{
    struct sim_coordinator *c = node->coordinator;
    struct session *session = session_of(c, conn);
    struct vow_coord_event event = {.kind = VOW_COORD_MESSAGE, .msg = msg};

    if (conn->end[side].state == SIM_END_HANDSHAKE && msg->kind == VOW_MSG_HELLO) {
        hello(world, node, conn, &msg->hello);
        return;
    }
    if (session == NULL || !session->up) {
        sim_net_close(world, conn, side);
        return;
    }
    event.session = session->id;
    step(world, node, &event);
}

static void disconnected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                         bool was_up)
{
    struct session *session = session_of(node->coordinator, conn);
    struct vow_coord_event down = {.kind = VOW_COORD_SESSION_DOWN};

    (void)side;
    if (session == NULL)
        return;
    down.session = session->id;
    session_drop(session);
    if (was_up)
        step(world, node, &down);
}

/* It waits for a participant that will not come back, or has lost what it must commit. */
static bool cannot_end(const struct sim_world *world, const struct vow_coord_txn_view *view)
{
    for (uint32_t i = 0; i < view->branches_len && i < VOW_CALLS_MAX; i++) {
        const struct vow_coord_branch_view *branch = &view->branches[i];
        const struct sim_node *node = sim_find(world, branch->participant);

        if (!branch->acknowledged && (node == NULL || (world->healed_nodes >> node->index & 1) == 0))
            return true;
    }
    return false;
}

static bool is_quiet(const struct sim_world *world, const struct sim_node *node)
{
    const struct sim_coordinator *c = node->coordinator;
    struct vow_coord_txn_view view;
    uint32_t cursor = 0;

    if (node->state != SIM_NODE_UP || c->queue != NULL || c->pending != NULL)
        return false;
    while (vow_coord_next(c->core, &cursor, &view)) {
        if (!cannot_end(world, &view))
            return false;
    }
    return true;
}

static bool is_linked(const struct sim_node *node)
{
    return node->state == SIM_NODE_UP;
}

const struct sim_driver sim_coordinator_driver = {
    .make = make,
    .start = start,
    .stop = stop,
    .event = event,
    .connected = NULL,
    .message = message,
    .disconnected = disconnected,
    .turn_end = turn_end,
    .is_quiet = is_quiet,
    .is_linked = is_linked,
};
