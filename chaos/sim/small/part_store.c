/* The store of a small world's participant: one row, its unsynced versions, and what it may answer. */
#include <string.h>

#include "chaos/sim/small/part_private.h"
#include "proto/assert.h"

/* ---- the data file ---- */

const struct small_row *part_durable(const struct small_part *part)
{
    return &part->rows[0];
}

const struct small_row *part_seen(const struct small_part *part)
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

    if (memcmp(part_seen(to), row, sizeof(*row)) == 0)
        return;
    note_loss(run, part_seen(to), row);
    /* Of several watermarks in a row the last stands for all. */
    if (to->rows_len > 1 && part_seen(to)->state == row->state)
        to->rows_len--;
    VOW_ASSERT(to->rows_len < SMALL_WRITES_MAX);
    to->rows[to->rows_len++] = *row;
}

/* Synced, with all that was written before it. */
static void write_durably(struct run *run, const struct small_row *row)
{
    const uint8_t before = part_durable(&run->to)->state;

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
    struct small_row row = *part_seen(&run->to);

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
    struct small_row row = *part_seen(&run->to);

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
    struct small_row row = *part_seen(&run->to);

    if (row.state != state)
        return;
    clear(&row);
    write_lazily(run, &row);
}

static void commit_at_once(struct run *run, enum vow_store_result result)
{
    struct small_row row = *part_seen(&run->to);

    if (result == VOW_STORE_READ_ONLY)
        run->step->seen |= SMALL_IS_READ_ONLY;
    if (result != VOW_STORE_DONE || row.state == SMALL_ROW_MEMO)
        return;
    row.state = SMALL_ROW_MEMO;
    write_durably(run, &row);
}

static void keep_watermark(struct run *run, const struct small_store_op *op)
{
    struct small_row row = *part_seen(&run->to);

    row.knows_coord = op->coord != 0;
    row.known_epoch = (uint8_t)op->epoch;
    row.watermark_epoch = (uint8_t)op->watermark.epoch;
    row.watermark_seq = (uint8_t)op->watermark.seq;
    if (row.state == SMALL_ROW_COMMITTED && vow_gtrid_below(&run->nodes->gtrid, op->watermark)) {
        clear(&row);
    }
    write_lazily(run, &row);
}

void part_carry_out(struct run *run, const struct small_store_op *op, enum vow_store_result result)
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
    case VOW_STORE_STEP:
    case VOW_STORE_EVENT:
    case VOW_STORE_OUTBOX_READ:
    case VOW_STORE_OUTBOX_DONE:
        VOW_UNREACHABLE("no operator is in a small world, no saga and no event");
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
    const uint8_t row = part_seen(part)->state;

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

/* Each operation once, and once more in a world of one. */
uint32_t small_joins_max(const struct small_config *config)
{
    return config->participants == 1 ? 2 : 1;
}

bool small_part_may_join(const struct small_config *config, const struct small_part *part)
{
    return config->work == SMALL_JOINED && part->up && !part->is_joining && part->joins < small_joins_max(config);
}

/* What was written lazily, and the one operation that is being made durable. */
uint32_t small_part_survivors(const struct small_part *part)
{
    const uint8_t row = part_seen(part)->state;
    const enum vow_store_op_kind op = part->queue_len > 0 ? part->queue[0].op : VOW_STORE_MEMO;
    const bool is_forced = ((op == VOW_STORE_PREPARE || op == VOW_STORE_ONE_PHASE) && row == SMALL_ROW_NONE) ||
                           (op == VOW_STORE_COMMIT && row == SMALL_ROW_PREPARED);

    return part->rows_len + (is_forced ? 1u : 0u);
}
