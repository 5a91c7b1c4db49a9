#include "past.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/core/core.h"
#include "coordinator/fold/replay_rows.h"
#include "faults.h"
#include "proto/codec.h"
#include "proto/frame.h"
#include "proto/jitter.h"

enum { PEERS = 4, OPS_MAX = 512, MAILS_MAX = 2048, CLIENT = 1000, PAGES_EVERY = 37 };

static const char *const names[PEERS] = {"a", "b", "c", "d"};

struct past_op {
    struct vow_journal_op op;
    struct vow_record_branch branches[VOW_CALLS_MAX];
    uint8_t body[2048];
    enum past_core core;
};

/* A message to a participant: what it needs to answer. */
struct past_mail {
    enum vow_msg_kind kind;
    uint64_t session;
    struct vow_msg_header header;
    enum vow_verdict verdict;
    struct vow_msg_step step;
};

uint32_t past_below(struct past *past, uint32_t limit)
{
    return (uint32_t)(vow_jitter_next(&past->random) % limit);
}

bool past_chance(struct past *past, uint32_t of_100)
{
    return past_below(past, 100) < of_100;
}

/* ---- a state as a number ---- */

void past_mix(uint64_t *digest, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        *digest = (*digest ^ ((const uint8_t *)bytes)[i]) * UINT64_C(1099511628211);
}

void past_mix_number(uint64_t *digest, uint64_t number)
{
    past_mix(digest, &number, sizeof(number));
}

static void mix_saga(uint64_t *digest, const struct vow_saga_view *view)
{
    past_mix(digest, view->gtrid.bytes, sizeof(view->gtrid.bytes));
    past_mix(digest, view->state, strlen(view->state));
    past_mix_number(digest, (uint64_t)view->told | (uint64_t)view->cause << 8 | (uint64_t)view->failed_step << 32);
    for (uint32_t i = 0; i < view->steps_len; i++) {
        const struct vow_saga_step_view *step = &view->steps[i];

        past_mix(digest, step->participant, strlen(step->participant));
        past_mix(digest, step->state, strlen(step->state));
        past_mix(digest, step->fate, strlen(step->fate));
        past_mix_number(digest, (uint64_t)step->stage | (uint64_t)step->attempts << 32);
    }
}

uint64_t past_digest(const struct vow_coord *txns, const struct vow_sagas *sagas)
{
    uint64_t digest = vow_coord_digest(txns);
    struct vow_saga_view view;
    uint32_t cursor = 0;

    while (vow_sagas_next(sagas, &cursor, &view))
        mix_saga(&digest, &view);
    return digest;
}

/* ---- a start ---- */

struct start {
    struct vow_coord *txns;
    struct vow_sagas *sagas;
};

static void start_txn(void *ctx, const struct vow_coord_event *event)
{
    struct vow_coord_effects none;

    vow_coord_step(((struct start *)ctx)->txns, event, &none);
}

static void start_saga(void *ctx, const struct vow_sagas_event *event)
{
    struct vow_sagas_effects none;

    vow_sagas_step(((struct start *)ctx)->sagas, event, &none);
}

static struct vow_sagas_limits saga_limits(void)
{
    struct vow_sagas_limits limits = vow_sagas_default_limits;

    limits.sagas_max = 256;
    limits.steps_max = 2048;
    limits.peers_max = 8;
    limits.keys_max = 256;
    return limits;
}

static struct vow_coord_limits txn_limits(void)
{
    struct vow_coord_limits limits = fixture_limits();

    limits.txns_max = 256;
    limits.branches_max = 1024;
    return limits;
}

/* As vowd does it: the engine's scan, twice, and on with the sagas. */
static uint64_t digest_of_start(struct past *past)
{
    struct vow_coord_limits limits = txn_limits();
    struct vow_sagas_limits sagas = saga_limits();
    struct vow_coord_identity identity = {.epoch = past->bed.identity.epoch};
    struct saga_book book = {0};
    void *memory[2] = {malloc(vow_coord_size(&limits)), malloc(vow_sagas_size(&sagas))};
    struct start start = {vow_coord_init(memory[0], &limits, &identity),
                          vow_sagas_init(memory[1], &sagas, identity.epoch, 0)};
    struct vow_recovery recovery = {
        .book = &book, .ctx = &start, .txn = start_txn, .saga = start_saga, .now_ms = 1, .detail = &past->bed.detail};
    uint64_t digest;

    cr_assert_eq(past->bed.ops->scan(past->bed.engine, vow_recovery_count, &recovery, &past->bed.detail), 0);
    cr_assert_eq(past->bed.ops->scan(past->bed.engine, vow_recovery_feed, &recovery, &past->bed.detail), 0);
    start_txn(&start, &(struct vow_coord_event){.kind = VOW_COORD_RECOVERY_DONE, .now_ms = 1});
    start_saga(&start, &(struct vow_sagas_event){.kind = VOW_SAGAS_RECOVERY_DONE, .now_ms = 1});
    while (vow_sagas_deadline_ms(start.sagas) <= 1)
        start_saga(&start, &(struct vow_sagas_event){.kind = VOW_SAGAS_TIMER, .now_ms = 1});
    digest = past_digest(start.txns, start.sagas);
    vow_recovery_deinit(&recovery);
    saga_book_free(&book);
    free(memory[0]);
    free(memory[1]);
    return digest;
}

/* ---- to the journal ---- */

struct past_op *past_op_new(struct past *past, const struct vow_record *record, uint64_t token, enum past_core core)
{
    struct past_op *op = &past->ops[past->ops_len++];

    cr_assert_leq(past->ops_len, OPS_MAX);
    memset(op, 0, sizeof(*op));
    op->core = core;
    op->op.kind = record->kind == VOW_RECORD_COMMIT                                       ? VOW_JOURNAL_DECIDE
                  : record->kind == VOW_RECORD_END || record->kind == VOW_RECORD_SAGA_END ? VOW_JOURNAL_END
                                                                                          : VOW_JOURNAL_APPEND;
    op->op.token = token;
    op->op.record = *record;
    op->op.record.epoch = past->bed.identity.epoch;
    if (record->branches_len > 0)
        memcpy(op->branches, record->branches, record->branches_len * sizeof(*record->branches));
    if (record->body.len > 0)
        memcpy(op->body, record->body.data, record->body.len);
    return op;
}

void past_op_body(struct past_op *op, const uint8_t *body, size_t len)
{
    cr_assert_leq(len, sizeof(op->body));
    op->op.record.body.len = len;
    memcpy(op->body, body, len);
}

void past_op_key(struct past_op *op, const struct vow_msg_event *event)
{
    memcpy(op->op.key.db_uuid, event->db_uuid, VOW_DB_UUID_BYTES);
    memcpy(op->op.key.key, event->key, strlen(event->key) + 1);
    op->op.key.key_seq = event->key_seq;
}

static void log_order(struct past *past, const struct vow_sagas_effect *effect, const struct vow_msg *request)
{
    struct past_op *op = past_op_new(past, &effect->log.record, effect->log.token, PAST_SAGA);
    uint8_t frame[2048];
    size_t len = vow_msg_encode(request, VOW_FRAME_MAX_HIGHEST, frame, sizeof(frame));

    cr_assert_gt(len, VOW_FRAME_HEADER_BYTES);
    past_op_body(op, frame + VOW_FRAME_HEADER_BYTES, len - VOW_FRAME_HEADER_BYTES);
}

/* ---- effects ---- */

static void post(struct past *past, const struct past_mail *mail)
{
    if (past->mails_len < MAILS_MAX)
        past->mails[past->mails_len++] = *mail;
}

static void look_up(struct past *past, const struct vow_coord_effect *effect)
{
    struct vow_journal_op op = {.kind = VOW_JOURNAL_GET, .gtrid = effect->lookup.question.gtrid};
    struct vow_coord_lookup lookup = {.question = effect->lookup.question, .session = effect->session};

    (void)snprintf(op.reporter, sizeof(op.reporter), "%s", effect->lookup.reporter);
    past->bed.ops->commit(past->bed.engine, &op);
    lookup.found = op.error == 0;
    lookup.decided = op.error == 0 && op.decided;
    lookup.outcome = op.outcome;
    lookup.cause = op.cause;
    lookup.damage = op.damage;
    lookup.forgotten = op.forgotten;
    lookup.below_floor = op.error == VOW_E_EXPIRED;
    lookup.unproved = op.error == VOW_E_RECOVERING;
    fixture_looked_up(&past->txns, &lookup);
}

static void take_txn_effects(struct past *past)
{
    const struct vow_coord_effects effects = past->txns.effects;
    struct vow_coord_effect question = {0};

    for (size_t i = 0; i < effects.len; i++) {
        const struct vow_coord_effect *effect = &effects.items[i];

        if (effect->kind == VOW_COORD_LOG)
            (void)past_op_new(past, &effect->log.record, effect->log.token, PAST_TXN);
        else if (effect->kind == VOW_COORD_SEND && effect->msg.kind == VOW_MSG_PREPARE)
            post(past, &(struct past_mail){
                           .kind = VOW_MSG_PREPARE, .session = effect->session, .header = effect->msg.prepare.header});
        else if (effect->kind == VOW_COORD_SEND && effect->msg.kind == VOW_MSG_DECISION)
            post(past, &(struct past_mail){.kind = VOW_MSG_DECISION,
                                           .session = effect->session,
                                           .header = effect->msg.decision.header,
                                           .verdict = effect->msg.decision.verdict});
        else if (effect->kind == VOW_COORD_LOOKUP)
            question = *effect;
    }
    past->txns.effects.len = 0;
    if (question.kind == VOW_COORD_LOOKUP) {
        char reporter[VOW_NAME_SIZE];

        (void)snprintf(reporter, sizeof(reporter), "%s", question.lookup.reporter);
        question.lookup.reporter = reporter;
        look_up(past, &question);
        take_txn_effects(past);
    }
}

static void step_sagas(struct past *past, struct vow_sagas_event *event, const struct vow_msg *request)
{
    struct vow_sagas_effects effects;

    event->now_ms = past->txns.now_ms;
    vow_sagas_step(past->sagas, event, &effects);
    for (size_t i = 0; i < effects.len; i++) {
        const struct vow_sagas_effect *effect = &effects.items[i];

        if (effect->kind == VOW_SAGAS_LOG && effect->log.record.kind == VOW_RECORD_SAGA_BEGIN)
            log_order(past, effect, request);
        else if (effect->kind == VOW_SAGAS_LOG)
            (void)past_op_new(past, &effect->log.record, effect->log.token, PAST_SAGA);
        else if (effect->kind == VOW_SAGAS_SEND)
            post(past, &(struct past_mail){.kind = VOW_MSG_STEP, .session = effect->session, .step = effect->msg.step});
    }
}

/* ---- the live state beside a replay's ---- */

static bool is_durable(const struct vow_fsm *fsm, const char *state)
{
    for (size_t i = 0; i < fsm->states_len; i++) {
        if (strcmp(fsm->states[i].name, state) == 0)
            return (fsm->states[i].flags & VOW_FSM_DURABLE) != 0;
    }
    return false;
}

/* Who only read is in no record, nor in a replay's state. */
static void compare_txn(const struct vow_coord_txn_view *live, const struct vow_coord_txn_view *past)
{
    uint32_t at = 0;

    cr_assert_str_eq(live->state, past->state);
    cr_assert_eq(live->damage, past->damage);
    for (uint32_t i = 0; i < live->branches_len; i++) {
        if (live->branches[i].voted && live->branches[i].vote == VOW_VOTE_READ_ONLY)
            continue;
        cr_assert_lt(at, past->branches_len);
        cr_assert_str_eq(live->branches[i].participant, past->branches[at].participant);
        cr_assert_eq(live->branches[i].no_record, past->branches[at].no_record);
        cr_assert_eq(live->branches[i].contradicts, past->branches[at].contradicts);
        at++;
    }
    cr_assert_eq(at, past->branches_len);
}

static void compare_txns(const struct past *past, const struct vow_replay *replay)
{
    struct vow_coord_txn_view live, then;
    struct vow_coord_counts counts;
    uint32_t cursor = 0, open = 0;

    while (vow_coord_next(past->txns.core, &cursor, &live)) {
        if (!is_durable(vow_coord_fsm(), live.state))
            continue;
        open++;
        cr_assert(vow_coord_find(replay->txns, &live.gtrid, &then), "a transaction in %s is missing", live.state);
        compare_txn(&live, &then);
    }
    vow_coord_counts(replay->txns, &counts);
    cr_assert_eq(counts.open, open);
}

/* What was stuck for want of its participant goes on when that is back, and no record says so until it is done. */
static bool is_tried_again(const struct vow_saga_view *live, const struct vow_saga_view *past)
{
    if (past->told != VOW_SAGA_STUCK_FORWARD && past->told != VOW_SAGA_STUCK_COMPENSATING)
        return false;
    for (uint32_t i = 0; i < live->steps_len && i < past->steps_len; i++) {
        if (strcmp(past->steps[i].state, "STUCK") == 0 && !is_durable(vow_step_fsm(), live->steps[i].state))
            return true;
    }
    return false;
}

/* Steps that are under way have no record, and no fate. */
static void compare_saga(const struct vow_saga_view *live, const struct vow_saga_view *past)
{
    cr_assert(live->told == past->told || is_tried_again(live, past), "%s is %s", live->state, past->state);
    cr_assert_eq(live->steps_len, past->steps_len);
    for (uint32_t i = 0; i < live->steps_len; i++) {
        bool is_durable_step = is_durable(vow_step_fsm(), live->steps[i].state);

        cr_assert_str_eq(live->steps[i].participant, past->steps[i].participant);
        cr_assert(!is_durable_step || strcmp(live->steps[i].fate, past->steps[i].fate) == 0, "step %u of %s: %s is %s",
                  i, live->state, live->steps[i].fate, past->steps[i].fate);
    }
}

static void compare_sagas(const struct past *past, const struct vow_replay *replay)
{
    struct vow_saga_view live, then;
    struct vow_sagas_counts counts;
    uint32_t cursor = 0, open = 0;

    while (vow_sagas_next(past->sagas, &cursor, &live)) {
        if (!is_durable(vow_saga_fsm(), live.state))
            continue;
        open++;
        cr_assert(vow_sagas_find(replay->sagas, &live.gtrid, &then), "a saga in %s is missing", live.state);
        compare_saga(&live, &then);
    }
    vow_sagas_counts(replay->sagas, &counts);
    cr_assert_eq(counts.open, open);
}

static void read_on(const struct past *past, struct vow_replay *replay, struct vow_journal_op *op)
{
    do {
        past->bed.ops->commit(past->bed.engine, op);
        for (uint32_t i = 0; i < op->events_len; i++)
            cr_assert_eq(vow_replay_take(replay, &op->events[i]), 0);
        vow_journal_events_free(op->events, op->events_len);
    } while (op->error == 0 && op->has_more);
}

/* A replay of the running journal, a page at a time; *lsn is the event then. */
static int read_pages(const struct past *past, struct vow_replay *replay, uint64_t *lsn,
                      struct vow_error_detail *detail)
{
    struct vow_journal_op op = {.kind = VOW_JOURNAL_READ, .until = *lsn};

    read_on(past, replay, &op);
    if (op.error == 0 && vow_replay_again(replay, &op.after))
        read_on(past, replay, &op);
    *lsn = op.until;
    replay->events_cut = op.events_cut;
    replay->cut_lsn = op.cut_lsn;
    return op.error != 0 ? vow_journal_say_until(op.error, op.cut_lsn, op.last_lsn, detail) : 0;
}

static void compare(struct past *past, bool is_end)
{
    struct vow_error_detail detail;
    struct vow_replay replay;
    uint64_t lsn = 0, keys, relay;

    vow_replay_init(&replay, &(struct vow_gtrid){{0}});
    cr_assert_eq(read_pages(past, &replay, &lsn, &detail), 0, "%s", detail.text);
    cr_assert_eq(lsn, past->last_lsn);
    cr_assert_eq(vow_replay_make(&replay, past->last_lsn, &detail), 0, "%s", detail.text);
    compare_txns(past, &replay);
    compare_sagas(past, &replay);
    cr_assert_eq(past_digest(replay.txns, replay.sagas), past->marks[past->last_lsn].state);
    cr_assert_not_null(replay.relay);
    relay = past_relay_of_sum(&replay.fold.relay, replay.relay, &keys);
    cr_assert_eq(relay, past->marks[past->last_lsn].relay);
    cr_assert(replay.fold.is_cut || keys == past->marks[past->last_lsn].keys);
    if (is_end)
        past_relay_compare(past, replay.relay);
    vow_replay_deinit(&replay);
    past->compared++;
}

/* ---- the life ---- */

static void write_down(struct past *past)
{
    struct vow_journal_stats stats = bed_stats(&past->bed);

    cr_assert_leq(stats.last_lsn, PAST_EVENTS);
    past->last_lsn = stats.last_lsn;
    past->cuts += stats.cut_lsn != past->cut_lsn;
    past->cut_lsn = stats.cut_lsn;
    past->marks[past->last_lsn].state = digest_of_start(past);
    past->marks[past->last_lsn].relay = past_relay_of_start(past, &past->marks[past->last_lsn].keys);
}

static void commit_first(struct past *past)
{
    struct past_op op = past->ops[0];

    memmove(&past->ops[0], &past->ops[1], --past->ops_len * sizeof(past->ops[0]));
    op.op.record.branches = op.branches;
    op.op.record.body.data = op.body;
    past->bed.ops->commit(past->bed.engine, &op.op);
    cr_assert_eq(op.op.result, VOW_JOURNAL_WON);
    past->kinds[op.op.record.kind]++;
    if (op.op.record.kind == VOW_RECORD_EVENT) {
        past->published[op.op.lsn] = op.op.key;
        past->published[op.op.lsn].lsn = op.op.lsn;
    }
    write_down(past);
    if (op.core == PAST_RELAY) {
        past_relay_logged(past, op.op.token, op.op.lsn);
    } else if (op.core == PAST_SAGA) {
        step_sagas(past, &(struct vow_sagas_event){.kind = VOW_SAGAS_LOG_DONE, .token = op.op.token}, NULL);
    } else {
        fixture_log_done(&past->txns, op.op.token);
        take_txn_effects(past);
    }
}

static void flush(struct past *past)
{
    uint64_t before = past->last_lsn;

    while (past->ops_len > 0)
        commit_first(past);
    if (past->last_lsn / PAGES_EVERY != before / PAGES_EVERY)
        compare(past, false);
}

static void begin_txn(struct past *past)
{
    struct vow_gtrid id = fixture_id(&past->txns, 0);
    const char *called[PEERS];
    uint32_t len = 0;

    for (uint32_t i = 0; i < PEERS; i++) {
        if (past->sessions[i] != 0 && past_chance(past, 60))
            called[len++] = names[i];
    }
    if (len == 0)
        return;
    fixture_commit(&past->txns, CLIENT, &id, called, len);
    take_txn_effects(past);
}

static void begin_saga(struct past *past)
{
    struct vow_msg_saga_step steps[8];
    struct vow_msg msg = {.kind = VOW_MSG_SAGA_REQUEST};
    uint32_t before = 1 + past_below(past, 3), pivot = past_below(past, 2),
             len = before + pivot + past_below(past, past->is_bad ? 4 : 2);
    uint32_t stage = 0;

    for (uint32_t i = 0; i < len; i++) {
        enum vow_step_kind kind = i < before           ? VOW_STEP_COMPENSATABLE
                                  : i < before + pivot ? VOW_STEP_PIVOT
                                                       : VOW_STEP_RETRIABLE;

        stage += i > 0 && (kind == VOW_STEP_PIVOT || steps[i - 1].kind != kind || past_chance(past, 50));
        steps[i] = (struct vow_msg_saga_step){.kind = kind,
                                              .stage = stage,
                                              .participant = names[past_below(past, PEERS)],
                                              .action = "do",
                                              .compensation = kind == VOW_STEP_COMPENSATABLE ? "undo" : "",
                                              .attempts_max = 1 + past_below(past, 3)};
    }
    msg.saga_request =
        (struct vow_msg_saga_request){.gtrid = vow_gtrid_make(FIXTURE_COORD, 1, 1000000 + ++past->saga_seq, 0, 1),
                                      .key = "",
                                      .steps_len = len,
                                      .steps = steps,
                                      .deadline_ms = past_chance(past, 20) ? 1 + past_below(past, 30000) : 0};
    step_sagas(past,
               &(struct vow_sagas_event){.kind = VOW_SAGAS_REQUEST,
                                         .session = CLIENT,
                                         .request = {.msg = &msg.saga_request, .grant = VOW_SAGA_ID_NEW}},
               &msg);
}

static void answer_decision(struct past *past, const struct past_mail *mail)
{
    uint32_t draw = past_below(past, 100);

    if (mail->verdict == VOW_ABORT) {
        if (draw < 10)
            fixture_report(&past->txns, mail->session, &mail->header, VOW_COMMIT);
    } else if (draw < 70) {
        fixture_ack(&past->txns, mail->session, &mail->header, VOW_ACK_DONE);
    } else if (draw < 80) {
        fixture_ack(&past->txns, mail->session, &mail->header, VOW_ACK_NO_RECORD);
    } else if (draw < 90) {
        fixture_report(&past->txns, mail->session, &mail->header, VOW_ABORT);
    }
}

static void answer_step(struct past *past, const struct past_mail *mail)
{
    uint32_t draw = past_below(past, 100), done = past->is_bad ? 30 : 75;
    struct vow_msg msg = {.kind = VOW_MSG_STEP_DONE};

    msg.step_done = (struct vow_msg_step_done){.gtrid = mail->step.gtrid,
                                               .step = mail->step.step,
                                               .direction = mail->step.direction,
                                               .attempt = mail->step.attempt,
                                               .text = "",
                                               .result = draw < done                               ? VOW_STEP_DONE
                                                         : draw < 85                               ? VOW_STEP_NOT_YET
                                                         : mail->step.direction == VOW_STEP_ACTION ? VOW_STEP_REJECTED
                                                                                                   : VOW_STEP_UNABLE};
    if (msg.step_done.result == VOW_STEP_DONE)
        msg.step_done.answer = (struct vow_slice){(const uint8_t *)"done", 4};
    step_sagas(past, &(struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = mail->session, .msg = &msg}, NULL);
}

static bool is_up(const struct past *past, uint64_t session)
{
    for (uint32_t i = 0; i < PEERS; i++) {
        if (past->sessions[i] == session)
            return true;
    }
    return false;
}

/* One of the messages under way, or it is lost. */
static void deliver(struct past *past)
{
    struct past_mail mail;
    uint32_t at;

    if (past->mails_len == 0)
        return;
    at = past_below(past, (uint32_t)past->mails_len);
    mail = past->mails[at];
    past->mails[at] = past->mails[--past->mails_len];
    if (!is_up(past, mail.session) || past_chance(past, 10))
        return;
    if (mail.kind == VOW_MSG_STEP) {
        answer_step(past, &mail);
        return;
    }
    if (mail.kind == VOW_MSG_DECISION)
        answer_decision(past, &mail);
    else
        fixture_vote(&past->txns, mail.session, &mail.header,
                     past_chance(past, 85)   ? VOW_VOTE_YES
                     : past_chance(past, 50) ? VOW_VOTE_NO
                                             : VOW_VOTE_READ_ONLY);
    take_txn_effects(past);
}

static void connect(struct past *past, uint32_t i)
{
    past->sessions[i] = fixture_peer_up(&past->txns, names[i]);
    take_txn_effects(past);
    step_sagas(past,
               &(struct vow_sagas_event){.kind = VOW_SAGAS_PEER_UP, .session = past->sessions[i], .peer = names[i]},
               NULL);
}

static void come_or_go(struct past *past)
{
    uint32_t i = past_below(past, PEERS);
    uint64_t session = past->sessions[i];

    if (session == 0) {
        connect(past, i);
    } else if (past_chance(past, 20)) {
        past->sessions[i] = 0;
        fixture_down(&past->txns, session);
        take_txn_effects(past);
        step_sagas(past, &(struct vow_sagas_event){.kind = VOW_SAGAS_SESSION_DOWN, .session = session}, NULL);
    }
}

static void pass_time(struct past *past)
{
    uint32_t ms = 1 + past_below(past, past->is_bad ? 40000 : 5000);

    clock_shift(ms);
    fixture_after(&past->txns, ms);
    take_txn_effects(past);
    step_sagas(past, &(struct vow_sagas_event){.kind = VOW_SAGAS_TIMER}, NULL);
    past_relay_timer(past);
}

/* What an operator sees, and sees to. */
static void operate(struct past *past)
{
    struct vow_coord_txn_view txn;
    struct vow_saga_view saga;
    uint32_t cursor = 0;

    while (vow_coord_next(past->txns.core, &cursor, &txn)) {
        if ((txn.damage != VOW_DAMAGE_NONE || strcmp(txn.state, "COMMITTING") == 0) && past_chance(past, 30)) {
            fixture_forget(&past->txns, &txn.gtrid, "");
            take_txn_effects(past);
            flush(past);
        }
    }
    for (cursor = 0; vow_sagas_next(past->sagas, &cursor, &saga);) {
        bool is_stuck = saga.told == VOW_SAGA_STUCK_FORWARD || saga.told == VOW_SAGA_STUCK_COMPENSATING;
        enum vow_saga_order order = past_chance(past, 70) ? VOW_SAGA_RETRY : VOW_SAGA_CLOSE;

        if (is_stuck && past_chance(past, past->is_bad ? 3 : 30))
            step_sagas(past, &(struct vow_sagas_event){.kind = VOW_SAGAS_ORDER, .order = {saga.gtrid, order, 1}}, NULL);
    }
}

static void open_cores(struct past *past)
{
    struct vow_coord_limits limits = txn_limits();
    struct vow_sagas_limits sagas = saga_limits();

    past->sagas_memory = malloc(vow_sagas_size(&sagas));
    past->sagas = vow_sagas_init(past->sagas_memory, &sagas, past->bed.identity.epoch, 7);
    fixture_init(&past->txns, &limits, past->bed.identity.epoch);
}

static void recover_txn(void *past, const struct vow_coord_event *event)
{
    fixture_step(&((struct past *)past)->txns, event);
}

static void recover_saga(void *past, const struct vow_sagas_event *event)
{
    struct vow_sagas_event timed = *event;

    step_sagas(past, &timed, NULL);
}

/* A new life of the coordinator on the same journal. */
static void start(struct past *past)
{
    struct saga_book book = {0};
    struct vow_recovery recovery = {.book = &book,
                                    .ctx = past,
                                    .txn = recover_txn,
                                    .saga = recover_saga,
                                    .now_ms = 1000,
                                    .detail = &past->bed.detail};

    open_cores(past);
    cr_assert_eq(past->bed.ops->scan(past->bed.engine, vow_recovery_count, &recovery, &past->bed.detail), 0);
    cr_assert_eq(past->bed.ops->scan(past->bed.engine, vow_recovery_feed, &recovery, &past->bed.detail), 0);
    vow_recovery_deinit(&recovery);
    saga_book_free(&book);
    fixture_recovery_done(&past->txns);
    step_sagas(past, &(struct vow_sagas_event){.kind = VOW_SAGAS_RECOVERY_DONE}, NULL);
    while (vow_sagas_deadline_ms(past->sagas) <= past->txns.now_ms)
        step_sagas(past, &(struct vow_sagas_event){.kind = VOW_SAGAS_TIMER}, NULL);
    past_relay_start(past);
    write_down(past);
    for (uint32_t i = 0; i < PEERS; i++)
        connect(past, i);
}

static void crash(struct past *past)
{
    fixture_close(&past->txns);
    free(past->sagas_memory);
    past_relay_stop(past);
    past->ops_len = past->mails_len = 0;
    bed_restart(&past->bed);
    bed_retain(&past->bed, past->retain_ms);
    start(past);
}

static void turn(struct past *past)
{
    uint32_t draw = past_below(past, 1000);

    if (past->is_bad && past_chance(past, 10))
        come_or_go(past);

    past_relay_turn(past);
    if (draw < 100)
        begin_txn(past);
    else if (draw < 150)
        begin_saga(past);
    else if (draw < 800)
        deliver(past);
    else if (draw < 860)
        come_or_go(past);
    else if (draw < 940)
        pass_time(past);
    else if (draw < 990)
        operate(past);
    else if (draw < 993)
        crash(past);
    else
        past->bed.ops->idle(past->bed.engine);
    flush(past);
}

void past_live(struct past *past, uint64_t seed, uint64_t events)
{
    if (past->ops == NULL) {
        past->random = seed;
        clock_freeze();
        past->ops = calloc(OPS_MAX, sizeof(*past->ops));
        past->mails = calloc(MAILS_MAX, sizeof(*past->mails));
        bed_make(&past->bed);
        bed_start(&past->bed);
        start(past);
        flush(past);
    }
    while (past->last_lsn < events)
        turn(past);
    past->cut_lsn = bed_stats(&past->bed).cut_lsn;
}

void past_retain(struct past *past, uint64_t age_ms)
{
    past->retain_ms = age_ms;
    bed_retain(&past->bed, age_ms);
}

/* Time goes by, and the cursors are written. */
static void note_cursors(struct past *past, uint32_t ms)
{
    clock_shift(ms);
    fixture_after(&past->txns, ms);
    take_txn_effects(past);
    past_relay_timer(past);
    flush(past);
}

void past_end(struct past *past)
{
    flush(past);
    note_cursors(past, 10000);
    note_cursors(past, 1000); /* what was given up by then is buried now, and that moves them */
    compare(past, true);
    past->cut_lsn = bed_stats(&past->bed).cut_lsn;
}

void past_free(struct past *past)
{
    fixture_close(&past->txns);
    free(past->sagas_memory);
    past_relay_stop(past);
    free(past->ops);
    free(past->mails);
    bed_remove(&past->bed);
}

static int read_stopped(const struct past *past, struct vow_replay *replay, uint64_t *lsn,
                        struct vow_error_detail *detail)
{
    const struct vow_journal_until until = {.lsn = *lsn};
    struct vow_journal_report report;
    int error = vow_journal_sqlite_replay(past->bed.directory, &until, vow_replay_take, vow_replay_again, replay,
                                          &report, detail);

    *lsn = report.until_lsn;
    replay->events_cut = report.events_cut;
    replay->cut_lsn = report.cut_lsn;
    return error;
}

/* ---- keys after a cut ---- */

static uint64_t key_number(const char *key, uint64_t key_seq, uint64_t lsn)
{
    uint64_t digest = UINT64_C(14695981039346656037);

    past_mix(&digest, key, strlen(key));
    past_mix_number(&digest, key_seq);
    past_mix_number(&digest, lsn);
    return digest;
}

static int add_key_row(void *sum, json_t *row)
{
    const json_t *key = json_object_get(row, "key");

    if (key != NULL)
        *(uint64_t *)sum += key_number(json_string_value(json_object_get(key, "key")),
                                       (uint64_t)json_integer_value(json_object_get(key, "key_seq")),
                                       (uint64_t)json_integer_value(json_object_get(key, "offset")));
    json_decref(row);
    return 0;
}

static uint64_t keys_of_rows(const struct vow_replay *replay)
{
    uint64_t sum = 0;

    cr_assert_eq(vow_replay_rows(replay, 0, 0, add_key_row, &sum), 0);
    return sum;
}

static bool is_same_key(const struct vow_journal_key *a, const struct vow_journal_key *b)
{
    return memcmp(a->db_uuid, b->db_uuid, VOW_DB_UUID_BYTES) == 0 && strcmp(a->key, b->key) == 0;
}

uint64_t past_keys_since(const struct past *past, uint64_t cut, uint64_t lsn)
{
    uint64_t sum = 0;

    for (uint64_t at = cut + 1; at <= lsn; at++) {
        const struct vow_journal_key *key = &past->published[at];
        bool is_newest = key->lsn != 0;

        for (uint64_t later = at + 1; is_newest && later <= lsn; later++)
            is_newest = past->published[later].lsn == 0 || !is_same_key(key, &past->published[later]);
        if (is_newest)
            sum += key_number(key->key, key->key_seq, key->lsn);
    }
    return sum;
}

int past_replay(const struct past *past, uint64_t lsn, struct past_mark *mark, struct vow_error_detail *detail)
{
    struct vow_replay replay;
    int error;

    *mark = (struct past_mark){0};
    vow_replay_init(&replay, &(struct vow_gtrid){{0}});
    error = (past->bed.engine != NULL ? read_pages : read_stopped)(past, &replay, &lsn, detail);
    if (error == 0)
        error = vow_replay_make(&replay, lsn, detail);
    if (error == 0)
        mark->state = past_digest(replay.txns, replay.sagas);
    if (error == 0 && replay.relay != NULL)
        mark->relay = past_relay_of_sum(&replay.fold.relay, replay.relay, &mark->keys);
    if (error == 0 && replay.fold.is_cut)
        mark->keys = keys_of_rows(&replay);
    vow_replay_deinit(&replay);
    return error;
}
