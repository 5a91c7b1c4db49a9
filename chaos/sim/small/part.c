/* A participant of a small world: the real core, and a store that is one row, its unsynced versions, and a queue. */
#include <string.h>

#include "chaos/sim/small/node.h"
#include "chaos/sim/small/peers.h"
#include "proto/assert.h"

static const struct vow_branches_limits limits = {
    .branches_max = 2,
    .ended_max = 2,
    .enlist_timeout_ms = 5000,
    .idle_timeout_ms = 60000,
    .decision_timeout_ms = 1000,
    .decision_timeout_max_ms = 1000,
    .termination_after = 1,
    .heuristic_verdict = VOW_ABORT,
    .heuristics_max = 1,
};

/* Longer than it takes until the watermark is worth a write, shorter than T_idle. */
#define LATE_MS 2000

struct run {
    struct small_nodes *nodes;
    struct small_step *step;
    struct small_part to;
    struct vow_branches *core;
    const struct vow_msg *msg; /* under way, or NULL */
    bool was_prepared;         /* before this */
    /* A peer's question to the store, which is answered at once: what it can say then stays true. */
    struct vow_branches_done recall;
    bool is_recalling;
};

/* ---- the data file ---- */

static const struct small_row *durable(const struct small_part *part)
{
    return &part->rows[0];
}

static const struct small_row *seen(const struct small_part *part)
{
    return &part->rows[part->rows_len - 1];
}

static void note_loss(struct run *run, const struct small_row *before, const struct small_row *after)
{
    if (before->state == after->state)
        return;
    if (before->state == SMALL_ROW_PREPARED && after->state == SMALL_ROW_NONE)
        run->step->seen |= SMALL_HAS_ABORTED;
    if (before->state == SMALL_ROW_COMMITTED)
        run->step->seen |= SMALL_DROPPED;
    if (before->state == SMALL_ROW_MEMO)
        run->step->seen |= SMALL_DROPPED_MEMO;
}

/* Any later sync makes it durable, and so does none. */
static void write_lazily(struct run *run, const struct small_row *row)
{
    struct small_part *to = &run->to;

    if (memcmp(seen(to), row, sizeof(*row)) == 0)
        return;
    note_loss(run, seen(to), row);
    /* Of several watermarks in a row the last stands for all. */
    if (to->rows_len > 1 && seen(to)->state == row->state)
        to->rows_len--;
    VOW_ASSERT(to->rows_len < SMALL_WRITES_MAX);
    to->rows[to->rows_len++] = *row;
}

/* Synced, with all that was written before it. */
static void write_durably(struct run *run, const struct small_row *row)
{
    const uint8_t before = durable(&run->to)->state;

    run->to.rows[0] = *row;
    run->to.rows_len = 1;
    if (row->state == before)
        return;
    if (row->state == SMALL_ROW_PREPARED) {
        run->step->seen |= SMALL_HAS_YES;
        run->step->mask = row->ops;
    }
    if (row->state == SMALL_ROW_COMMITTED)
        run->step->seen |= SMALL_HAS_COMMITTED;
    if (row->state == SMALL_ROW_MEMO)
        run->step->seen |= SMALL_HAS_MEMO;
}

/* ---- what the store may answer ---- */

static void prepare(struct run *run, const struct small_store_op *op, enum vow_store_result result)
{
    struct small_row row = *seen(&run->to);

    if (result == VOW_STORE_READ_ONLY)
        run->step->seen |= SMALL_IS_READ_ONLY;
    if (result == VOW_STORE_DONE && row.state == SMALL_ROW_NONE) {
        row.state = SMALL_ROW_PREPARED;
        row.epoch = (uint8_t)op->epoch;
        row.ops = run->to.work_ops;
        memcpy(row.peers, op->peers, sizeof(row.peers));
        write_durably(run, &row);
    }
    run->to.work_ops = 0;
}

static void commit(struct run *run)
{
    struct small_row row = *seen(&run->to);

    if (row.state == SMALL_ROW_PREPARED) {
        row.state = SMALL_ROW_COMMITTED;
        memset(row.peers, 0, sizeof(row.peers));
        write_durably(run, &row);
    }
}

static void clear(struct small_row *row)
{
    row->state = SMALL_ROW_NONE;
    row->epoch = row->ops = 0;
    memset(row->peers, 0, sizeof(row->peers));
}

static void drop(struct run *run, enum small_row_state state)
{
    struct small_row row = *seen(&run->to);

    if (row.state != state)
        return;
    clear(&row);
    write_lazily(run, &row);
}

static void commit_at_once(struct run *run, enum vow_store_result result)
{
    struct small_row row = *seen(&run->to);

    if (result == VOW_STORE_READ_ONLY)
        run->step->seen |= SMALL_IS_READ_ONLY;
    if (result != VOW_STORE_DONE || row.state == SMALL_ROW_MEMO)
        return;
    row.state = SMALL_ROW_MEMO;
    write_durably(run, &row);
}

static void keep_watermark(struct run *run, const struct small_store_op *op)
{
    struct small_row row = *seen(&run->to);

    row.knows_coord = op->coord != 0;
    row.known_epoch = (uint8_t)op->epoch;
    row.watermark_epoch = (uint8_t)op->watermark.epoch;
    row.watermark_seq = (uint8_t)op->watermark.seq;
    if (row.state == SMALL_ROW_COMMITTED && vow_gtrid_below(&run->nodes->gtrid, op->watermark)) {
        clear(&row);
    }
    write_lazily(run, &row);
}

static void carry_out(struct run *run, const struct small_store_op *op, enum vow_store_result result)
{
    switch (op->op) {
    case VOW_STORE_PREPARE:
        prepare(run, op, result);
        break;
    case VOW_STORE_COMMIT:
        commit(run);
        break;
    case VOW_STORE_ABORT:
        run->to.work_ops = 0;
        drop(run, SMALL_ROW_PREPARED);
        break;
    case VOW_STORE_ONE_PHASE:
        commit_at_once(run, result);
        break;
    case VOW_STORE_FORGET:
        drop(run, SMALL_ROW_MEMO);
        break;
    case VOW_STORE_WATERMARK:
        keep_watermark(run, op);
        break;
    case VOW_STORE_WORK:
        run->to.work_ops = (uint8_t)(run->to.work_ops + (result == VOW_STORE_DONE));
        break;
    case VOW_STORE_MEMO:
    case VOW_STORE_CANCEL:
    case VOW_STORE_DESCRIBE:
    case VOW_STORE_RECALL:
        break;
    case VOW_STORE_HEURISTIC_COMMIT:
    case VOW_STORE_HEURISTIC_ABORT:
    case VOW_STORE_SETTLE:
        VOW_UNREACHABLE("no operator is in a small world");
    }
}

static uint32_t answers_to_new_work(enum vow_store_result results[3])
{
    results[0] = VOW_STORE_DONE;
    results[1] = VOW_STORE_READ_ONLY;
    results[2] = VOW_STORE_REFUSED;
    return 3;
}

uint32_t small_part_answers(const struct small_part *part, uint32_t index, enum vow_store_result results[3])
{
    const enum vow_store_op_kind op = part->queue[index].op;
    const uint8_t row = seen(part)->state;

    if ((op == VOW_STORE_PREPARE || op == VOW_STORE_ONE_PHASE) && row == SMALL_ROW_NONE)
        return answers_to_new_work(results);
    results[0] = VOW_STORE_DONE;
    results[1] = VOW_STORE_REFUSED;
    if (op == VOW_STORE_WORK)
        return 2;
    if ((op == VOW_STORE_PREPARE && row != SMALL_ROW_PREPARED) || (op == VOW_STORE_ONE_PHASE && row != SMALL_ROW_MEMO))
        results[0] = VOW_STORE_REFUSED;
    if ((op == VOW_STORE_COMMIT && row != SMALL_ROW_PREPARED && row != SMALL_ROW_COMMITTED) ||
        (op == VOW_STORE_MEMO && row != SMALL_ROW_MEMO))
        results[0] = VOW_STORE_NO_RECORD;
    return 1;
}

/* What was written lazily, and the one operation that is being made durable. */
uint32_t small_part_survivors(const struct small_part *part)
{
    const uint8_t row = seen(part)->state;
    const enum vow_store_op_kind op = part->queue_len > 0 ? part->queue[0].op : VOW_STORE_MEMO;
    const bool is_forced = ((op == VOW_STORE_PREPARE || op == VOW_STORE_ONE_PHASE) && row == SMALL_ROW_NONE) ||
                           (op == VOW_STORE_COMMIT && row == SMALL_ROW_PREPARED);

    return part->rows_len + (is_forced ? 1u : 0u);
}

/* ---- what the core wants ---- */

static bool is_abort_told(const struct run *run)
{
    if (run->msg != NULL && run->msg->kind == VOW_MSG_PEER_ANSWER)
        return run->msg->peer_answer.answer == VOW_PEER_ABORTED;
    return run->msg != NULL && run->msg->kind == VOW_MSG_DECISION && run->msg->decision.verdict == VOW_ABORT;
}

static void check_abort(struct run *run)
{
    if (!run->was_prepared)
        return;
    if (!is_abort_told(run))
        small_break_rule(run->step, "2.3", "a prepared branch aborts, and nobody told it to (mistake 5)");
    else if (run->msg->decision.header.epoch < run->to.epoch_seen)
        small_break_rule(run->step, "I17", "an ABORT of an older epoch is obeyed");
}

static void note_recall(struct run *run, const struct vow_branches_effect *effect)
{
    run->is_recalling = true;
    run->recall = (struct vow_branches_done){
        .op = VOW_STORE_RECALL,
        .gtrid = effect->store.gtrid,
        .branch = effect->store.branch,
        .result = seen(&run->to)->state == SMALL_ROW_COMMITTED ? VOW_STORE_DONE : VOW_STORE_NO_RECORD,
        .text = "",
        .session = effect->store.session,
        .attempt = effect->store.attempt};
}

static void take_store(struct run *run, const struct vow_branches_effect *effect)
{
    struct small_part *to = &run->to;

    if (effect->store.op == VOW_STORE_CANCEL)
        return; /* the operation may end in any way as it is */
    if (effect->store.op == VOW_STORE_ABORT)
        check_abort(run);
    if (effect->store.op == VOW_STORE_RECALL) {
        note_recall(run, effect);
        return;
    }
    VOW_ASSERT(to->queue_len < SMALL_STORE_MAX);
    to->queue[to->queue_len] = (struct small_store_op){
        effect->store.op, effect->store.epoch, effect->store.coord, effect->store.watermark, {0}};
    for (uint32_t i = 0; i < effect->store.peers_len; i++) {
        const struct vow_msg_peer *peer = &effect->store.peers[i];

        to->queue[to->queue_len].peers[peer->name[1] - '0'] = (uint8_t)peer->incarnation;
    }
    to->queue_len++;
}

static void check_ack(struct run *run, enum vow_ack ack)
{
    if (ack == VOW_ACK_NO_RECORD)
        small_break_rule(run->step, "2.3-no-record", "NO_RECORD is answered, and no disk was damaged");
    else if (durable(&run->to)->state != SMALL_ROW_COMMITTED || seen(&run->to)->state != SMALL_ROW_COMMITTED)
        run->step->seen |= SMALL_SAID_ACK;
}

static void check_vote(struct run *run, enum vow_vote vote)
{
    if (vote == VOW_VOTE_YES &&
        (durable(&run->to)->state != SMALL_ROW_PREPARED || seen(&run->to)->state != SMALL_ROW_PREPARED))
        small_break_rule(run->step, "I08", "YES is voted, and the branch is not prepared durably (mistake 2)");
}

static void take_send(struct run *run, const struct vow_msg *msg)
{
    if (msg->kind == VOW_MSG_VOTE)
        check_vote(run, msg->vote.vote);
    if (msg->kind == VOW_MSG_ACK)
        check_ack(run, msg->ack.ack);
    if (run->to.is_connected)
        small_send(run->step, SMALL_TO_THE_COORD, small_mail_number(&run->nodes->mail, msg));
}

static void ask_peers(struct run *run, const struct vow_msg_header *header)
{
    const struct small_row *row = durable(&run->to);
    struct vow_msg msg = {.kind = VOW_MSG_PEER_INQUIRY, .peer_inquiry = {*header}};

    for (uint32_t i = 0; i < run->nodes->config.participants && run->nodes->config.asks_peers; i++) {
        msg.peer_inquiry.header.incarnation = row->peers[i];
        if (row->peers[i] != 0)
            small_send(run->step, i, small_mail_number(&run->nodes->mail, &msg));
    }
}

/* A peer's connection is named by who it is. */
static void answer_peer(struct run *run, uint64_t session, const struct vow_msg *msg)
{
    if (msg->peer_answer.answer == VOW_PEER_COMMITTED)
        run->step->seen |= SMALL_SAID_COMMITTED;
    if (msg->peer_answer.answer == VOW_PEER_ABORTED)
        run->step->seen |= SMALL_SAID_ABORT;
    small_send(run->step, (uint32_t)session, small_mail_number(&run->nodes->mail, msg));
}

static void take_joined(struct run *run, int error)
{
    run->to.is_joining = false;
    run->step->seen |= SMALL_TRIED_JOIN;
    if (error == 0)
        run->step->seen |= SMALL_HAS_JOINED;
}

static void take_effect(struct run *run, const struct vow_branches_effect *effect)
{
    switch (effect->kind) {
    case VOW_BRANCHES_SEND:
        take_send(run, &effect->msg);
        break;
    case VOW_BRANCHES_STORE:
        take_store(run, effect);
        break;
    case VOW_BRANCHES_JOINED:
        take_joined(run, effect->joined.error);
        break;
    case VOW_BRANCHES_ASK_PEERS:
        ask_peers(run, &effect->ask.header);
        break;
    case VOW_BRANCHES_ANSWER_PEER:
        answer_peer(run, effect->answer.session, &effect->answer.msg);
        break;
    case VOW_BRANCHES_ANSWER:
        break;
    case VOW_BRANCHES_TRACE:
        run->to.state = effect->trace.to;
        break;
    case VOW_BRANCHES_ALARM:
        small_alarm(run->step, effect->alarm.what);
        break;
    }
}

static void feed(struct run *run, struct vow_branches_event event)
{
    struct vow_branches_effects effects;

    event.now_ms = run->to.now_ms;
    vow_branches_step(run->core, &event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        take_effect(run, &effects.items[i]);
    if (run->is_recalling) {
        run->is_recalling = false;
        feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_STORE_DONE, .done = run->recall});
    }
}

/* ---- what happens to it ---- */

static void see_epoch(struct run *run, uint32_t epoch)
{
    if (epoch > run->to.epoch_seen)
        run->to.epoch_seen = (uint8_t)epoch;
}

static void deliver(struct run *run, uint32_t number)
{
    const struct vow_msg msg = small_mail_copy(&run->nodes->mail, number, 0);

    run->msg = &msg;
    if (run->nodes->mail.from[number] != 0) {
        feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_PEER,
                                              .peer = {&msg, run->nodes->mail.from[number] - 1u}});
    } else {
        see_epoch(run, msg.enlist.header.epoch);
        feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_MESSAGE, .msg = &msg});
    }
    run->msg = NULL;
}

static void finish(struct run *run, uint32_t index, enum vow_store_result result)
{
    struct small_part *to = &run->to;
    const struct small_store_op op = to->queue[index];

    to->queue_len--;
    memmove(to->queue + index, to->queue + index + 1, (to->queue_len - index) * sizeof(op));
    carry_out(run, &op, result);
    feed(run, (struct vow_branches_event){
                  .kind = VOW_BRANCHES_STORE_DONE,
                  .done = {.op = op.op,
                           .gtrid = op.op == VOW_STORE_WATERMARK ? (struct vow_gtrid){{0}} : run->nodes->gtrid,
                           .result = result,
                           .cause = VOW_CAUSE_HANDLER_REFUSED,
                           .text = ""}});
}

static void run_out(struct run *run, uint64_t at_least_ms)
{
    const uint64_t deadline_ms = vow_branches_deadline_ms(run->core);

    run->to.now_ms += at_least_ms;
    if (deadline_ms != UINT64_MAX && deadline_ms > run->to.now_ms)
        run->to.now_ms = deadline_ms;
    feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_TIMER});
}

static void connect(struct run *run, uint32_t number)
{
    const struct vow_msg welcome = small_mail_copy(&run->nodes->mail, number, 0);
    struct vow_branches_event event = {.kind = VOW_BRANCHES_COORD_UP};

    run->to.is_connected = true;
    see_epoch(run, welcome.welcome.epoch);
    event.coord.coord = SMALL_COORD;
    event.coord.epoch = welcome.welcome.epoch;
    event.coord.watermark = welcome.welcome.watermark;
    feed(run, event);
}

/* The writes of the operation under way are the last that may have reached the disk. */
static void crash(struct run *run, uint32_t survivors)
{
    struct small_part *to = &run->to;

    if (survivors >= to->rows_len)
        carry_out(run, &to->queue[0], VOW_STORE_DONE);
    if (survivors < to->rows_len)
        to->rows[0] = to->rows[survivors];
    else
        to->rows[0] = *seen(to);
    to->rows_len = 1;
    to->queue_len = to->work_ops = to->state = 0;
    to->up = to->is_connected = to->is_joining = to->has_timer = false;
    to->open = to->epoch_seen = 0;
}

static void start(struct run *run)
{
    struct small_row *row = &run->to.rows[0];
    struct vow_branches_identity identity = {.incarnation = ++row->incarnation, .epoch = row->known_epoch, .seed = 1};

    identity.coord = row->knows_coord != 0 ? SMALL_COORD : 0;
    identity.watermark = (struct vow_watermark){row->watermark_epoch, row->watermark_seq};
    run->core = vow_branches_init(run->nodes->part_block.memory, &limits, &identity);
    run->to.up = true;
    run->to.now_ms = 1;
    run->to.epoch_seen = row->known_epoch;
    if (row->state == SMALL_ROW_PREPARED)
        feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_RECOVERED,
                                              .recovered = {.gtrid = run->nodes->gtrid, .epoch = row->epoch}});
}

static void happen(struct run *run, struct small_event event)
{
    switch ((int)event.kind) {
    case SMALL_JOIN:
        run->to.is_joining = true;
        feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_JOIN, .join = {run->nodes->gtrid}});
        break;
    case SMALL_TO_PART:
        deliver(run, event.arg);
        break;
    case SMALL_STORE_DONE:
        finish(run, event.arg & 255, (enum vow_store_result)(event.arg >> 8));
        break;
    case SMALL_PART_TIMER:
        run_out(run, 0);
        break;
    case SMALL_PART_LATE:
        run_out(run, LATE_MS);
        break;
    case SMALL_COORD_DOWN:
        run->to.is_connected = false;
        feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_COORD_DOWN});
        break;
    case SMALL_COORD_UP:
        connect(run, event.arg);
        break;
    case SMALL_PART_CRASH:
        crash(run, event.arg);
        break;
    case SMALL_PART_START:
        start(run);
        break;
    default:
        VOW_UNREACHABLE("not an event of a participant");
    }
}

/* ---- the state that follows ---- */

static uint64_t digest_of_row(uint64_t digest, const struct small_row *row)
{
    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++)
        digest = small_mix(digest, row->peers[i]);
    digest = small_mix(digest, row->state | (uint64_t)row->epoch << 8 | (uint64_t)row->ops << 16 |
                                   (uint64_t)row->incarnation << 24);
    return small_mix(digest, row->knows_coord | (uint64_t)row->known_epoch << 8 | (uint64_t)row->watermark_epoch << 16 |
                                 (uint64_t)row->watermark_seq << 24);
}

static uint64_t digest_of(const struct run *run)
{
    const struct small_part *to = &run->to;
    uint64_t digest = to->up ? vow_branches_digest(run->core) : 1;

    for (uint32_t i = 0; i < to->rows_len; i++)
        digest = digest_of_row(digest, &to->rows[i]);
    for (uint32_t i = 0; i < to->queue_len; i++) {
        const struct small_store_op *op = &to->queue[i];

        digest = small_mix(digest, op->op | (uint64_t)op->epoch << 8 | (uint64_t)(op->coord != 0) << 32);
        digest = small_mix(digest, op->watermark.epoch | op->watermark.seq << 16);
        digest = small_mix(digest, (uint64_t)op->peers[0] | (uint64_t)op->peers[1] << 8 | (uint64_t)op->peers[2] << 16);
    }
    return small_mix(digest, (uint64_t)to->up | (uint64_t)to->is_connected << 1 | (uint64_t)to->is_joining << 2 |
                                 (uint64_t)to->work_ops << 8 | (uint64_t)to->epoch_seen << 16 |
                                 (uint64_t)to->state << 24 | (uint64_t)to->rows_len << 32);
}

static uint32_t keep(struct run *run)
{
    struct small_nodes *nodes = run->nodes;
    struct vow_branches_counts counts;
    const uint64_t digest = digest_of(run);
    uint32_t number;

    if (run->to.up) {
        vow_branches_counts(run->core, run->to.now_ms, &counts);
        run->to.open = counts.open;
        run->to.has_timer = vow_branches_deadline_ms(run->core) != UINT64_MAX;
        small_block_scan(&nodes->part_block);
    }
    if (small_map_find(&nodes->part_memo.state_of, digest, &number))
        return number;
    run->to.image = run->to.up ? small_block_save(&nodes->part_block) : (struct small_image){0};
    nodes->parts = small_room_grow(nodes->parts, &nodes->parts_room, nodes->parts_len + 1, sizeof(run->to));
    nodes->parts[nodes->parts_len] = run->to;
    small_map_put(&nodes->part_memo.state_of, digest, (uint32_t)nodes->parts_len);
    return (uint32_t)nodes->parts_len++;
}

void small_part_run(struct small_nodes *nodes, uint32_t from, struct small_event event, struct small_step *step)
{
    struct run run = {.nodes = nodes, .step = step, .to = nodes->parts[from], .core = (void *)nodes->part_block.memory};

    run.was_prepared = strcmp(vow_branches_fsm()->states[run.to.state].name, "PREPARED") == 0;
    if (run.to.up)
        small_block_load(&nodes->part_block, &run.to.image);
    happen(&run, event);
    step->to = keep(&run);
}

/* ---- the first state ---- */

/* The first effect lies where all effects lie. */
static void set_base(struct run *run)
{
    struct vow_branches_effects effects;
    const struct vow_branches_event event = {.kind = VOW_BRANCHES_TIMER, .now_ms = run->to.now_ms};

    vow_branches_step(run->core, &event, &effects);
    small_block_set_base(&run->nodes->part_block, effects.items, vow_branches_edge_hits(run->core));
}

void small_part_first(struct small_nodes *nodes)
{
    struct small_step step = {0};
    struct run run = {.nodes = nodes, .step = &step, .to = {.rows_len = 1}};

    small_block_init(&nodes->part_block, vow_branches_size(&limits));
    start(&run);
    set_base(&run);
    connect(&run, nodes->coords[0].welcome);
    /* It has met this coordinator long ago, and keeps that. */
    if (run.to.queue_len > 0)
        finish(&run, 0, VOW_STORE_DONE);
    run.to.rows[0] = *seen(&run.to);
    run.to.rows_len = 1;
    (void)keep(&run);
}
