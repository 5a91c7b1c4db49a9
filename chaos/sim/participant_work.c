/* The work of a participant's service: the calls that come with PREPARE, and those that join. */
#include <string.h>

#include "chaos/sim/bank.h"
#include "chaos/sim/participant_private.h"
#include "proto/assert.h"
#include "proto/error.h"

static struct sim_call *join_of(const struct sim_participant *p, const struct vow_gtrid *gtrid)
{
    struct sim_call *join = p->joins;

    while (join != NULL && !vow_gtrid_equal(&join->gtrid, gtrid))
        join = join->next;
    return join;
}

int participant_run_call(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, const struct vow_msg_call *call,
                         enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    const struct work_ctx *work = ctx;
    struct sim_participant *p = work->node->participant;
    struct sim_leg leg;
    int rc;

    if (strcmp(call->handler, "work") != 0 || !sim_leg_decode(call->payload.data, call->payload.len, &leg)) {
        *cause = VOW_CAUSE_NO_SUCH_HANDLER;
        return VOW_E_NOT_FOUND;
    }
    rc = sim_bank_work(work->world, work->node, &p->bank, gtrid, db, &leg, cause, text);
    if (rc == 0 && leg.kind >= SIM_ADD)
        rc = participant_tell_of_work(work->world, work->node, db, gtrid);
    if (rc != 0 && rc != VOW_E_REFUSED)
        *cause = VOW_CAUSE_HANDLER_FAILED;
    return rc;
}

int participant_run_work(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, enum vow_cause *cause,
                         char text[VOW_TEXT_SIZE])
{
    const struct work_ctx *work = ctx;
    struct sim_participant *p = work->node->participant;
    const struct sim_call *join = join_of(p, gtrid);
    int rc;

    VOW_ASSERT(join != NULL);
    rc = sim_bank_work(work->world, work->node, &p->bank, gtrid, db, join->work, cause, text);
    if (rc == 0 && join->work->kind >= SIM_ADD)
        rc = participant_tell_of_work(work->world, work->node, db, gtrid);
    if (rc != 0 && rc != VOW_E_REFUSED)
        *cause = VOW_CAUSE_HANDLER_FAILED;
    return rc;
}

void participant_answer_join(struct sim_participant *p, const struct vow_branches_effect *effect)
{
    struct sim_call **link = &p->joins, *join;

    while (*link != NULL && !vow_gtrid_equal(&(*link)->gtrid, &effect->joined.gtrid))
        link = &(*link)->next;
    join = *link;
    VOW_ASSERT(join != NULL);
    *link = join->next;
    join->error = effect->joined.error;
    join->ops = effect->joined.error == 0 ? 1 : 0;
    join->next = p->answered;
    p->answered = join;
}

static void join(struct sim_world *world, struct sim_node *node, const struct vow_gtrid *gtrid)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_JOIN};

    event.join.gtrid = *gtrid;
    participant_step(world, node, &event);
}

/* Answers the services, and lets the next joins of their ids go on. */
void participant_settle_joins(struct sim_world *world, struct sim_node *node)
{
    struct sim_participant *p = node->participant;

    while (p->answered != NULL) {
        struct sim_call *call = p->answered;
        const struct vow_gtrid gtrid = call->gtrid;

        p->answered = call->next;
        sim_call_answer(world, call);
        if (join_of(p, &gtrid) != NULL)
            join(world, node, &gtrid);
    }
}

/* A service was called with a transaction's token: its work joins. */
void participant_called(struct sim_world *world, struct sim_node *node, struct sim_call *call)
{
    struct sim_participant *p = node->participant;
    const bool is_first = join_of(p, &call->gtrid) == NULL;
    struct sim_call **link = &p->joins;

    while (*link != NULL)
        link = &(*link)->next;
    call->next = NULL;
    *link = call;
    if (is_first)
        join(world, node, &call->gtrid);
    participant_turn_end(world, node);
}
