#include "journal_run.h"

#include <stdio.h>
#include <string.h>

char found_text[256];

static void bed_on(struct bed *bed, struct sim_disk *where)
{
    memset(bed, 0, sizeof(*bed));
    (void)snprintf(bed->directory, sizeof(bed->directory), "%s", sim_disk_path(where));
    bed->vfs = SIM_DISKS_VFS;
}

static bool start(struct bed *bed, struct sim_disk *where)
{
    bed_on(bed, where);
    return bed_open(bed) == 0 && bed->ops->takeover(bed->engine, &bed->identity, &bed->detail) == 0;
}

/* Two decisions, an END, and records of all other kinds as one batch. */
static bool write_batch(struct journal_run *run, struct bed *bed, unsigned seq)
{
    static const enum vow_record_kind others[] = {VOW_RECORD_KEY, VOW_RECORD_HAZARD, VOW_RECORD_READ_ONLY,
                                                  VOW_RECORD_ONE_PHASE, VOW_RECORD_OPERATOR};
    struct vow_journal_op ops[5];
    unsigned len = 0, ended = seq > 4 && seq % 3 == 0 ? seq - 4 : 0;

    op_decide(&ops[len++], bed, seq);
    op_decide(&ops[len++], bed, seq + 1);
    op_append(&ops[len++], bed, VOW_RECORD_ABORTED, 1000 + seq);
    op_append(&ops[len++], bed, others[seq / 2 % 5], 2000 + seq);
    if (ended > 0)
        op_end(&ops[len++], bed, ended);
    run->asked = seq + 1;
    run->end_asked[ended] = ended > 0;
    bed->ops->commit(bed->engine, op_link(ops, len));
    if (ops[0].result != VOW_JOURNAL_WON)
        return false;
    run->is_committed[seq] = run->is_committed[seq + 1] = true;
    return true;
}

/* In the middle it is closed and opened again, which folds the WAL in; from there on what has ended is cut off. */
void journal_run(struct journal_run *run, struct sim_disk *where, unsigned length)
{
    const struct vow_journal_retention least = {.bytes = 1};
    struct bed bed;
    bool goes_on = start(&bed, where);

    for (unsigned seq = run->asked + 1; goes_on && seq + 1 < length; seq += 2) {
        goes_on = write_batch(run, &bed, seq);
        if (goes_on && seq == length / 2 + 1 - (length / 2) % 2) {
            bed_close(&bed);
            goes_on = start(&bed, where);
            if (goes_on)
                bed.ops->retain(bed.engine, &least);
        }
        if (goes_on)
            bed.ops->idle(bed.engine);
    }
    run->is_stopped = !goes_on;
    bed_close(&bed);
}

static enum journal_found check_one(struct journal_run *run, struct bed *bed, unsigned seq)
{
    struct vow_journal_op op;
    int error = bed_get(bed, seq, &op);

    if (error == 0 && op.outcome == VOW_COMMITTED) {
        run->is_committed[seq] = true;
        return FOUND_ALL;
    }
    (void)snprintf(found_text, sizeof(found_text), "transaction %u of %u: %s, outcome %d", seq, run->asked,
                   vow_error_name(error), error == 0 ? (int)op.outcome : 0);
    if (!run->is_committed[seq] && (error == VOW_E_NOT_FOUND || error == VOW_E_EXPIRED))
        return FOUND_ALL;
    if (error == VOW_E_EXPIRED && run->end_asked[seq])
        return FOUND_ALL;
    return error == 0 || error == VOW_E_NOT_FOUND || error == VOW_E_EXPIRED ? FOUND_LOSS : FOUND_REFUSAL;
}

/* All that is kept is read and proved before anybody is told that there is no record. */
static void prove(struct bed *bed)
{
    struct vow_journal_stats stats;

    do {
        bed->ops->idle(bed->engine);
        stats = bed_stats(bed);
    } while (!stats.is_proved && stats.failed == 0);
}

enum journal_found journal_check(struct journal_run *run, struct sim_disk *where)
{
    enum journal_found found = FOUND_ALL;
    struct bed bed;

    if (!start(&bed, where)) {
        (void)snprintf(found_text, sizeof(found_text), "%s", bed.detail.text);
        bed_close(&bed);
        return FOUND_REFUSAL;
    }
    prove(&bed);
    for (unsigned seq = 1; seq <= run->asked && found == FOUND_ALL; seq++)
        found = check_one(run, &bed, seq);
    bed_close(&bed);
    return found;
}
