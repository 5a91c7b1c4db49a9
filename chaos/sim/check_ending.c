/*
 * I05: not for ever. After HEALED the world goes on for the bound (SIM_LIVENESS_US), or until nothing is left to do. At
 * ENDED each healed coordinator and participant serves, and of each transaction whose nodes are all healed no branch is
 * prepared and no COMMIT is without its END. That who asked has heard, or has given up, is the other half: the world
 * sees it by itself (complain_of_open() in world.c) and names it "ending".
 * A branch that is older than the history stays, with an alarm of its coordinator (F045).
 * Damage that stands is no end and no violation: a HAZARD, or an alarm about it. What an operator did against the
 * decision keeps COMMIT without its END until that is forgotten; nothing else. A world that ended before its bound is
 * judged all the same: it says that nothing more would have happened.
 */
#include "chaos/sim/check.h"

static bool is_damage(const struct book_txn *txn)
{
    if (txn->hazard != 0 || txn->alarm != 0)
        return true;
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->no_record_got != 0)
            return true;
    }
    return false;
}

/* Somebody was ended by hand against the decision, and no operator has seen to that. */
static bool has_standing(const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (sim_share_contradicts(txn, share) && share->forgiven == 0)
            return true;
    }
    return false;
}

static void check_one(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    uint64_t ms = (judge->book.now_us - judge->book.healed_us) / 1000;

    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->on_disk == SIM_BRANCH_PREPARED && !judge_is_too_late(txn, share))
            judge_fail(judge, sight, "I05", &txn->gtrid, "%s is still in doubt %llu ms after all was healed",
                       judge_name(judge, share->node), (unsigned long long)ms);
    }
    if (txn->committed != 0 && txn->ended == 0 && !has_standing(txn))
        judge_fail(judge, sight, "I05", &txn->gtrid, "committed, and without END %llu ms after all was healed",
                   (unsigned long long)ms);
}

void check_ending(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_book *book = &judge->book;

    if (sight->kind != SIM_SEEN_ENDED || book->healed == 0)
        return;
    for (uint32_t i = 0; i < book->nodes_len; i++) {
        bool is_server = book->nodes[i].role == SIM_COORDINATOR || book->nodes[i].role == SIM_PARTICIPANT;

        if (is_server && (book->healed_nodes & sim_bit((uint8_t)i)) != 0 && book->nodes[i].state != BOOK_SERVING)
            judge_fail(judge, sight, "I05", NULL, "%s does not serve after all was healed", book->nodes[i].name);
    }
    for (const struct book_txn *txn = book->txns; txn != NULL; txn = txn->next) {
        if (judge_is_healed(judge, txn) && !is_damage(txn) && !judge_is_excused(judge, txn))
            check_one(judge, sight, txn);
    }
}
