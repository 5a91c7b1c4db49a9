/* The journal of a small world's coordinator: a set of records, and a queue. */
#include <string.h>

#include "chaos/sim/small/coord_private.h"
#include "proto/assert.h"

static uint32_t kind_bit(enum vow_record_kind kind)
{
    return UINT32_C(1) << kind;
}

bool coord_has(const struct small_coord *coord, enum vow_record_kind kind)
{
    return (coord->disk.kinds & kind_bit(kind)) != 0;
}

bool coord_is_submitted(const struct small_coord *coord, enum vow_record_kind kind)
{
    bool found = false;

    for (uint32_t i = 0; i < coord->queue_len; i++)
        found = found || coord->queue[i].kind == kind;
    return found;
}

/* COMMIT without END; a HAZARD would have ended the search. */
bool coord_is_open(const struct small_coord *coord)
{
    return coord_has(coord, VOW_RECORD_COMMIT) && !coord_has(coord, VOW_RECORD_END);
}

void coord_write_down(struct run *run, const struct small_journal_op *op)
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
void coord_ask_journal(struct run *run, const struct vow_coord_effect *effect)
{
    struct small_journal_op *op = submit(run, 0);

    op->session = effect->session;
    op->question = effect->lookup.question;
    op->question.header.attempt = 0;
}

uint16_t coord_mask_of(const struct small_yes_list *yes)
{
    uint16_t mask = 0;

    for (uint32_t i = 0; i < yes->len; i++)
        mask |= (uint16_t)(1u << (yes->members[i].name[1] - '0'));
    return mask;
}

void coord_take_log(struct run *run, const struct vow_coord_effect *effect)
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
        run->step->mask = coord_mask_of(&op->yes);
    }
    if (record->kind == VOW_RECORD_END)
        run->step->seen |= SMALL_LOGS_END;
    if (record->kind == VOW_RECORD_HAZARD)
        small_break_rule(run->step, "I19", "a HAZARD is recorded, and no disk was damaged");
}

static struct vow_coord_lookup look_up(const struct run *run, const struct small_journal_op *op)
{
    const struct small_coord *to = &run->to;
    struct vow_coord_lookup lookup = {.question = op->question, .session = op->session, .found = true};

    if (coord_has(to, VOW_RECORD_COMMIT) || coord_has(to, VOW_RECORD_READ_ONLY) ||
        coord_has(to, VOW_RECORD_ONE_PHASE)) {
        lookup.outcome = VOW_COMMITTED;
        lookup.decided = coord_has(to, VOW_RECORD_COMMIT);
    } else if (coord_has(to, VOW_RECORD_ABORTED)) {
        lookup.outcome = VOW_ABORTED;
        lookup.cause = VOW_CAUSE_CLIENT_ROLLBACK;
    } else {
        lookup.found = false;
    }
    return lookup;
}

/* The journal works in the order in which it was asked. */
void coord_finish_oldest(struct run *run)
{
    const struct small_journal_op op = run->to.queue[0];

    run->to.queue_len--;
    memmove(run->to.queue, run->to.queue + 1, run->to.queue_len * sizeof(op));
    coord_write_down(run, &op);
    if (op.kind == 0)
        coord_feed(run, (struct vow_coord_event){.kind = VOW_COORD_LOOKED_UP, .lookup = look_up(run, &op)});
    else
        coord_feed(run, (struct vow_coord_event){.kind = VOW_COORD_LOG_DONE, .token = op.token});
}
