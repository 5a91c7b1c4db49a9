/* The coordinator of a small world: the real core, and a journal that is a set of records. */
#include <string.h>

#include "chaos/sim/small/node.h"
#include "chaos/sim/small/peers.h"
#include "proto/assert.h"

static const struct vow_coord_limits limits = {
    .txns_max = 2,
    .branches_max = 8,
    .peers_max = SMALL_PARTICIPANTS_MAX,
    .keys_max = 1,
    .ended_max = 2,
    .ids_window = VOW_IDS_MAX,
    /* Far apart, so that timers run out in this order; when they do is of no account. */
    .txn_timeout_ms = 24u * 60u * 60u * 1000u,
    .vote_timeout_ms = 60u * 60u * 1000u,
    .ack_timeout_ms = 1,
    .ack_timeout_max_ms = 1,
    .notes = true,
};

/* A step under way: the state that it leads to is being made. */
struct run {
    struct small_nodes *nodes;
    struct small_step *step;
    struct small_coord to;
    struct vow_coord *core;
};

/* ---- the journal ---- */

static uint32_t kind_bit(enum vow_record_kind kind)
{
    return UINT32_C(1) << kind;
}

static bool has(const struct small_coord *coord, enum vow_record_kind kind)
{
    return (coord->disk.kinds & kind_bit(kind)) != 0;
}

static bool is_submitted(const struct small_coord *coord, enum vow_record_kind kind)
{
    bool found = false;

    for (uint32_t i = 0; i < coord->queue_len; i++)
        found = found || coord->queue[i].kind == kind;
    return found;
}

/* COMMIT without END; a HAZARD would have ended the search. */
static bool is_open(const struct small_coord *coord)
{
    return has(coord, VOW_RECORD_COMMIT) && !has(coord, VOW_RECORD_END);
}

static void write_down(struct run *run, const struct small_journal_op *op)
{
    struct small_journal *disk = &run->to.disk;

    if (op->kind == 0)
        return;
    disk->kinds |= kind_bit(op->kind);
    if (op->kind == VOW_RECORD_COMMIT) {
        disk->yes = op->yes;
        run->step->seen |= SMALL_HAS_COMMIT;
    }
    if (op->kind == VOW_RECORD_END)
        run->step->seen |= SMALL_HAS_END;
}

static struct small_journal_op *submit(struct run *run, enum vow_record_kind kind)
{
    struct small_journal_op *op = &run->to.queue[run->to.queue_len];

    VOW_ASSERT(run->to.queue_len < SMALL_QUEUE_MAX);
    run->to.queue_len++;
    memset(op, 0, sizeof(*op));
    op->kind = kind;
    return op;
}

/* How often it was asked for makes no other state of it. */
static void ask_journal(struct run *run, const struct vow_coord_effect *effect)
{
    struct small_journal_op *op = submit(run, 0);

    op->session = effect->session;
    op->question = effect->lookup.question;
    op->question.header.attempt = 0;
}

static uint16_t mask_of(const struct small_yes_list *yes)
{
    uint16_t mask = 0;

    for (uint32_t i = 0; i < yes->len; i++)
        mask |= (uint16_t)(1u << (yes->members[i].name[1] - '0'));
    return mask;
}

static void take_log(struct run *run, const struct vow_coord_effect *effect)
{
    const struct vow_record *record = &effect->log.record;
    struct small_journal_op *op = submit(run, record->kind);

    op->token = effect->log.token;
    VOW_ASSERT(record->branches_len <= SMALL_PARTICIPANTS_MAX);
    op->yes.len = record->branches_len;
    for (uint32_t i = 0; i < op->yes.len; i++)
        op->yes.members[i] = record->branches[i];
    if (record->kind == VOW_RECORD_COMMIT) {
        run->step->seen |= SMALL_LOGS_COMMIT;
        run->step->mask = mask_of(&op->yes);
    }
    if (record->kind == VOW_RECORD_END)
        run->step->seen |= SMALL_LOGS_END;
    if (record->kind == VOW_RECORD_HAZARD)
        small_break_rule(run->step, "I19", "a HAZARD is recorded, and no disk was damaged");
}

/* ---- what the core wants ---- */

static void take_decision(struct run *run, uint32_t peer, enum vow_verdict verdict)
{
    const struct small_coord *to = &run->to;

    if (verdict == VOW_COMMIT) {
        if (!has(to, VOW_RECORD_COMMIT))
            small_break_rule(run->step, "I07", "COMMIT is sent, and the decision is not durable (mistake 1)");
        return;
    }
    /* With a durable END nobody is left who could obey: the coordinator has forgotten, and presumes (protocol 2.3). */
    if (has(to, VOW_RECORD_END))
        return;
    run->step->seen |= SMALL_SAID_ABORT;
    if (has(to, VOW_RECORD_COMMIT) || is_submitted(to, VOW_RECORD_COMMIT))
        small_break_rule(run->step, "I10", "ABORT is sent after COMMIT was submitted to the log (mistakes 6, 16)");
    if ((to->read_only >> peer & 1) != 0)
        small_break_rule(run->step, "2.2-abort",
                         "ABORT is sent to a participant that has voted READ_ONLY (mistake 17)");
}

static void take_send(struct run *run, const struct vow_coord_effect *effect)
{
    const uint32_t peer = (uint32_t)(effect->session - SMALL_PEER_SESSION);

    if (effect->msg.kind == VOW_MSG_DECISION)
        take_decision(run, peer, effect->msg.decision.verdict);
    small_send(run->step, peer, small_mail_number(&run->nodes->mail, &effect->msg));
}

static void take_reply(struct run *run, const struct vow_msg *msg)
{
    const struct small_coord *to = &run->to;

    if (msg->kind != VOW_MSG_OUTCOME)
        return;
    if (msg->outcome.outcome == VOW_COMMITTED) {
        run->step->seen |= SMALL_TOLD_COMMITTED;
        if (!has(to, VOW_RECORD_COMMIT))
            run->step->seen |= SMALL_TOLD_UNLOGGED;
    }
    if (msg->outcome.outcome == VOW_ABORTED) {
        run->step->seen |= SMALL_TOLD_ABORTED;
        if (has(to, VOW_RECORD_COMMIT) || is_submitted(to, VOW_RECORD_COMMIT))
            small_break_rule(run->step, "I06",
                             "ABORTED is answered after COMMIT was submitted to the log (mistake 16)");
    }
}

static void take_effect(struct run *run, const struct vow_coord_effect *effect)
{
    switch (effect->kind) {
    case VOW_COORD_SEND:
        take_send(run, effect);
        break;
    case VOW_COORD_REPLY:
        take_reply(run, &effect->msg);
        break;
    case VOW_COORD_LOG:
        take_log(run, effect);
        break;
    case VOW_COORD_LOOKUP:
        ask_journal(run, effect);
        break;
    case VOW_COORD_FORGOTTEN:
        break;
    case VOW_COORD_TRACE:
        run->to.state = effect->trace.to;
        break;
    case VOW_COORD_ALARM:
        small_alarm(run->step, effect->alarm.what);
        break;
    }
}

static void feed(struct run *run, struct vow_coord_event event)
{
    struct vow_coord_effects effects;

    event.now_ms = run->to.now_ms;
    vow_coord_step(run->core, &event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        take_effect(run, &effects.items[i]);
}

/* ---- what happens to it ---- */

/* The joined work that the client was told of; two bits for each participant. */
static uint32_t fill_work(struct vow_msg_work *work, uint32_t ops)
{
    uint32_t len = 0;

    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++) {
        if ((ops >> (2 * i) & 3) != 0)
            work[len++] = (struct vow_msg_work){small_peer_name(i), ops >> (2 * i) & 3};
    }
    return len;
}

static void ask(struct run *run, struct small_event event)
{
    const struct small_config *config = &run->nodes->config;
    struct vow_msg_work work[SMALL_PARTICIPANTS_MAX];
    struct vow_msg msg = {0};

    if (event.kind == SMALL_BEGIN) {
        msg.kind = VOW_MSG_BEGIN;
        msg.begin = (struct vow_msg_begin){.gtrid = run->nodes->gtrid, .key = ""};
    } else if (event.kind == SMALL_COMMIT) {
        msg.kind = VOW_MSG_COMMIT_REQUEST;
        msg.commit_request = (struct vow_msg_commit_request){.gtrid = run->nodes->gtrid, .work = work, .key = ""};
        msg.commit_request.work_len = fill_work(work, (uint32_t)event.arg >> 4);
        msg.commit_request.calls = small_calls();
        msg.commit_request.calls_len = config->work == SMALL_JOINED ? 0 : config->participants;
    } else if (event.kind == SMALL_ROLLBACK) {
        msg.kind = VOW_MSG_ROLLBACK_REQUEST;
        msg.rollback_request.gtrid = run->nodes->gtrid;
    } else {
        msg.kind = VOW_MSG_STATUS_REQUEST;
        msg.status_request.gtrid = run->nodes->gtrid;
        msg.status_request.participant = config->work == SMALL_ONE_PHASE ? small_peer_name(0) : "";
    }
    feed(run, (struct vow_coord_event){.kind = VOW_COORD_MESSAGE, .session = event.arg & 15, .msg = &msg});
}

/* What the coordinator calls the participant's branch: joined ones are numbered as they come. */
static uint32_t branch_of(const struct run *run, uint32_t peer)
{
    struct vow_coord_txn_view view;

    if (!vow_coord_find(run->core, &run->nodes->gtrid, &view))
        return peer;
    for (uint32_t i = 0; i < view.branches_len; i++) {
        if (strcmp(view.branches[i].participant, small_peer_name(peer)) == 0)
            return view.branches[i].branch;
    }
    return peer;
}

/* A vote counts if the core counts it. */
static void note_read_only(struct run *run)
{
    struct vow_coord_txn_view view;

    run->to.read_only = 0;
    if (!vow_coord_find(run->core, &run->nodes->gtrid, &view))
        return;
    for (uint32_t i = 0; i < view.branches_len; i++) {
        if (view.branches[i].voted && view.branches[i].vote == VOW_VOTE_READ_ONLY)
            run->to.read_only |= (uint8_t)(1u << (view.branches[i].participant[1] - '0'));
    }
}

static void deliver(struct run *run, struct small_event event)
{
    const struct vow_msg msg = small_mail_copy(&run->nodes->mail, event.arg, branch_of(run, event.peer));

    feed(run,
         (struct vow_coord_event){.kind = VOW_COORD_MESSAGE, .session = SMALL_PEER_SESSION + event.peer, .msg = &msg});
    note_read_only(run);
}

static struct vow_coord_lookup look_up(const struct run *run, const struct small_journal_op *op)
{
    const struct small_coord *to = &run->to;
    struct vow_coord_lookup lookup = {.question = op->question, .session = op->session, .found = true};

    if (has(to, VOW_RECORD_COMMIT) || has(to, VOW_RECORD_READ_ONLY) || has(to, VOW_RECORD_ONE_PHASE)) {
        lookup.outcome = VOW_COMMITTED;
        lookup.decided = has(to, VOW_RECORD_COMMIT);
    } else if (has(to, VOW_RECORD_ABORTED)) {
        lookup.outcome = VOW_ABORTED;
        lookup.cause = VOW_CAUSE_CLIENT_ROLLBACK;
    } else {
        lookup.found = false;
    }
    return lookup;
}

/* The journal works in the order in which it was asked. */
static void finish_oldest(struct run *run)
{
    const struct small_journal_op op = run->to.queue[0];

    run->to.queue_len--;
    memmove(run->to.queue, run->to.queue + 1, run->to.queue_len * sizeof(op));
    write_down(run, &op);
    if (op.kind == 0)
        feed(run, (struct vow_coord_event){.kind = VOW_COORD_LOOKED_UP, .lookup = look_up(run, &op)});
    else
        feed(run, (struct vow_coord_event){.kind = VOW_COORD_LOG_DONE, .token = op.token});
}

static void run_out(struct run *run)
{
    const uint64_t deadline_ms = vow_coord_deadline_ms(run->core);

    if (deadline_ms > run->to.now_ms)
        run->to.now_ms = deadline_ms;
    feed(run, (struct vow_coord_event){.kind = VOW_COORD_TIMER});
}

static void peer_up(struct run *run, struct small_event event)
{
    struct vow_coord_event up = {.kind = VOW_COORD_PEER_UP, .session = SMALL_PEER_SESSION + event.peer};

    run->to.sessions |= (uint8_t)(1u << event.peer);
    up.peer.name = up.peer.address = small_peer_name(event.peer);
    up.peer.incarnation = event.arg;
    memset(up.peer.db_uuid, (int)event.peer + 1, sizeof(up.peer.db_uuid));
    feed(run, up);
}

static void crash(struct run *run, uint32_t survivors)
{
    for (uint32_t i = 0; i < survivors && i < run->to.queue_len; i++)
        write_down(run, &run->to.queue[i]);
    run->to.queue_len = 0;
    run->to.up = run->to.has_recovered = false;
    run->to.sessions = run->to.read_only = run->to.state = 0;
    run->to.open = 0;
    run->to.has_timer = false;
}

static void start(struct run *run)
{
    struct vow_coord_identity identity = {.coord = SMALL_COORD, .epoch = ++run->to.disk.epoch, .seed = 1};

    memset(identity.secret, (int)identity.epoch, sizeof(identity.secret));
    run->core = vow_coord_init(run->nodes->coord_block.memory, &limits, &identity);
    run->to.up = true;
    run->to.now_ms = 1;
}

static void recover(struct run *run)
{
    const struct small_journal *disk = &run->to.disk;
    const struct vow_record commit = {.kind = VOW_RECORD_COMMIT,
                                      .gtrid = run->nodes->gtrid,
                                      .epoch = vow_gtrid_epoch(&run->nodes->gtrid),
                                      .branches_len = disk->yes.len,
                                      .branches = disk->yes.members};

    if (is_open(&run->to))
        feed(run, (struct vow_coord_event){.kind = VOW_COORD_RECOVERED, .record = &commit});
    feed(run, (struct vow_coord_event){.kind = VOW_COORD_RECOVERY_DONE});
    run->to.has_recovered = true;
}

static void happen(struct run *run, struct small_event event)
{
    switch ((int)event.kind) {
    case SMALL_BEGIN:
    case SMALL_COMMIT:
    case SMALL_ROLLBACK:
    case SMALL_STATUS:
        ask(run, event);
        break;
    case SMALL_CLIENT_DOWN:
        feed(run, (struct vow_coord_event){.kind = VOW_COORD_SESSION_DOWN, .session = event.arg});
        break;
    case SMALL_TO_COORD:
        deliver(run, event);
        break;
    case SMALL_JOURNAL_DONE:
        finish_oldest(run);
        break;
    case SMALL_COORD_TIMER:
        run_out(run);
        break;
    case SMALL_SESSION_DOWN:
        run->to.sessions &= (uint8_t) ~(1u << event.peer);
        feed(run, (struct vow_coord_event){.kind = VOW_COORD_SESSION_DOWN, .session = SMALL_PEER_SESSION + event.peer});
        break;
    case SMALL_SESSION_UP:
        peer_up(run, event);
        break;
    case SMALL_COORD_CRASH:
        crash(run, event.arg);
        break;
    case SMALL_COORD_START:
        start(run);
        break;
    case SMALL_COORD_RECOVER:
        recover(run);
        break;
    default:
        VOW_UNREACHABLE("not an event of the coordinator");
    }
}

/* ---- the state that follows ---- */

static uint64_t digest_of(const struct run *run)
{
    const struct small_coord *to = &run->to;
    uint64_t digest = to->up ? vow_coord_digest(run->core) : 1;

    digest = small_mix(digest, to->disk.epoch | (uint64_t)to->disk.kinds << 32);
    digest = small_mix(digest, mask_of(&to->disk.yes));
    digest = small_mix(digest, (uint64_t)to->up | (uint64_t)to->has_recovered << 1 | (uint64_t)to->sessions << 8 |
                                   (uint64_t)to->read_only << 16 | (uint64_t)to->state << 24);
    for (uint32_t i = 0; i < to->disk.yes.len; i++)
        digest = small_mix(digest, to->disk.yes.members[i].incarnation << 8 | to->disk.yes.members[i].branch);
    for (uint32_t i = 0; i < to->queue_len; i++) {
        digest = small_mix(digest, to->queue[i].kind | (uint64_t)(to->queue[i].token != 0) << 8);
        digest = small_mix(digest, to->queue[i].session << 8 | mask_of(&to->queue[i].yes));
        digest =
            small_mix(digest, (uint64_t)to->queue[i].question.is_inquiry << 32 | to->queue[i].question.header.branch);
        digest = small_mix(digest, to->queue[i].question.header.incarnation);
    }
    return digest;
}

static void look(struct run *run)
{
    struct vow_coord_counts counts;
    struct vow_msg welcome = {.kind = VOW_MSG_WELCOME};

    vow_coord_counts(run->core, &counts);
    run->to.open = counts.open;
    run->to.has_timer = vow_coord_deadline_ms(run->core) != UINT64_MAX;
    welcome.welcome.epoch = run->to.disk.epoch;
    welcome.welcome.watermark = counts.watermark;
    run->to.welcome = small_mail_number(&run->nodes->mail, &welcome);
}

static uint32_t keep(struct run *run)
{
    struct small_nodes *nodes = run->nodes;
    const uint64_t digest = digest_of(run);
    uint32_t number;

    if (run->to.up) {
        look(run);
        small_block_scan(&nodes->coord_block);
    }
    if (small_map_find(&nodes->coord_memo.state_of, digest, &number))
        return number;
    run->to.image = run->to.up ? small_block_save(&nodes->coord_block) : (struct small_image){0};
    nodes->coords = small_room_grow(nodes->coords, &nodes->coords_room, nodes->coords_len + 1, sizeof(run->to));
    nodes->coords[nodes->coords_len] = run->to;
    small_map_put(&nodes->coord_memo.state_of, digest, (uint32_t)nodes->coords_len);
    return (uint32_t)nodes->coords_len++;
}

void small_coord_run(struct small_nodes *nodes, uint32_t from, struct small_event event, struct small_step *step)
{
    struct run run = {nodes, step, nodes->coords[from], (void *)nodes->coord_block.memory};

    if (run.to.up)
        small_block_load(&nodes->coord_block, &run.to.image);
    happen(&run, event);
    step->to = keep(&run);
}

/* ---- the first state ---- */

static void draw_id(struct run *run)
{
    const struct vow_msg msg = {.kind = VOW_MSG_IDS_REQUEST, .ids_request = {1}};
    const struct vow_coord_event event = {
        .kind = VOW_COORD_MESSAGE, .now_ms = run->to.now_ms, .session = SMALL_CLIENT_SESSION, .msg = &msg};
    struct vow_coord_effects effects;
    const struct vow_msg_ids *ids;
    const bool is_one_phase = run->nodes->config.work == SMALL_ONE_PHASE;

    vow_coord_step(run->core, &event, &effects);
    ids = &effects.items[0].msg.ids;
    run->nodes->gtrid =
        vow_gtrid_make(SMALL_COORD, ids->epoch, ids->first_seq, is_one_phase ? VOW_GTRID_ONE_PHASE : 0, ids->rand[0]);
    small_block_set_base(&run->nodes->coord_block, effects.items,
                         vow_coord_edge_hits(run->core) + vow_coord_fsm()->edges_len);
}

void small_coord_first(struct small_nodes *nodes)
{
    struct small_step step = {0};
    struct run run = {.nodes = nodes, .step = &step};

    small_block_init(&nodes->coord_block, vow_coord_size(&limits));
    start(&run);
    recover(&run);
    draw_id(&run);
    for (uint32_t i = 0; i < nodes->config.participants; i++)
        peer_up(&run, (struct small_event){.peer = (uint8_t)i, .arg = 1});
    (void)keep(&run);
}
