/*
 * The paper's row (protocol 1.5): messages, forced writes and records of one transaction, counted on the real cores,
 * the real codec, the real journal and real SQLite stores, for every split of N participants into YES, READ-ONLY and
 * NO. One process, no network: what is sent is encoded, queued, decoded and delivered in order.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coordinator/core/coord.h"
#include "coordinator/journal/journal.h"
#include "files.h"
#include "participant/core/branch.h"
#include "participant/store/sqlite.h"
#include "proto/codec.h"
#include "proto/frame.h"
#include "sync_counter.h"

TestSuite(paper_row, .timeout = 120);

#define NODES_MAX 8
#define CLIENT_SESSION 1000
#define QUEUE_MAX 256

struct node {
    struct vow_branches *core;
    const struct vow_store_ops *store_ops;
    void *store;
};

/* One message on its way; to = a node's index, or -1 for the coordinator. */
struct letter {
    int to;
    uint64_t from; /* session, for the coordinator */
    uint8_t body[4096];
    size_t len;
};

struct world {
    char directory[64];
    struct vow_coord *coord;
    const struct vow_journal_engine *journal_ops;
    void *journal;
    struct node nodes[NODES_MAX];
    uint32_t nodes_len;
    struct vow_arena *arena;
    struct letter queue[QUEUE_MAX];
    unsigned head, tail;
    uint64_t now_ms, next_seq, rand[VOW_IDS_MAX];
    enum vow_outcome outcome;
    /* counted */
    uint32_t messages, late_aborts, coord_forced, coord_records, node_forced, node_records;
};

/* ---- carrying out effects ---- */

static void post(struct world *world, int to, uint64_t from, const struct vow_msg *msg)
{
    struct letter *letter = &world->queue[world->tail++ % QUEUE_MAX];
    cr_assert_lt(world->tail - world->head, QUEUE_MAX);
    letter->to = to;
    letter->from = from;
    letter->len = vow_msg_encode(msg, VOW_FRAME_MAX_DEFAULT, letter->body, sizeof(letter->body));
    cr_assert_gt(letter->len, 0);
    world->messages += vow_msg_is_counted(msg->kind);
}

static void coord_step(struct world *world, struct vow_coord_event *event);

static void log_record(struct world *world, uint64_t token, bool forced, const struct vow_record *record)
{
    struct vow_journal_op op = {.token = token, .forced = forced, .record = *record};
    op.kind = record->kind == VOW_RECORD_COMMIT ? VOW_JOURNAL_DECIDE
              : record->kind == VOW_RECORD_END  ? VOW_JOURNAL_END
                                                : VOW_JOURNAL_APPEND;
    world->journal_ops->commit(world->journal, &op);
    cr_assert_eq(op.result, VOW_JOURNAL_WON);
    world->coord_records += !vow_record_is_note(record->kind);
    world->coord_forced += forced;
    struct vow_coord_event done = {.kind = VOW_COORD_LOG_DONE, .now_ms = world->now_ms};
    done.token = token;
    coord_step(world, &done);
}

static void coord_reply(struct world *world, const struct vow_msg *msg)
{
    if (msg->kind == VOW_MSG_OUTCOME)
        world->outcome = msg->outcome.outcome;
    if (msg->kind == VOW_MSG_IDS) {
        world->next_seq = msg->ids.first_seq;
        memcpy(world->rand, msg->ids.rand, msg->ids.count * sizeof(world->rand[0]));
    }
}

static void coord_step(struct world *world, struct vow_coord_event *event)
{
    struct vow_coord_effects effects;
    struct {
        uint64_t token;
        bool forced;
        struct vow_record record;
        struct vow_record_branch branches[NODES_MAX];
    } logs[4];
    unsigned logs_len = 0;
    vow_coord_step(world->coord, event, &effects);
    for (size_t i = 0; i < effects.len; i++) {
        const struct vow_coord_effect *effect = &effects.items[i];
        if (effect->kind == VOW_COORD_SEND)
            post(world, (int)effect->session - 1, 0, &effect->msg);
        else if (effect->kind == VOW_COORD_REPLY)
            coord_reply(world, &effect->msg);
        else if (effect->kind == VOW_COORD_LOG) {
            logs[logs_len].token = effect->log.token;
            logs[logs_len].forced = effect->log.forced;
            logs[logs_len].record = effect->log.record;
            for (uint32_t b = 0; b < effect->log.record.branches_len; b++)
                logs[logs_len].branches[b] = effect->log.record.branches[b];
            logs[logs_len].record.branches = logs[logs_len].branches;
            logs_len++;
        }
    }
    for (unsigned i = 0; i < logs_len; i++)
        log_record(world, logs[i].token, logs[i].forced, &logs[i].record);
}

static void node_step(struct world *world, uint32_t index, struct vow_branches_event *event);

/* What a store operation writes: one record each; PREPARE, COMMIT and ONE_PHASE are forced, ABORT is not. */
static void count_store(struct world *world, const struct vow_store_op *op)
{
    bool forced = op->kind == VOW_STORE_PREPARE || op->kind == VOW_STORE_COMMIT || op->kind == VOW_STORE_ONE_PHASE;
    bool wrote = op->result == VOW_STORE_DONE && (forced || op->kind == VOW_STORE_ABORT);
    world->node_forced += wrote && forced;
    world->node_records += wrote;
}

static void run_store(struct world *world, uint32_t index, struct vow_store_op *op)
{
    struct vow_error_detail detail;
    struct node *node = &world->nodes[index];
    struct vow_job *jobs = &op->job;
    uint64_t before = sync_counter();
    cr_assert_eq(node->store_ops->run(node->store, &jobs, &detail), 0, "%s", detail.text);
    count_store(world, op);
    /* One sync for what is forced and written, none for what is not: SQLite agrees with the count (protocol 1.1). */
    bool forced = op->result == VOW_STORE_DONE &&
                  (op->kind == VOW_STORE_PREPARE || op->kind == VOW_STORE_COMMIT || op->kind == VOW_STORE_ONE_PHASE);
    cr_expect_eq(sync_counter() - before, forced ? 1 : 0, "operation %d made %llu syncs", (int)op->kind,
                 (unsigned long long)(sync_counter() - before));
    struct vow_branches_event done = {.kind = VOW_BRANCHES_STORE_DONE};
    done.done = (struct vow_branches_done){.op = op->kind,
                                           .gtrid = op->gtrid,
                                           .branch = op->branch,
                                           .result = op->result,
                                           .cause = op->cause,
                                           .text = op->text};
    node_step(world, index, &done);
}

static void node_step(struct world *world, uint32_t index, struct vow_branches_event *event)
{
    struct vow_branches_effects effects;
    struct vow_store_op ops[4];
    unsigned ops_len = 0;
    event->now_ms = world->now_ms;
    vow_branches_step(world->nodes[index].core, event, &effects);
    for (size_t i = 0; i < effects.len; i++) {
        const struct vow_branches_effect *effect = &effects.items[i];
        if (effect->kind == VOW_BRANCHES_SEND)
            post(world, -1, index + 1, &effect->msg);
        else if (effect->kind == VOW_BRANCHES_STORE && effect->store.op != VOW_STORE_WATERMARK)
            ops[ops_len++] = (struct vow_store_op){.kind = effect->store.op,
                                                   .gtrid = effect->store.gtrid,
                                                   .branch = effect->store.branch,
                                                   .epoch = effect->store.epoch,
                                                   .calls_len = effect->store.calls_len,
                                                   .calls = (struct vow_msg_call *)effect->store.calls};
    }
    for (unsigned i = 0; i < ops_len; i++)
        run_store(world, index, &ops[i]);
}

/* An ABORT to a participant whose NO is on its way: the first NO decides, so such an ABORT is superfluous
 * (rule 2.2-abort). */
static void count_late_abort(struct world *world, const struct vow_msg *msg, const bool *said_no, int to)
{
    world->late_aborts += msg->kind == VOW_MSG_DECISION && msg->decision.verdict == VOW_ABORT && said_no[to];
}

static void deliver_all(struct world *world)
{
    bool said_no[NODES_MAX] = {false};
    while (world->head != world->tail) {
        struct letter *letter = &world->queue[world->head++ % QUEUE_MAX];
        struct vow_msg msg;
        const char *why;
        cr_assert_eq(vow_msg_decode(world->arena, letter->body + 4, letter->len - 4, &msg, &why), 0, "%s", why);
        if (letter->to < 0) {
            struct vow_coord_event event = {
                .kind = VOW_COORD_MESSAGE, .now_ms = world->now_ms, .session = letter->from};
            event.msg = &msg;
            if (msg.kind == VOW_MSG_VOTE)
                said_no[letter->from - 1] = msg.vote.vote == VOW_VOTE_NO;
            coord_step(world, &event);
        } else {
            struct vow_branches_event event = {.kind = VOW_BRANCHES_MESSAGE, .msg = &msg};
            count_late_abort(world, &msg, said_no, letter->to);
            node_step(world, (uint32_t)letter->to, &event);
        }
    }
}

/* ---- making a world ---- */

static int call(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)text;
    *cause = VOW_CAUSE_HANDLER_REFUSED;
    if (strcmp(call->handler, "yes") == 0)
        return sqlite3_exec(db, "UPDATE counter SET value = value + 1", NULL, NULL, NULL);
    return strcmp(call->handler, "look") == 0 ? sqlite3_exec(db, "SELECT * FROM counter", NULL, NULL, NULL) : -1;
}

static void open_node(struct world *world, uint32_t index)
{
    struct node *node = &world->nodes[index];
    struct vow_error_detail detail;
    struct vow_store_identity identity;
    char path[96], name[16];
    snprintf(name, sizeof(name), "p%u", index);
    snprintf(path, sizeof(path), "%s/%s.db", world->directory, name);
    struct vow_sqlite_options options = {.path = path, .vfs = sync_counter_vfs(), .call = call};
    cr_assert_eq(vow_store_sqlite_open(&options, &node->store_ops, &node->store, &detail), 0, "%s", detail.text);
    sqlite3_exec(vow_store_sqlite_db(node->store),
                 "PRAGMA wal_autocheckpoint = 0; CREATE TABLE counter (id INTEGER PRIMARY KEY, value); INSERT INTO "
                 "counter VALUES (1, 0)",
                 NULL, NULL, NULL);
    cr_assert_eq(vow_store_sqlite_enrol(node->store, &detail), 0);
    node->store_ops->identity(node->store, &identity);
    struct vow_branches_identity core_identity = {.incarnation = identity.incarnation};
    node->core = vow_branches_init(malloc(vow_branches_size(&vow_branches_default_limits)),
                                   &vow_branches_default_limits, &core_identity);
    struct vow_branches_event up = {.kind = VOW_BRANCHES_COORD_UP};
    up.coord.coord = 7;
    up.coord.epoch = 1;
    node_step(world, index, &up);
    struct vow_coord_event peer_up = {.kind = VOW_COORD_PEER_UP, .session = index + 1};
    peer_up.peer.name = name;
    peer_up.peer.incarnation = identity.incarnation;
    coord_step(world, &peer_up);
}

static void open_world(struct world *world, uint32_t nodes)
{
    struct vow_error_detail detail;
    struct vow_journal_identity identity;
    memset(world, 0, sizeof(*world));
    snprintf(world->directory, sizeof(world->directory), "/var/tmp/vow-row-XXXXXX");
    cr_assert_not_null(mkdtemp(world->directory));
    char data[80];
    snprintf(data, sizeof(data), "%s/vowd", world->directory);
    struct vow_journal_options options = {.directory = data};
    cr_assert_eq(vow_journal_sqlite_open(&options, &world->journal_ops, &world->journal, &detail), 0, "%s",
                 detail.text);
    cr_assert_eq(world->journal_ops->takeover(world->journal, &identity, &detail), 0);
    struct vow_coord_identity core_identity = {.coord = 7, .epoch = 1};
    world->coord =
        vow_coord_init(malloc(vow_coord_size(&vow_coord_default_limits)), &vow_coord_default_limits, &core_identity);
    struct vow_coord_event recovered = {.kind = VOW_COORD_RECOVERY_DONE};
    coord_step(world, &recovered);
    world->arena = vow_arena_new(0);
    world->nodes_len = nodes;
    for (uint32_t i = 0; i < nodes; i++)
        open_node(world, i);
}

static void close_world(struct world *world)
{
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        world->nodes[i].store_ops->close(world->nodes[i].store);
        free(world->nodes[i].core);
    }
    world->journal_ops->close(world->journal);
    free(world->coord);
    vow_arena_free(world->arena);
    remove_directory(world->directory);
}

static struct vow_gtrid take_id(struct world *world, uint8_t flags)
{
    struct vow_msg request = {.kind = VOW_MSG_IDS_REQUEST, .ids_request = {.count = 1}};
    struct vow_coord_event event = {.kind = VOW_COORD_MESSAGE, .now_ms = world->now_ms, .session = CLIENT_SESSION};
    event.msg = &request;
    coord_step(world, &event);
    return vow_gtrid_make(7, 1, world->next_seq, flags, world->rand[0]);
}

/* The first y nodes say yes, the next r only look, the rest say no. */
static void run_txn(struct world *world, uint32_t y, uint32_t r, uint8_t flags)
{
    struct vow_msg_call calls[NODES_MAX];
    char names[NODES_MAX][16];
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        snprintf(names[i], sizeof(names[i]), "p%u", i);
        calls[i] = (struct vow_msg_call){.participant = names[i], .handler = i < y ? "yes" : i < y + r ? "look" : "no"};
    }
    struct vow_msg request = {.kind = VOW_MSG_COMMIT_REQUEST};
    request.commit_request.gtrid = take_id(world, flags);
    request.commit_request.calls = calls;
    request.commit_request.calls_len = world->nodes_len;
    world->messages = world->late_aborts = 0;
    world->coord_forced = world->coord_records = world->node_forced = world->node_records = 0;
    struct vow_coord_event event = {.kind = VOW_COORD_MESSAGE, .now_ms = world->now_ms, .session = CLIENT_SESSION};
    event.msg = &request;
    coord_step(world, &event);
    deliver_all(world);
}

/* ---- the row ---- */

static void expect(const struct world *world, uint32_t y, uint32_t r, uint32_t k)
{
    uint32_t n = y + r + k;
    uint32_t messages, coord_forced, coord_records, node_forced, node_records;
    if (k > 0) {
        messages = 2 * n + y;
        coord_forced = coord_records = 0;
        node_forced = y;
        node_records = 2 * y;
    } else if (y == 0) {
        messages = 2 * n;
        coord_forced = coord_records = node_forced = node_records = 0;
    } else {
        messages = 2 * n + 2 * y;
        coord_forced = 1;
        coord_records = 2;
        node_forced = node_records = 2 * y;
    }
    cr_expect_eq(world->outcome, k > 0 ? VOW_ABORTED : VOW_COMMITTED);
    cr_expect_leq(world->late_aborts, k > 0 ? k - 1 : 0);
    cr_expect_eq(world->messages - world->late_aborts, messages, "y=%u r=%u k=%u: %u messages, the row says %u", y, r,
                 k, world->messages - world->late_aborts, messages);
    cr_expect_eq(world->coord_forced, coord_forced, "y=%u r=%u k=%u: coordinator forced %u", y, r, k,
                 world->coord_forced);
    cr_expect_eq(world->coord_records, coord_records, "y=%u r=%u k=%u: coordinator wrote %u", y, r, k,
                 world->coord_records);
    cr_expect_eq(world->node_forced, node_forced, "y=%u r=%u k=%u: participants forced %u", y, r, k,
                 world->node_forced);
    cr_expect_eq(world->node_records, node_records, "y=%u r=%u k=%u: participants wrote %u", y, r, k,
                 world->node_records);
}

static void every_split(uint32_t n)
{
    static struct world world;
    open_world(&world, n);
    run_txn(&world, n, 0, 0); /* the first commit after a log is made syncs its header, too */
    for (uint32_t y = 0; y <= n; y++) {
        for (uint32_t r = 0; r + y <= n; r++) {
            run_txn(&world, y, r, 0);
            expect(&world, y, r, n - y - r);
        }
    }
    close_world(&world);
}

Test(paper_row, n1)
{
    every_split(1);
}

Test(paper_row, n2)
{
    every_split(2);
}

Test(paper_row, n3)
{
    every_split(3);
}

Test(paper_row, n5)
{
    every_split(5);
}

Test(paper_row, n8)
{
    every_split(8);
}

Test(paper_row, one_phase)
{
    static struct world world;
    open_world(&world, 1);
    run_txn(&world, 1, 0, VOW_GTRID_ONE_PHASE);
    run_txn(&world, 1, 0, VOW_GTRID_ONE_PHASE);
    cr_expect_eq(world.outcome, VOW_COMMITTED);
    cr_expect_eq(world.messages, 2);
    cr_expect_eq(world.coord_forced + world.node_forced, 1);
    cr_expect_eq(world.coord_records + world.node_records, 1);
    close_world(&world);
}
