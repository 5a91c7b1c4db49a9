/* The rules that concern more than one node. What a node breaks alone is found where it runs: *_core.c. */
#include "chaos/sim/small/world.h"

static bool is_set(const struct small_world *world, uint32_t peer, enum small_part_flag flag)
{
    return (world->flags >> small_f(peer, flag) & 1) != 0;
}

static void set(struct small_world *world, uint32_t peer, enum small_part_flag flag)
{
    world->flags |= UINT64_C(1) << small_f(peer, flag);
}

static uint32_t two_bits(const struct small_world *world, uint32_t peer, enum small_part_flag flag)
{
    return (uint32_t)(world->flags >> small_f(peer, flag) & 3);
}

static bool any(const struct small_nodes *nodes, const struct small_world *world, enum small_part_flag flag)
{
    bool found = false;

    for (uint32_t i = 0; i < nodes->config.participants; i++)
        found = found || is_set(world, i, flag);
    return found;
}

#define BREACH(rule, what) ((struct small_breach){rule, what})
#define HELD ((struct small_breach){NULL, NULL})

/* A participant whose work belongs to the transaction, as far as its client knows. */
static bool is_needed(const struct small_nodes *nodes, const struct small_world *world, uint32_t peer)
{
    return nodes->config.work != SMALL_JOINED || two_bits(world, peer, SMALL_P_TOLD) > 0;
}

/* ---- the coordinator's steps ---- */

static struct small_breach check_votes(const struct small_nodes *nodes, const struct small_world *world, uint16_t yes)
{
    for (uint32_t i = 0; i < nodes->config.participants; i++) {
        const bool is_in = (yes >> i & 1) != 0;

        if (is_in && !is_set(world, i, SMALL_P_YES))
            return BREACH("I03", "COMMIT is logged for a participant that was never prepared");
        if (is_needed(nodes, world, i) && !is_in && !is_set(world, i, SMALL_P_READ_ONLY))
            return BREACH("I03", "COMMIT is logged without a participant's vote (mistake 13)");
        if (is_in && nodes->config.work == SMALL_JOINED &&
            two_bits(world, i, SMALL_P_OPS) < two_bits(world, i, SMALL_P_TOLD))
            return BREACH("I03", "COMMIT is logged, and work of a participant was lost (mistake 19)");
    }
    return HELD;
}

static struct small_breach check_log(const struct small_nodes *nodes, struct small_world *world,
                                     const struct small_step *step)
{
    const struct small_yes_list *yes = &nodes->coords[world->coord].disk.yes;
    struct small_breach breach = HELD;

    if ((step->seen & SMALL_LOGS_COMMIT) != 0) {
        breach = check_votes(nodes, world, step->mask);
        world->flags |= SMALL_F_COMMIT_LOGGED;
    }
    for (uint32_t i = 0; i < yes->len && (step->seen & SMALL_LOGS_END) != 0; i++) {
        if (!is_set(world, (uint32_t)(yes->members[i].name[1] - '0'), SMALL_P_COMMITTED))
            return BREACH("I11", "END is logged before all have committed durably (mistakes 3, 4)");
    }
    if ((step->seen & SMALL_HAS_COMMIT) != 0)
        world->flags |= SMALL_F_COMMIT | SMALL_F_COMMIT_LOGGED;
    if ((step->seen & SMALL_HAS_END) != 0)
        world->flags |= SMALL_F_END;
    return breach;
}

/* Nothing was logged: then all were read-only, or the one that commits in one phase has its memo. */
static struct small_breach check_unlogged(const struct small_nodes *nodes, const struct small_world *world)
{
    for (uint32_t i = 0; i < nodes->config.participants; i++) {
        if (is_needed(nodes, world, i) && !is_set(world, i, SMALL_P_READ_ONLY) && !is_set(world, i, SMALL_P_MEMO))
            return BREACH("I06", "COMMITTED is answered, and no decision is durable (mistake 1)");
    }
    return HELD;
}

static struct small_breach check_coord(const struct small_nodes *nodes, struct small_world *world,
                                       const struct small_step *step)
{
    struct small_breach breach = check_log(nodes, world, step);

    if (breach.rule == NULL && (step->seen & SMALL_TOLD_UNLOGGED) != 0)
        breach = check_unlogged(nodes, world);
    if ((step->seen & SMALL_TOLD_COMMITTED) != 0)
        world->flags |= SMALL_F_TOLD_COMMITTED;
    if ((step->seen & SMALL_TOLD_ABORTED) != 0)
        world->flags |= SMALL_F_TOLD_ABORTED;
    if ((step->seen & SMALL_SAID_ABORT) != 0)
        world->flags |= SMALL_F_SAID_ABORT;
    return breach;
}

/* ---- a participant's ---- */

static struct small_breach check_part(const struct small_nodes *nodes, struct small_world *world, uint32_t peer,
                                      const struct small_step *step)
{
    const struct small_coord *coord = &nodes->coords[world->coord];

    if ((step->seen & SMALL_HAS_YES) != 0) {
        set(world, peer, SMALL_P_YES);
        world->flags &= ~(UINT64_C(3) << small_f(peer, SMALL_P_OPS));
        world->flags |= (uint64_t)(step->mask & 3) << small_f(peer, SMALL_P_OPS);
    }
    if ((step->seen & SMALL_IS_READ_ONLY) != 0)
        set(world, peer, SMALL_P_READ_ONLY);
    if ((step->seen & SMALL_HAS_COMMITTED) != 0)
        set(world, peer, SMALL_P_COMMITTED);
    if ((step->seen & SMALL_HAS_ABORTED) != 0)
        set(world, peer, SMALL_P_ABORTED);
    if ((step->seen & SMALL_HAS_MEMO) != 0)
        set(world, peer, SMALL_P_MEMO);
    if ((step->seen & SMALL_HAS_JOINED) != 0)
        world->flags += UINT64_C(1) << small_f(peer, SMALL_P_TOLD);
    if ((step->seen & SMALL_SAID_ABORT) != 0)
        world->flags |= SMALL_F_SAID_ABORT;
    if ((step->seen & SMALL_SAID_COMMITTED) != 0 && (world->flags & SMALL_F_COMMIT) == 0)
        return BREACH("I07", "a peer is told COMMITTED, and no decision is durable");
    if ((step->seen & SMALL_SAID_ACK) != 0 && (world->flags & SMALL_F_END) == 0)
        return BREACH("I09", "an acknowledgement, and neither a tombstone nor the END is durable (mistake 3)");
    if ((step->seen & SMALL_DROPPED) != 0 && (world->flags & SMALL_F_END) == 0)
        return BREACH("I11", "a tombstone is dropped, and the END is not durable");
    if ((step->seen & SMALL_DROPPED_MEMO) != 0 && (coord->disk.kinds >> VOW_RECORD_ONE_PHASE & 1) == 0)
        return BREACH("I11", "a memo is dropped, and the coordinator's note is not durable");
    return HELD;
}

/* ---- what must hold in every state ---- */

static bool any_needs_log(const struct small_nodes *nodes, const struct small_world *world)
{
    bool found = false;

    for (uint32_t i = 0; i < nodes->config.participants; i++)
        found = found || (is_needed(nodes, world, i) && !is_set(world, i, SMALL_P_READ_ONLY));
    return found;
}

static struct small_breach check_decisions(const struct small_nodes *nodes, const struct small_world *world)
{
    const uint64_t flags = world->flags;
    const bool is_committed = (flags & SMALL_F_COMMIT) != 0 || any(nodes, world, SMALL_P_COMMITTED);
    const bool has_memo = any(nodes, world, SMALL_P_MEMO);

    for (uint32_t i = 0; i < nodes->config.participants; i++) {
        if (is_set(world, i, SMALL_P_COMMITTED) && is_set(world, i, SMALL_P_ABORTED))
            return BREACH("I02", "a participant has committed and aborted");
    }
    if (any(nodes, world, SMALL_P_COMMITTED) && (flags & SMALL_F_COMMIT) == 0)
        return BREACH("I01", "a participant has committed, and no decision is durable (mistake 1)");
    if (is_committed && any(nodes, world, SMALL_P_ABORTED))
        return BREACH("I01", "one has decided to commit and another has aborted");
    if ((flags & SMALL_F_SAID_ABORT) != 0 && (flags & SMALL_F_COMMIT_LOGGED) != 0)
        return BREACH("I10", "ABORT was said of a transaction that commits (mistakes 6, 7, 8, 12, 16)");
    if ((flags & SMALL_F_TOLD_ABORTED) != 0 && ((flags & SMALL_F_COMMIT_LOGGED) != 0 || is_committed || has_memo))
        return BREACH("I06", "ABORTED was answered, and the transaction commits");
    /* Where nothing was written, there is a note at most, which is not forced (protocol 2.8); if it is lost, that is
     * presumed aborted: both answers say the same, that nothing has changed anywhere. */
    if ((flags & SMALL_F_TOLD_ABORTED) != 0 && (flags & SMALL_F_TOLD_COMMITTED) != 0 && any_needs_log(nodes, world))
        return BREACH("I18", "COMMITTED was answered, and ABORTED");
    return HELD;
}

struct small_breach small_check(const struct small_nodes *nodes, struct small_world *world, struct small_event event,
                                const struct small_step *step)
{
    struct small_breach breach;

    /* What was submitted and is lost was never said to anybody. */
    if (event.kind == SMALL_COORD_CRASH && (step->seen & SMALL_HAS_COMMIT) == 0 && (world->flags & SMALL_F_COMMIT) == 0)
        world->flags &= ~SMALL_F_COMMIT_LOGGED;
    breach = event.kind < SMALL_JOIN ? check_coord(nodes, world, step) : check_part(nodes, world, event.peer, step);
    return breach.rule != NULL ? breach : check_decisions(nodes, world);
}

struct small_breach small_check_end(const struct small_nodes *nodes, const struct small_world *world)
{
    const struct small_yes_list *yes = &nodes->coords[world->coord].disk.yes;

    for (uint32_t i = 0; i < yes->len && (world->flags & SMALL_F_COMMIT) != 0; i++) {
        if (!is_set(world, (uint32_t)(yes->members[i].name[1] - '0'), SMALL_P_COMMITTED))
            return BREACH("I06", "all has ended, and a participant has not committed what was decided");
    }
    if ((world->flags & SMALL_F_COMMIT) != 0 && (world->flags & SMALL_F_END) == 0)
        return BREACH("I05", "all has ended, and the log has no END");
    return HELD;
}

/* ---- what no rule can read any more ---- */

static bool may_still(const struct small_nodes *nodes, const struct small_world *world, uint32_t seen)
{
    return (small_memo_of(nodes, world, true)->future[world->coord] & seen) != 0;
}

static uint64_t flags_of_all(uint64_t flags)
{
    uint64_t all = 0;

    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++)
        all |= flags << small_f(i, 0);
    return all;
}

#define VOTES (UINT64_C(1) << SMALL_P_YES | UINT64_C(1) << SMALL_P_READ_ONLY | UINT64_C(3) << SMALL_P_OPS)

/*
 * Votes are read when COMMIT is logged, when COMMITTED is told without it, and if both answers were told.
 *
 * With COMMIT durable both have happened, or never will; ABORTED would break I06 before I18, and so it matters no more
 * whether COMMITTED was told. Without it and with no way to it, to COMMITTED or to a participant's commit but a broken
 * I01, it is no breach to abort, or to say so.
 */
uint64_t small_flags_spent(const struct small_nodes *nodes, const struct small_world *world)
{
    const bool may_log = may_still(nodes, world, SMALL_LOGS_COMMIT | SMALL_TOLD_UNLOGGED);

    if (nodes->config.work == SMALL_ONE_PHASE || nodes->config.keeps_flags || may_log)
        return 0;
    if ((world->flags & SMALL_F_COMMIT) != 0)
        return flags_of_all(VOTES) | SMALL_F_TOLD_COMMITTED;
    if ((world->flags & (SMALL_F_COMMIT_LOGGED | SMALL_F_TOLD_COMMITTED)) != 0 ||
        any(nodes, world, SMALL_P_COMMITTED) || may_still(nodes, world, SMALL_HAS_COMMIT | SMALL_TOLD_COMMITTED))
        return 0;
    return flags_of_all(VOTES | UINT64_C(1) << SMALL_P_ABORTED) | SMALL_F_SAID_ABORT | SMALL_F_TOLD_ABORTED;
}
