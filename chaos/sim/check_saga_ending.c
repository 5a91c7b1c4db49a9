/*
 * I23, S1: after the bound every saga that was begun, and concerns none but healed nodes, has ended; an operator who
 * closes what is stuck is one of them. I30, S8: what is in all purses is what the sagas that have not ended whole have
 * left there, for the amounts of the others add up to nothing. (While they run it is not: nothing is said of that.)
 */
#include "chaos/sim/check.h"

static bool is_healed(const struct sim_judge *judge, uint8_t node)
{
    return node < judge->book.nodes_len && (judge->book.healed_nodes & sim_bit(node)) != 0;
}

static bool concerns_healed_only(const struct sim_judge *judge, const struct ledger_saga *saga)
{
    if (!is_healed(judge, saga->coord) || sim_saga_is_harmed(&judge->ledger, saga))
        return false;
    for (uint32_t i = 0; i < saga->steps_len; i++) {
        if (!is_healed(judge, saga->steps[i].node))
            return false;
    }
    return true;
}

void check_saga_ending(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (sight->kind != SIM_SEEN_ENDED)
        return;
    for (const struct ledger_saga *saga = judge->ledger.sagas; saga != NULL; saga = saga->next) {
        if (saga->begun != 0 && saga->ended == 0 && concerns_healed_only(judge, saga))
            judge_fail(judge, sight, "I23", &saga->gtrid, "it has not ended, and nothing is in its way");
    }
}

/* ---- sums ---- */

/* By what the saga's participants hold of it, each of which the disks have shown (I24). */
static int64_t left_by(const struct ledger_saga *saga)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < saga->steps_len; i++)
        sum += (saga->steps[i].action.taken != 0 ? saga->steps[i].amount : 0) -
               (saga->steps[i].compensation.taken != 0 ? saga->steps[i].amount : 0);
    return sum;
}

static bool is_last_disk(const struct sim_judge *judge, uint8_t node)
{
    for (uint32_t i = node + 1u; i < judge->book.nodes_len; i++) {
        if (judge->book.nodes[i].role == SIM_PARTICIPANT)
            return false;
    }
    return true;
}

static bool is_harmed(const struct sim_judge *judge)
{
    for (uint32_t i = 0; i < judge->book.nodes_len; i++) {
        if (judge->book.nodes[i].role == SIM_PARTICIPANT && judge->book.nodes[i].harm != 0)
            return true;
    }
    return false;
}

void check_saga_sums(struct sim_judge *judge, const struct sim_sight *sight)
{
    int64_t left = 0;

    if (sight->kind != SIM_SEEN_DISK || sight->disk.dump->is_journal || judge->book.over == 0 ||
        sight->node >= judge->book.nodes_len)
        return;
    judge->purses += sight->disk.dump->store.purse;
    if (!is_last_disk(judge, sight->node) || is_harmed(judge))
        return;
    for (const struct ledger_saga *saga = judge->ledger.sagas; saga != NULL; saga = saga->next) {
        if (!sim_saga_is_whole(saga) || judge->book.nodes[saga->coord].harm != 0)
            left += left_by(saga);
    }
    if (judge->purses != left)
        judge_fail(judge, sight, "I30", NULL, "all purses together hold %lld, and should hold %lld",
                   (long long)judge->purses, (long long)left);
}
