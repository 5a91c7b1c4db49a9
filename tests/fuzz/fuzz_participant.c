/*
 * Sequences of messages, store answers, connections and time against the participant's core, from a coordinator that
 * need not be honest. Whatever it says: YES follows a durable PREPARE (mistake 2), an acknowledgement a durable COMMIT
 * or a watermark (mistake 3), and no branch is both committed and dropped.
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
};

/* What the store holds of one branch. */
struct held {
    struct vow_gtrid gtrid;
    uint32_t branch;
    bool prepared, committed, memo;
};

static struct fixture f;
static struct fuzz_ids ids;
static struct op ops[OPS_MAX];
static size_t ops_len;
static struct held held[HELD_MAX];
static size_t held_len;
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

static void take_message(const struct vow_msg *msg)
{
    if (msg->kind == VOW_MSG_VOTE && msg->vote.vote == VOW_VOTE_YES)
        FUZZ_REQUIRE(held_of(&msg->vote.header.gtrid, msg->vote.header.branch)->prepared);
    if (msg->kind == VOW_MSG_ACK && msg->ack.ack == VOW_ACK_DONE)
        FUZZ_REQUIRE(held_of(&msg->ack.header.gtrid, msg->ack.header.branch)->committed ||
                     vow_gtrid_below(&msg->ack.header.gtrid, watermark));
}

static void take_effects(void)
{
    for (size_t i = 0; i < f.effects.len; i++) {
        const struct vow_branches_effect *effect = &f.effects.items[i];
        if (effect->kind == VOW_BRANCHES_SEND)
            take_message(&effect->msg);
        if (effect->kind != VOW_BRANCHES_STORE)
            continue;
        FUZZ_REQUIRE(ops_len < OPS_MAX);
        ops[ops_len++] = (struct op){effect->store.op, effect->store.gtrid, effect->store.branch};
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
    struct vow_msg msg;
    if (!fuzz_message(in, &ids, kinds[input_below(in, sizeof(kinds) / sizeof(kinds[0]))], &msg))
        return;
    if (msg.kind == VOW_MSG_PREPARE || msg.kind == VOW_MSG_COMMIT_ONE_PHASE)
        raise_watermark(msg.prepare.watermark);
    if (msg.kind == VOW_MSG_DECISION)
        raise_watermark(msg.decision.watermark);
    feed_message(&f, &msg);
    take_effects();
}

static enum vow_store_result work_result(struct input *in)
{
    static const enum vow_store_result results[] = {VOW_STORE_DONE, VOW_STORE_DONE, VOW_STORE_READ_ONLY,
                                                    VOW_STORE_REFUSED};
    return results[input_below(in, 4)];
}

static enum vow_store_result carry_out(struct input *in, const struct op *op)
{
    struct held *h = held_of(&op->gtrid, op->branch);
    enum vow_store_result result = VOW_STORE_DONE;
    switch ((int)op->kind) {
    case VOW_STORE_PREPARE:
        if (h->committed) /* as the store does: the tombstone is in the way */
            return VOW_STORE_REFUSED;
        result = work_result(in);
        h->prepared = result == VOW_STORE_DONE;
        break;
    case VOW_STORE_COMMIT:
        if (!h->prepared && !h->committed)
            return VOW_STORE_NO_RECORD;
        h->prepared = false;
        h->committed = true;
        break;
    case VOW_STORE_ABORT:
        FUZZ_REQUIRE(!h->committed);
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
        break;
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
    struct vow_branches_done done = {.op = op.kind, .gtrid = op.gtrid, .branch = op.branch, .result = result};
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
    for (size_t i = 0; i < held_len; i++) {
        if (!held[i].prepared)
            continue;
        struct vow_branches_event event = {.kind = VOW_BRANCHES_RECOVERED, .now_ms = f.now_ms};
        event.recovered.gtrid = held[i].gtrid;
        event.recovered.branch = held[i].branch;
        event.recovered.epoch = EPOCH;
        vow_branches_step(f.core, &event, &f.effects);
        take_effects();
    }
}

static void one_event(struct input *in)
{
    switch (input_byte(in) % 10) {
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
    ops_len = held_len = 0;
    for (int step = 0; step < STEPS_MAX && input_left(&in) > 0; step++)
        one_event(&in);
    fixture_stop(&f);
    return 0;
}
