/*
 * I01: what is durably committed at one node is nowhere aborted.
 *
 * Committed: a COMMIT row of the journal, a tombstone or a memo of a store. Aborted: the coordinator has sent ABORT,
 * has told or noted ABORTED (presumed abort writes nothing that must be durable: having said it binds as much), or a
 * store has dropped a branch that was prepared. A NO vote binds nobody after a READ-ONLY one, and is left to I03 and
 * I04. What an operator ended is left to I19. A disk that forgot is no excuse where a COMMIT row says what is true: its
 * branch may be prepared again, or gone, but it must not be told to abort (F045, F113).
 */
#include "chaos/sim/check.h"

struct sides {
    uint8_t committed, aborted;
    bool is_committed, is_aborted;
};

static void take_sides(struct sides *sides, const struct book_share *share)
{
    if (share->heuristic != 0)
        return;
    if (share->committed != 0) {
        sides->is_committed = true;
        sides->committed = share->node;
    }
    if (share->aborted != 0) {
        sides->is_aborted = true;
        sides->aborted = share->node;
    }
}

static void one(struct sim_judge *judge, const struct sim_sight *sight, struct book_txn *txn)
{
    struct sides sides = {
        .committed = txn->coord, .is_committed = txn->committed != 0, .aborted = txn->coord, .is_aborted = false};

    for (const struct book_share *share = txn->shares; share != NULL; share = share->next)
        take_sides(&sides, share);
    if (!sides.is_aborted && txn->aborted != 0) {
        sides.is_aborted = true;
        sides.aborted = txn->coord;
    }
    if (!sides.is_committed || !sides.is_aborted || judge_is_node_excused(judge, txn->coord))
        return;
    /* What commits in one phase only its participant knows, and nobody can find out what its disk forgot. */
    if (txn->committed == 0 && judge_is_excused(judge, txn))
        return;
    judge_fail(judge, sight, "I01", &txn->gtrid, "committed at %s and aborted at %s",
               judge_name(judge, sides.committed), judge_name(judge, sides.aborted));
}

void check_agreement(struct sim_judge *judge, const struct sim_sight *sight)
{
    judge_each_durable(judge, sight, one);
}
