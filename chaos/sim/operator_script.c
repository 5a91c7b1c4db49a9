/*
 * When an operator does what. An action of the plan arms a script: a moment, and what is done then. Moments are those
 * at which an order does most harm: a branch has just been prepared, the decision is under way to it, the coordinator
 * has just died. The operator of the model sees them as nobody could who has only vowctl; what he does is what anybody
 * can.
 */
#include "chaos/sim/operator_private.h"

/* --- What is known of transactions --- */

static struct affair *find_affair(struct sim_operator *o, const struct vow_gtrid *gtrid)
{
    struct affair *affair = o->affairs;

    while (affair != NULL && !vow_gtrid_equal(&affair->gtrid, gtrid))
        affair = affair->next;
    return affair;
}

static struct affair *affair_of(struct sim_operator *o, const struct vow_gtrid *gtrid, uint8_t coord)
{
    struct affair *affair = find_affair(o, gtrid);

    if (affair != NULL)
        return affair;
    affair = sim_arena_take(&o->world->arena, sizeof(*affair));
    *affair = (struct affair){.next = o->affairs, .gtrid = *gtrid, .coord = coord};
    o->affairs = affair;
    return affair;
}

static bool ends_doubt(enum vow_store_op_kind op)
{
    return op == VOW_STORE_COMMIT || op == VOW_STORE_ABORT || op == VOW_STORE_HEURISTIC_COMMIT ||
           op == VOW_STORE_HEURISTIC_ABORT;
}

static struct affair *learn_of_store(struct sim_operator *o, const struct sim_sight *sight)
{
    struct affair *affair = find_affair(o, &sight->gtrid);

    if (affair == NULL || sight->store.result != VOW_STORE_DONE)
        return NULL;
    if (sight->store.op == VOW_STORE_PREPARE)
        affair->doubted |= UINT32_C(1) << sight->node;
    else if (ends_doubt(sight->store.op))
        affair->doubted &= ~(UINT32_C(1) << sight->node);
    return sight->store.op == VOW_STORE_PREPARE ? affair : NULL;
}

/* --- Orders --- */

static enum vow_admin_command command_of(enum vow_verdict verdict)
{
    return verdict == VOW_COMMIT ? VOW_ADMIN_COMMIT : VOW_ADMIN_ABORT;
}

static enum vow_verdict any_verdict(struct sim_rng *rng)
{
    return sim_rng_below(rng, 2) == 0 ? VOW_COMMIT : VOW_ABORT;
}

static void end_one(struct sim_operator *o, const struct script *script, const struct affair *affair, uint8_t node,
                    enum vow_verdict verdict, uint64_t delay_us)
{
    operator_order(o, affair, command_of(verdict), script->is_straight ? node : affair->coord, node, delay_us);
}

static void end_all(struct sim_operator *o, struct script *script, const struct affair *affair, bool is_split)
{
    for (uint8_t i = 0; i < SIM_NODES_MAX; i++) {
        if ((affair->asked >> i & 1) != 0)
            end_one(o, script, affair, i, is_split ? any_verdict(&script->rng) : script->verdict, script->delay_us);
    }
}

static void forget(struct sim_operator *o, const struct affair *affair, struct sim_rng *rng, uint64_t delay_us)
{
    const struct sim_options *options = &o->world->options;
    uint8_t at = SIM_NODE_NONE;

    /* Sometimes of one participant only, who may have no part in it. */
    if (sim_rng_below(rng, 3) == 0)
        at = (uint8_t)(options->coordinators + sim_rng_below(rng, options->participants));
    operator_order(o, affair, VOW_ADMIN_FORGET, affair->coord, at, delay_us);
}

static struct blow *blow_at(struct sim_operator *o, uint8_t node, uint64_t down_us, bool is_split)
{
    struct blow *blow = sim_arena_take(&o->world->arena, sizeof(*blow));

    *blow = (struct blow){.node = node, .down_us = down_us, .is_split = is_split};
    return blow;
}

/* Long enough for all time-outs to pass, in a long world. */
static void block(struct sim_operator *o, struct script *script, uint8_t coord, bool is_split)
{
    const uint64_t down_us = o->world->options.is_short ? SIM_SECOND_US : 12 * SIM_SECOND_US;
    struct blow *blow = blow_at(o, coord, down_us / 4 + sim_rng_below(&script->rng, down_us), is_split);

    operator_later(o, OPERATOR_KILLS, script->delay_us, blow);
    operator_later(o, OPERATOR_SWEEPS, script->delay_us + blow->down_us / 2, blow);
}

static void act(struct sim_operator *o, struct script *script, const struct affair *affair, uint8_t node)
{
    const enum vow_verdict other = script->verdict == VOW_COMMIT ? VOW_ABORT : VOW_COMMIT;
    const uint8_t hit = script->is_straight && node != SIM_NODE_NONE ? node : affair->coord;

    switch (script->deed) {
    case DEED_TWICE:
        end_one(o, script, affair, node, other, script->delay_us + sim_rng_below(&script->rng, 2000));
        end_one(o, script, affair, node, script->verdict, script->delay_us);
        break;
    case DEED_ONE:
        end_one(o, script, affair, node, script->verdict, script->delay_us);
        break;
    case DEED_SAME:
    case DEED_SPLIT:
        end_all(o, script, affair, script->deed == DEED_SPLIT);
        break;
    case DEED_ABORT:
        operator_order(o, affair, VOW_ADMIN_ABORT, affair->coord, SIM_NODE_NONE, script->delay_us);
        break;
    case DEED_FORGET:
        forget(o, affair, &script->rng, script->delay_us);
        break;
    case DEED_BLOCK:
    case DEED_BLOCK_ANY:
        block(o, script, affair->coord, script->deed == DEED_BLOCK_ANY);
        return;
    }
    if (script->is_crashing)
        operator_later(o, OPERATOR_KILLS, script->delay_us + script->crash_us, blow_at(o, hit, script->down_us, false));
}

void operator_kill(struct sim_operator *o, const struct blow *blow)
{
    if (o->world->phase == SIM_PHASE_SAFETY)
        sim_nemesis_kill(o->world, &o->world->nodes[blow->node], blow->down_us, &o->rng);
}

uint32_t operator_sweep(struct sim_operator *o, uint8_t coord, bool is_split, bool is_dry)
{
    struct affair affair = {.coord = coord};
    uint32_t doubted = 0;

    for (uint8_t i = 0; i < (uint8_t)o->world->nodes_len; i++) {
        const struct sim_node *node = &o->world->nodes[i];
        uint32_t cursor = 0;

        if (node->role != SIM_PARTICIPANT || node->coord != coord)
            continue;
        while (sim_participant_next_doubted(node, &cursor, &affair.gtrid)) {
            const uint64_t coin = vow_gtrid_hash(&affair.gtrid) + (is_split ? i : 0u);

            doubted++;
            if (!is_dry)
                operator_order(o, &affair, (coin & 1) != 0 ? VOW_ADMIN_COMMIT : VOW_ADMIN_ABORT, i, i, 0);
        }
    }
    return doubted;
}

/* --- Moments --- */

static void reach(struct sim_operator *o, enum moment moment, const struct affair *affair, uint8_t node)
{
    for (struct script **link = &o->scripts; affair != NULL && *link != NULL;) {
        struct script *script = *link;

        if (script->moment != moment || script->skip > 0) {
            script->skip -= script->moment == moment;
            link = &script->next;
            continue;
        }
        *link = script->next;
        act(o, script, affair, node);
    }
}

static void see_sent(struct sim_operator *o, const struct sim_sight *sight)
{
    const struct vow_msg *msg = sight->message.msg;
    const struct vow_gtrid gtrid = sim_message_id(msg);
    struct affair *affair;

    if (msg->kind == VOW_MSG_PREPARE) {
        affair = affair_of(o, &gtrid, sight->node);
        affair->asked |= UINT32_C(1) << sight->peer;
        reach(o, MOMENT_ASKED, affair, sight->peer);
    } else if (msg->kind == VOW_MSG_VOTE && msg->vote.vote == VOW_VOTE_YES) {
        reach(o, MOMENT_VOTED, find_affair(o, &gtrid), sight->node);
    } else if (msg->kind == VOW_MSG_DECISION) {
        affair = find_affair(o, &gtrid);
        if (affair != NULL && (affair->doubted >> sight->peer & 1) != 0)
            reach(o, MOMENT_TOLD, affair, sight->peer);
    }
}

/* The newest transaction of that coordinator with a branch in doubt, and one of those who hold one. */
static void see_crash(struct sim_operator *o, const struct sim_sight *sight)
{
    const bool is_coordinator = o->world->nodes[sight->node].role == SIM_COORDINATOR;

    for (const struct affair *affair = o->affairs; affair != NULL; affair = affair->next) {
        uint8_t holder = 0;

        if (is_coordinator && affair->coord == sight->node && affair->doubted != 0) {
            while ((affair->doubted >> holder & 1) == 0)
                holder++;
            reach(o, MOMENT_DEAD, affair, holder);
            return;
        }
        if (!is_coordinator && affair->is_decided && (affair->doubted >> sight->node & 1) != 0) {
            reach(o, MOMENT_MISSING, affair, sight->node);
            return;
        }
    }
}

/* Whether an operator sees to damage that he hears of, and when: at once, later, or twice. */
static void see_damage(struct sim_operator *o, const struct affair *affair)
{
    uint32_t times = 1 + (sim_rng_below(&o->rng, 3) == 0);

    if (affair == NULL || sim_rng_below(&o->rng, 100) >= o->world->options.forget_pct)
        return;
    while (times-- > 0) {
        const bool at_once = sim_rng_below(&o->rng, 3) == 0;

        forget(o, affair, &o->rng, at_once ? 0 : sim_rng_wait(&o->rng, SIM_SECOND_US));
    }
}

static void see_log(struct sim_operator *o, const struct sim_sight *sight)
{
    struct affair *affair = find_affair(o, &sight->log.record->gtrid);

    if (sight->log.record->kind == VOW_RECORD_COMMIT && affair != NULL) {
        uint8_t node = 0;

        affair->is_decided = true;
        while (node < SIM_NODES_MAX && (affair->doubted >> node & 1) == 0)
            node++;
        if (node < SIM_NODES_MAX)
            reach(o, MOMENT_DECIDED, affair, node);
    } else if (sight->log.record->kind == VOW_RECORD_HEURISTIC) {
        reach(o, MOMENT_NOTED, affair, sight->node);
    } else if (sight->log.record->kind == VOW_RECORD_DAMAGE) {
        see_damage(o, affair);
    }
}

void operator_see(void *ctx, const struct sim_sight *sight)
{
    struct sim_operator *o = ctx;

    if (o->world->phase != SIM_PHASE_SAFETY)
        return;
    if (sight->kind == SIM_SEEN_SENT)
        see_sent(o, sight);
    else if (sight->kind == SIM_SEEN_STORE_DONE)
        reach(o, MOMENT_PREPARED, learn_of_store(o, sight), sight->node);
    else if (sight->kind == SIM_SEEN_STORE_ASKED &&
             (sight->store.op == VOW_STORE_HEURISTIC_COMMIT || sight->store.op == VOW_STORE_HEURISTIC_ABORT))
        reach(o, MOMENT_ENDING, find_affair(o, &sight->gtrid), sight->node);
    else if (sight->kind == SIM_SEEN_LOG_DURABLE)
        see_log(o, sight);
    else if (sight->kind == SIM_SEEN_CRASHED)
        see_crash(o, sight);
}

/* --- Scripts --- */

void operator_arm(struct sim_operator *o, const struct sim_action *action)
{
    static const struct {
        enum moment moment;
        enum deed deed;
    } scripts[] = {
        {MOMENT_ASKED, DEED_ABORT},     {MOMENT_VOTED, DEED_ABORT},       {MOMENT_DECIDED, DEED_ABORT},
        {MOMENT_PREPARED, DEED_ONE},    {MOMENT_VOTED, DEED_ONE},         {MOMENT_DECIDED, DEED_ONE},
        {MOMENT_TOLD, DEED_ONE},        {MOMENT_DEAD, DEED_ONE},          {MOMENT_PREPARED, DEED_TWICE},
        {MOMENT_ENDING, DEED_TWICE},    {MOMENT_PREPARED, DEED_SPLIT},    {MOMENT_VOTED, DEED_SAME},
        {MOMENT_DEAD, DEED_SAME},       {MOMENT_DEAD, DEED_SPLIT},        {MOMENT_VOTED, DEED_BLOCK},
        {MOMENT_VOTED, DEED_BLOCK_ANY}, {MOMENT_DECIDED, DEED_BLOCK_ANY}, {MOMENT_MISSING, DEED_FORGET},
        {MOMENT_NOTED, DEED_FORGET},    {MOMENT_VOTED, DEED_FORGET},
    };
    struct script *script = sim_arena_take(&o->world->arena, sizeof(*script));
    struct sim_rng *rng = &script->rng;
    uint64_t which;

    script->rng = sim_rng_of(o->world->options.seed, SIM_FOR_NEMESIS, 6, action->number);
    which = sim_rng_below(rng, sizeof(scripts) / sizeof(scripts[0]));
    script->moment = scripts[which].moment;
    script->deed = scripts[which].deed;
    script->skip = (uint32_t)sim_rng_below(rng, 3);
    script->verdict = any_verdict(rng);
    script->is_straight = sim_rng_below(rng, 2) == 0;
    script->delay_us = sim_rng_below(rng, 2) == 0 ? 0 : sim_rng_wait(rng, o->world->options.delay_us);
    script->is_crashing = sim_rng_below(rng, 3) == 0;
    script->crash_us = sim_rng_wait(rng, 2 * (uint64_t)o->world->options.delay_us);
    script->down_us = 1000 + sim_rng_wait(rng, SIM_SECOND_US / 4);
    script->next = o->scripts;
    o->scripts = script;
}
