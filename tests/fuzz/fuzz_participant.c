/*
 * Sequences of messages, store answers, connections and time against the participant's core, from a coordinator, peers
 * and operators that need not be honest. Whatever they say: YES follows a durable PREPARE (mistake 2), an
 * acknowledgement a durable COMMIT or a watermark (mistake 3), no branch is both committed and dropped, and what is
 * said of a branch that was ended by hand is durable (protocol 2.7). A peer is told COMMITTED only of what is, or of
 * what somebody has said so; and who was told ABORTED hears no YES in this life (protocol 2.6).
 */
#include <stdbool.h>
#include <string.h>

#include "fixture.h"
#include "input.h"
#include "message.h"
#include "target.h"

#define OPS_MAX 256
#define STEPS_MAX 400
#define HELD_MAX 1024

struct op {
    enum vow_store_op_kind kind;
    struct vow_gtrid gtrid;
    uint32_t branch;
    enum vow_verdict verdict;
    uint64_t session;
    uint32_t attempt;
};

/* What the store holds of one branch. */
struct held {
    struct vow_gtrid gtrid;
    uint32_t branch;
    bool prepared, committed, memo;
    bool agreed;                       /* ended by hand, and decided so: nothing of that is kept */
    enum vow_verdict by_hand, decided; /* 0 = not; 0 = not known */
};

/* What was heard and said of a transaction. */
struct word {
    struct vow_gtrid gtrid;
    bool heard_commit;
    bool said_abort; /* to a peer, in this life */
};

static struct fixture f;
static struct fuzz_ids ids;
static struct op ops[OPS_MAX];
static size_t ops_len;
static struct held held[HELD_MAX];
static size_t held_len;
static struct word words[HELD_MAX];
static size_t words_len;
static uint64_t life;
static struct vow_watermark watermark; /* the highest that any message has named */

static struct held *held_of(const struct vow_gtrid *gtrid, uint32_t branch)
{
    for (size_t i = 0; i < held_len; i++) {
        if (held[i].branch == branch && vow_gtrid_equal(&held[i].gtrid, gtrid))
            return &held[i];
    }
    FUZZ_REQUIRE(held_len < HELD_MAX);
    held[held_len] = (struct held){.gtrid = *gtrid, .branch = branch};
    return &held[held_len++];
}

static struct word *word_of(const struct vow_gtrid *gtrid)
{
    for (size_t i = 0; i < words_len; i++) {
        if (vow_gtrid_equal(&words[i].gtrid, gtrid))
            return &words[i];
    }
    FUZZ_REQUIRE(words_len < HELD_MAX);
    words[words_len] = (struct word){.gtrid = *gtrid};
    return &words[words_len++];
}

/* Of whatever branch: peers ask for the transaction. */
static bool is_committed(const struct vow_gtrid *gtrid)
{
    for (size_t i = 0; i < held_len; i++) {
        if (held[i].committed && vow_gtrid_equal(&held[i].gtrid, gtrid))
            return true;
    }
    return false;
}

static bool is_by_hand(const struct vow_gtrid *gtrid, enum vow_verdict verdict)
{
    for (size_t i = 0; i < held_len; i++) {
        if (held[i].by_hand == verdict && vow_gtrid_equal(&held[i].gtrid, gtrid))
            return true;
    }
    return false;
}

static void take_ack(const struct vow_msg_ack *ack)
{
    const struct held *h = held_of(&ack->header.gtrid, ack->header.branch);
    if (ack->ack == VOW_ACK_DONE)
        FUZZ_REQUIRE(h->committed || vow_gtrid_below(&ack->header.gtrid, watermark));
    if (ack->ack == VOW_ACK_HEURISTIC_OK)
        FUZZ_REQUIRE(h->agreed);
    if (ack->ack == VOW_ACK_HEURISTIC_MISMATCH)
        FUZZ_REQUIRE(h->by_hand == VOW_ABORT && h->decided == VOW_COMMIT);
}

static void take_resolved(const struct vow_msg_resolved *resolved)
{
    if (resolved->error == 0)
        FUZZ_REQUIRE(is_by_hand(&resolved->header.gtrid, resolved->verdict));
}

static void take_message(const struct vow_msg *msg)
{
    if (msg->kind == VOW_MSG_VOTE && msg->vote.vote == VOW_VOTE_YES) {
        const struct held *h = held_of(&msg->vote.header.gtrid, msg->vote.header.branch);
        FUZZ_REQUIRE(h->prepared || h->by_hand == VOW_COMMIT); /* a duplicate's answer: it is committed here */
        FUZZ_REQUIRE(!word_of(&msg->vote.header.gtrid)->said_abort);
    }
    if (msg->kind == VOW_MSG_ACK)
        take_ack(&msg->ack);
    if (msg->kind == VOW_MSG_RESOLVED)
        take_resolved(&msg->resolved);
    if (msg->kind == VOW_MSG_HEURISTIC_REPORT)
        FUZZ_REQUIRE(is_by_hand(&msg->heuristic_report.header.gtrid, msg->heuristic_report.verdict));
}

static void take_peer_answer(const struct vow_msg_peer_answer *answer)
{
    const struct vow_gtrid *gtrid = &answer->header.gtrid;
    if (answer->answer == VOW_PEER_COMMITTED)
        FUZZ_REQUIRE(is_committed(gtrid) || word_of(gtrid)->heard_commit);
    if (answer->answer == VOW_PEER_ABORTED)
        word_of(gtrid)->said_abort = true;
    if (answer->answer == VOW_PEER_HEURISTIC_COMMITTED || answer->answer == VOW_PEER_HEURISTIC_ABORTED)
        FUZZ_REQUIRE(is_by_hand(gtrid, answer->answer == VOW_PEER_HEURISTIC_COMMITTED ? VOW_COMMIT : VOW_ABORT));
}

static void take_effects(void)
{
    for (size_t i = 0; i < f.effects.len; i++) {
        const struct vow_branches_effect *effect = &f.effects.items[i];
        if (effect->kind == VOW_BRANCHES_SEND)
            take_message(&effect->msg);
        if (effect->kind == VOW_BRANCHES_ANSWER)
            take_message(&effect->told.msg);
        if (effect->kind == VOW_BRANCHES_ANSWER_PEER)
            take_peer_answer(&effect->answer.msg.peer_answer);
        if (effect->kind != VOW_BRANCHES_STORE)
            continue;
        FUZZ_REQUIRE(ops_len < OPS_MAX);
        ops[ops_len++] = (struct op){effect->store.op,      effect->store.gtrid,   effect->store.branch,
                                     effect->store.verdict, effect->store.session, effect->store.attempt};
    }
}

static void raise_watermark(struct vow_watermark to)
{
    if (to.epoch > watermark.epoch || (to.epoch == watermark.epoch && to.seq > watermark.seq))
        watermark = to;
}

static void coordinator_says(struct input *in)
{
    static const enum vow_msg_kind kinds[] = {
        VOW_MSG_PREPARE,         VOW_MSG_PREPARE, VOW_MSG_DECISION, VOW_MSG_DECISION, VOW_MSG_COMMIT_ONE_PHASE,
        VOW_MSG_ONE_PHASE_QUERY, VOW_MSG_FORGET,  VOW_MSG_WAIT,     VOW_MSG_ENLISTED};
    const uint8_t choice = input_byte(in);
    struct vow_msg msg;
    if (!fuzz_message(in, &ids, choice < 234 ? kinds[choice % (sizeof(kinds) / sizeof(kinds[0]))] : VOW_MSG_RESOLVE,
                      &msg))
        return;
    if (msg.kind == VOW_MSG_PREPARE || msg.kind == VOW_MSG_COMMIT_ONE_PHASE)
        raise_watermark(msg.prepare.watermark);
    if (msg.kind == VOW_MSG_DECISION) {
        raise_watermark(msg.decision.watermark);
        word_of(&msg.decision.header.gtrid)->heard_commit |= msg.decision.verdict == VOW_COMMIT;
    }
    feed_message(&f, &msg);
    take_effects();
}

static void peer_says(struct input *in)
{
    const uint64_t session = 1 + input_below(in, 3);
    struct vow_msg msg;
    if (!fuzz_message(in, &ids, input_below(in, 2) == 0 ? VOW_MSG_PEER_INQUIRY : VOW_MSG_PEER_ANSWER, &msg))
        return;
    if (msg.kind == VOW_MSG_PEER_ANSWER)
        word_of(&msg.peer_answer.header.gtrid)->heard_commit |= msg.peer_answer.answer == VOW_PEER_COMMITTED;
    feed_peer(&f, session, &msg);
    take_effects();
}

/* At the participant itself; through the coordinator it comes as a message. */
static void operator_says(struct input *in)
{
    const struct vow_gtrid gtrid = fuzz_id(in, &ids);
    feed_resolve(&f, gtrid, 1 + input_below(in, 2), 1);
    take_effects();
}

static enum vow_store_result work_result(struct input *in)
{
    static const enum vow_store_result results[] = {VOW_STORE_DONE, VOW_STORE_DONE, VOW_STORE_READ_ONLY,
                                                    VOW_STORE_REFUSED};
    return results[input_below(in, 4)];
}

static enum vow_store_result prepare(struct input *in, struct held *h)
{
    if (h->committed || h->by_hand != 0) /* as the store does: the tombstone, or the record, is in the way */
        return VOW_STORE_REFUSED;
    const enum vow_store_result result = work_result(in);
    h->prepared = result == VOW_STORE_DONE;
    return result;
}

static enum vow_store_result end_by_hand(struct input *in, struct held *h, enum vow_verdict verdict)
{
    if (!h->prepared)
        return VOW_STORE_NO_RECORD;
    if (input_below(in, 4) == 0)
        return VOW_STORE_REFUSED;
    h->prepared = false;
    h->by_hand = verdict;
    return VOW_STORE_DONE;
}

static enum vow_store_result settle(struct held *h, enum vow_verdict decided)
{
    if (h->by_hand == 0)
        return VOW_STORE_NO_RECORD;
    if (h->by_hand != decided) {
        h->decided = decided;
        return VOW_STORE_DONE;
    }
    h->committed = decided == VOW_COMMIT;
    h->agreed = true;
    h->by_hand = 0;
    return VOW_STORE_DONE;
}

static enum vow_store_result commit(struct held *h)
{
    if (!h->prepared && !h->committed)
        return VOW_STORE_NO_RECORD;
    h->prepared = false;
    h->committed = true;
    return VOW_STORE_DONE;
}

static enum vow_store_result carry_out(struct input *in, const struct op *op)
{
    struct held *h = held_of(&op->gtrid, op->branch);
    enum vow_store_result result = VOW_STORE_DONE;
    switch ((int)op->kind) {
    case VOW_STORE_PREPARE:
        return prepare(in, h);
    case VOW_STORE_COMMIT:
        return commit(h);
    case VOW_STORE_ABORT:
        FUZZ_REQUIRE(!h->committed && h->by_hand == 0);
        h->prepared = false;
        break;
    case VOW_STORE_ONE_PHASE:
        result = work_result(in);
        h->memo = result == VOW_STORE_DONE;
        break;
    case VOW_STORE_MEMO:
        return h->memo ? VOW_STORE_DONE : VOW_STORE_NO_RECORD;
    case VOW_STORE_WORK:
        return input_below(in, 3) == 0 ? VOW_STORE_REFUSED : VOW_STORE_DONE;
    case VOW_STORE_FORGET:
        h->memo = false;
        h->by_hand = h->decided = 0;
        break;
    case VOW_STORE_HEURISTIC_COMMIT:
        return end_by_hand(in, h, VOW_COMMIT);
    case VOW_STORE_HEURISTIC_ABORT:
        return end_by_hand(in, h, VOW_ABORT);
    case VOW_STORE_SETTLE:
        return settle(h, op->verdict);
    case VOW_STORE_RECALL:
        return is_committed(&op->gtrid) ? VOW_STORE_DONE : VOW_STORE_NO_RECORD;
    default: /* changes no branch */
        break;
    }
    return result;
}

static void store_answers(struct input *in)
{
    if (ops_len == 0)
        return;
    const size_t which = input_below(in, (uint32_t)ops_len);
    const struct op op = ops[which];
    ops[which] = ops[--ops_len];
    const enum vow_store_result result = carry_out(in, &op);
    struct vow_branches_done done = {.op = op.kind,
                                     .gtrid = op.gtrid,
                                     .branch = op.branch,
                                     .result = result,
                                     .text = "",
                                     .session = op.session,
                                     .attempt = op.attempt,
                                     .wall_us = 77};
    if (result == VOW_STORE_REFUSED)
        done.cause = VOW_CAUSE_CONSTRAINT;
    struct vow_branches_event event = {.kind = VOW_BRANCHES_STORE_DONE, .now_ms = f.now_ms, .done = done};
    vow_branches_step(f.core, &event, &f.effects);
    take_effects();
}

static void crash(void)
{
    const uint64_t now_ms = f.now_ms;
    struct vow_branches_identity identity = fixture_identity();
    const struct vow_branches_limits limits = fixture_limits();
    identity.epoch = 1;
    identity.incarnation = ++life;
    fixture_stop(&f);
    fixture_start(&f, &limits, &identity);
    f.now_ms = now_ms;
    ops_len = 0;
    for (size_t i = 0; i < words_len; i++)
        words[i].said_abort = false;
    for (size_t i = 0; i < held_len; i++) {
        if (!held[i].prepared && held[i].by_hand == 0)
            continue;
        struct vow_branches_event event = {.kind = VOW_BRANCHES_RECOVERED, .now_ms = f.now_ms};
        event.recovered.gtrid = held[i].gtrid;
        event.recovered.branch = held[i].branch;
        event.recovered.epoch = EPOCH;
        event.recovered.heuristic = held[i].by_hand;
        event.recovered.decided = held[i].decided;
        event.recovered.who = "eva";
        event.recovered.why = "the till is waiting";
        vow_branches_step(f.core, &event, &f.effects);
        take_effects();
    }
}

static void one_event(struct input *in)
{
    const uint8_t choice = input_byte(in);
    if (choice >= 230) {
        choice < 250 ? peer_says(in) : operator_says(in);
        return;
    }
    switch (choice % 10) {
    case 0:
    case 1:
    case 2:
    case 3:
        coordinator_says(in);
        break;
    case 4:
    case 5:
    case 6:
        store_answers(in);
        break;
    case 7:
        feed_timer(&f, f.now_ms + input_number(in, 1) * 100);
        take_effects();
        break;
    case 8:
        if (input_below(in, 4) == 0)
            crash();
        else if (input_below(in, 2) == 0)
            feed_coord_down(&f), take_effects();
        else
            feed_coord_up(&f, COORD, 1 + input_below(in, 4), (struct vow_watermark){0, 0}), take_effects();
        break;
    case 9:
        feed_join(&f, fuzz_id(in, &ids));
        take_effects();
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    struct vow_branches_identity identity = fixture_identity();
    const struct vow_branches_limits limits = fixture_limits();
    identity.epoch = 1;
    identity.incarnation = life = 1;
    fixture_start(&f, &limits, &identity);
    ids = (struct fuzz_ids){.epoch = EPOCH};
    for (; ids.len < FUZZ_IDS_MAX; ids.len++)
        ids.ids[ids.len] = vow_gtrid_make(COORD, EPOCH, 1 + ids.len, ids.len % 3 == 2 ? VOW_GTRID_ONE_PHASE : 0, 0);
    watermark = (struct vow_watermark){0, 0};
    ops_len = held_len = words_len = 0;
    for (int step = 0; step < STEPS_MAX && input_left(&in) > 0; step++)
        one_event(&in);
    fixture_stop(&f);
    return 0;
}
