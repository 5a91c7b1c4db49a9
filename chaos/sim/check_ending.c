/*
 * I05: not for ever. After HEALED the world goes on for the bound (SIM_LIVENESS_US), or until nothing is left to do. At
 * ENDED each healed coordinator and participant serves, and of each transaction whose nodes are all healed no branch is
 * prepared and no COMMIT is without its END. That who asked has heard, or has given up, the world sees by itself
 * (complain_of_open() in world.c) and names it "ending". Who has given up asks once more when all is healed
 * (client_doubt.c), and has then heard the outcome, or that it is older than the history.
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

/* In doubt is not for ever either. What nobody has heard of may be up to its only participant, if that is healed. */
static void check_client(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    const uint32_t asked = txn->client != SIM_NODE_NONE ? sim_bit(txn->client) | txn->asked_of : 0;
    const bool is_healed = (asked & ~judge->book.healed_nodes) == 0;
    const struct book_node *coord = &judge->book.nodes[txn->coord];
    /* What cannot end for its participants are broken takes all places: then it asks nobody on behalf of a client. */
    const bool is_full = coord->places != 0 && coord->open >= coord->places;

    if (is_full && (vow_gtrid_flags(&txn->gtrid) & VOW_GTRID_ONE_PHASE) != 0)
        return;
    if (is_healed && asked != 0 && txn->given_up != 0 && txn->told == 0 && txn->expired == 0)
        judge_fail(judge, sight, "I05", &txn->gtrid, "%s was told UNKNOWN, and hears no outcome after all was healed",
                   judge_name(judge, txn->client));
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
        if (!judge_is_healed(judge, txn) || is_damage(txn) || judge_is_excused(judge, txn))
            continue;
        check_one(judge, sight, txn);
        check_client(judge, sight, txn);
    }
}
