/*
 * I24, S6: a step takes effect once in each direction, and what says so lies beside it. Of each key (saga, step,
 * direction) the store runs one handler to a durable end; on each disk there is one row of the effect, and the store's
 * own record of it, or both are missing; the purse holds what its rows say; what was durable is there after each start;
 * and a compensation was given what its action had answered. DONE is sent only when it is durable.
 *
 * Records go when they are older than the retention, which wall clocks that jump make early: then nothing is said of
 * the records that are missing.
 */
#include "chaos/sim/check.h"

static struct ledger_step *step_of(const struct sim_judge *judge, const struct vow_gtrid *gtrid, uint32_t number,
                                   uint8_t node)
{
    struct ledger_saga *saga = sim_ledger_find(&judge->ledger, gtrid);
    struct ledger_step *step = sim_ledger_step(saga, number);

    return step != NULL && step->node == node && judge->book.nodes[node].harm == 0 ? step : NULL;
}

/* ---- the store ---- */

static void check_done(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_seen_step *seen = &sight->store.step;
    struct ledger_step *step = step_of(judge, &sight->gtrid, seen->number, sight->node);
    const struct ledger_side *side = step != NULL ? sim_ledger_side(step, seen->direction) : NULL;

    if (side == NULL)
        return;
    if (seen->result == VOW_STEP_DONE && seen->has_run && side->taken != 0 && side->taken != sight->seq)
        judge_fail(judge, sight, "I24", &sight->gtrid, "step %u takes effect again", seen->number);
    if (seen->result == VOW_STEP_DONE && seen->direction == VOW_STEP_ACTION && side->taken == 0)
        judge_fail(judge, sight, "I24", &sight->gtrid, "step %u is said to be done, and was not", seen->number);
    if (seen->result == VOW_STEP_DONE && side->rejected != 0)
        judge_fail(judge, sight, "I24", &sight->gtrid, "step %u is done, and was refused for good", seen->number);
    if (seen->direction == VOW_STEP_ACTION && side->taken != 0 &&
        (seen->result == VOW_STEP_REJECTED || seen->result == VOW_STEP_TOO_LATE))
        judge_fail(judge, sight, "I24", &sight->gtrid, "step %u is refused, and was done", seen->number);
}

/* ---- its word ---- */

static void check_word(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_msg_step_done *done = &sight->message.msg->step_done;
    struct ledger_step *step = step_of(judge, &done->gtrid, done->step, sight->node);
    const struct ledger_side *side = step != NULL ? sim_ledger_side(step, done->direction) : NULL;

    if (side == NULL)
        return;
    if (done->result == VOW_STEP_DONE && side->recorded == 0)
        judge_fail(judge, sight, "I24", &done->gtrid, "DONE is sent of step %u, and that is not durable", done->step);
    if (done->direction == VOW_STEP_ACTION && side->rejected == 0 && step->kind != VOW_STEP_RETRIABLE &&
        (done->result == VOW_STEP_REJECTED || done->result == VOW_STEP_TOO_LATE))
        judge_fail(judge, sight, "I24", &done->gtrid, "step %u is refused for good, and that is not durable",
                   done->step);
}

/* ---- disks ---- */

static uint32_t count_deeds(const struct sim_dump_store *store, const struct sim_dump_deed *like, int64_t *number)
{
    uint32_t deeds = 0;

    for (uint32_t i = 0; i < store->deeds_len; i++) {
        const struct sim_dump_deed *deed = &store->deeds[i];

        if (vow_gtrid_equal(&deed->gtrid, &like->gtrid) && deed->step == like->step &&
            deed->direction == like->direction) {
            *number = deed->number;
            deeds++;
        }
    }
    return deeds;
}

static bool has_record(const struct sim_dump_store *store, const struct sim_dump_deed *of)
{
    for (uint32_t i = 0; i < store->steps_len; i++) {
        const struct sim_dump_step *row = &store->steps[i];

        if (vow_gtrid_equal(&row->gtrid, &of->gtrid) && row->step == of->step && row->direction == of->direction)
            return row->status == SIM_STEP_DONE;
    }
    return store->has_forgotten;
}

static void check_deed(struct sim_judge *judge, const struct sim_sight *sight, const struct sim_dump_deed *deed)
{
    const struct sim_dump_store *store = &sight->disk.dump->store;
    struct sim_dump_deed action = *deed;
    int64_t number = 0;

    if (count_deeds(store, deed, &number) != 1)
        judge_fail(judge, sight, "I24", &deed->gtrid, "step %u took effect more than once", deed->step);
    if (!has_record(store, deed))
        judge_fail(judge, sight, "I24", &deed->gtrid, "step %u took effect, and has no record", deed->step);
    action.direction = VOW_STEP_ACTION;
    if (deed->direction == VOW_STEP_COMPENSATION && count_deeds(store, &action, &number) == 1 && number != deed->number)
        judge_fail(judge, sight, "I24", &deed->gtrid, "the compensation of step %u was not given its answer",
                   deed->step);
}

static void check_record(struct sim_judge *judge, const struct sim_sight *sight, const struct sim_dump_step *row)
{
    const struct sim_dump_deed deed = {.gtrid = row->gtrid, .step = row->step, .direction = row->direction};
    const struct ledger_step *step = step_of(judge, &row->gtrid, row->step, sight->node);
    int64_t number;

    if (row->status == SIM_STEP_REJECTED && step != NULL && step->kind == VOW_STEP_RETRIABLE)
        judge_fail(judge, sight, "I24", &row->gtrid, "step %u must be done, and is refused for good", row->step);
    if (row->status == SIM_STEP_DONE && count_deeds(&sight->disk.dump->store, &deed, &number) == 0)
        judge_fail(judge, sight, "I24", &row->gtrid, "step %u has a record, and no effect", row->step);
}

static void check_kept(struct sim_judge *judge, const struct sim_sight *sight, struct ledger_saga *saga)
{
    const struct sim_dump_store *store = &sight->disk.dump->store;
    int64_t number;

    for (uint32_t i = 0; i < saga->steps_len; i++) {
        struct sim_dump_deed deed = {.gtrid = saga->gtrid, .step = i, .direction = VOW_STEP_ACTION};

        if (saga->steps[i].node != sight->node)
            continue;
        if (saga->steps[i].action.taken != 0 && count_deeds(store, &deed, &number) == 0)
            judge_fail(judge, sight, "I24", &saga->gtrid, "step %u was durably done, and is not there", i);
        deed.direction = VOW_STEP_COMPENSATION;
        if (saga->steps[i].compensation.taken != 0 && count_deeds(store, &deed, &number) == 0)
            judge_fail(judge, sight, "I24", &saga->gtrid, "step %u was durably undone, and is not", i);
    }
}

static void check_disk(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_dump *dump = sight->disk.dump;
    int64_t sum = 0;

    if (dump->is_journal || !dump->is_readable || !dump->store.has_purse || judge->book.nodes[sight->node].harm != 0)
        return;
    for (uint32_t i = 0; i < dump->store.deeds_len; i++) {
        check_deed(judge, sight, &dump->store.deeds[i]);
        sum += dump->store.deeds[i].amount;
    }
    for (uint32_t i = 0; i < dump->store.steps_len; i++)
        check_record(judge, sight, &dump->store.steps[i]);
    if (sum != dump->store.purse)
        judge_fail(judge, sight, "I24", NULL, "the purse of %s holds %lld, and its rows say %lld",
                   judge_name(judge, sight->node), (long long)dump->store.purse, (long long)sum);
    for (struct ledger_saga *saga = judge->ledger.sagas; saga != NULL; saga = saga->next)
        check_kept(judge, sight, saga);
}

void check_saga_once(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (sight->kind == SIM_SEEN_STORE_DONE && sight->store.op == VOW_STORE_STEP)
        check_done(judge, sight);
    else if (sight->kind == SIM_SEEN_SENT && sight->message.msg->kind == VOW_MSG_STEP_DONE)
        check_word(judge, sight);
    else if (sight->kind == SIM_SEEN_DISK && sight->node < judge->book.nodes_len)
        check_disk(judge, sight);
}
